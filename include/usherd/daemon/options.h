/* SPDX-License-Identifier: ISC */
/* The command line, as data; whichever program's it is, see persona.h. */
#ifndef USHERD_DAEMON_OPTIONS_H
#define USHERD_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "usherd/base/error.h"
#include "usherd/base/strings.h"

#define OPTIONS_IDENT_SIZE 32

enum action {
	ACTION_SERVE,
	ACTION_CHECK,           /* -t */
	ACTION_DUMP,            /* -T */
	ACTION_HELP,            /* -h */
	ACTION_HELP_ATTRIBUTES, /* --help-attributes [NAME] */
	ACTION_VERSION,         /* -V */
};

struct options {
	const struct persona *persona;  /* borrowed; NULL: usherd's own */
	char ident[OPTIONS_IDENT_SIZE]; /* the name in messages and in the log */
	enum action action;
	struct strings files; /* -f, absolute; the default file when no file is given */
	struct strings xinetd_files; /* -x, absolute */
	struct strings inetd_files;  /* -i, absolute */
	char *pidfile;               /* -p, absolute, owned, or NULL */
	char *log;                   /* -l, owned, or NULL */
	char *attribute;             /* of --help-attributes, owned, or NULL */
	bool background;             /* -b */
	unsigned verbose;            /* -v, counted */

	/* Those of other personas alone: */
	bool debug;            /* an interrupt from the keyboard ends the daemon */
	bool inetd_default;    /* serve /etc/inetd.conf too, if it is there */
	bool inetd_folder;     /* and the files of /etc/inetd.d */
	bool launder;          /* programs do not get what startup_launder() takes */
	uint64_t rate;         /* starts of each of them in a minute; 0: as they say */
	bool wrap_programs;    /* of inetd files: hosts.allow and hosts.deny are asked */
	bool wrap_internal;    /* likewise for their in-process services */
	uint64_t backlog;      /* likewise: connections the kernel keeps waiting */
	uint64_t max_children; /* in place of the setting; 0: as that says */
	uint64_t check_ns;     /* time between two checks of the state; 0: none */
};

/*
 * Read argv. 0; -EINVAL for a usage error (EX_USAGE) described in @err; -ENOMEM.
 * *ret is to be freed with options_done() in every case.
 */
int options_parse(int argc, char *const argv[], struct options *ret, struct error *err);
void options_done(struct options *options);

/* The help text, made from the option table. */
void options_help(FILE *out);

#endif
