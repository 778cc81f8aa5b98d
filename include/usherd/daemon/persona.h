/* SPDX-License-Identifier: ISC */
/*
 * Whose place usherd takes: the name that it is called by decides what its options are,
 * what signals mean, what the main log looks like and what the exit codes are.
 */
#ifndef USHERD_DAEMON_PERSONA_H
#define USHERD_DAEMON_PERSONA_H

#include <stdbool.h>
#include <stdio.h>

#include "usherd/base/error.h"

struct options;
struct signal_row;

struct persona {
	const char *name;
	int (*parse)(int argc, char *const argv[], struct options *ret,
		     struct error *err);
	void (*usage)(FILE *out); /* what follows the sentence about a usage error */
	void (*version)(void);    /* ACTION_VERSION */
	void (*help)(FILE *out);  /* ACTION_HELP */
	const struct signal_row *signals; /* up to a row with signal 0 */
	int failure;       /* the exit code of every failure; 0: those of sysexits(3) */
	bool logs_faults;  /* of the configuration, also when it is read first */
	bool ends_removed; /* programs of services that a reload has taken out */
	bool xinetd_log;   /* the main log has the form and the words of xinetd's */
};

/* Of the last component of @argv0; who has no other name is usherd. */
const struct persona *persona_find(const char *argv0);

/* Read argv as the persona of argv[0] does, options_parse() says how; the options know
 * the persona then. */
int persona_parse(int argc, char *const argv[], struct options *ret, struct error *err);

/* Of options that nobody has parsed, too. */
const struct persona *persona_of(const struct options *options);

#endif
