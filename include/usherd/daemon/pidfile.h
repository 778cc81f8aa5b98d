/* SPDX-License-Identifier: ISC */
/*
 * The pid file: written whole or not at all, locked while the daemon lives (fcntl(2)
 * record lock), removed at its end. A lock, not the content, says that somebody runs, so
 * a file left behind by kill -9 stops nobody.
 */
#ifndef USHERD_DAEMON_PIDFILE_H
#define USHERD_DAEMON_PIDFILE_H

#include "usherd/base/error.h"

struct pidfile {
	int fd;     /* owned; -1: none */
	char *path; /* owned */
};

/* 0; -EEXIST with the holder's pid in the sentence when another instance has it; or
 * another negative errno. */
int pidfile_take(const char *path, struct pidfile *ret, struct error *err);
void pidfile_release(struct pidfile *pidfile);

#endif
