/* SPDX-License-Identifier: ISC */
/* hosts.allow and hosts.deny, by the library whose files they are. */
#ifndef USHERD_WRAP_HOSTS_H
#define USHERD_WRAP_HOSTS_H

#include <stdbool.h>

/*
 * Do hosts.allow and hosts.deny let the client of the stream socket @fd talk to @daemon?
 * A file that is there and cannot be read lets nobody. May block, look up names, run
 * commands, and not come back at all (hosts_options(5), "twist").
 */
bool hosts_allow(const char *daemon, int fd);

#endif
