/* SPDX-License-Identifier: ISC */
/* hosts.allow and hosts.deny, by the library whose files they are. */
#ifndef USHERD_WRAP_HOSTS_H
#define USHERD_WRAP_HOSTS_H

#include <stdbool.h>

#include "usherd/base/addr.h"

/*
 * Do hosts.allow and hosts.deny let the client of the stream socket @fd talk to @daemon?
 * A file that is there and cannot be read lets nobody. May block, look up names, run
 * commands, and not come back at all (hosts_options(5), "twist").
 */
bool hosts_allow(const char *daemon, int fd);

/* The same for the sender @client of a datagram that came to @server. Neither is asked
 * for the user's name, nor sent anything. */
bool hosts_allow_sender(const char *daemon, struct addr *client, struct addr *server);

#endif
