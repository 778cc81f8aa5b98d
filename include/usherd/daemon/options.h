/* SPDX-License-Identifier: ISC */
/* The command line, as data. */
#ifndef USHERD_DAEMON_OPTIONS_H
#define USHERD_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "usherd/base/error.h"
#include "usherd/base/strings.h"

enum action {
	ACTION_SERVE,
	ACTION_CHECK,           /* -t */
	ACTION_DUMP,            /* -T */
	ACTION_HELP,            /* -h */
	ACTION_HELP_ATTRIBUTES, /* --help-attributes [NAME] */
	ACTION_VERSION,         /* -V */
};

struct options {
	enum action action;
	struct strings files; /* -f, absolute; the default file when no file is given */
	struct strings xinetd_files; /* -x, absolute */
	struct strings inetd_files;  /* -i, absolute */
	char *pidfile;               /* -p, absolute, owned, or NULL */
	char *log;                   /* -l, owned, or NULL */
	char *attribute;             /* of --help-attributes, owned, or NULL */
	bool background;             /* -b */
	unsigned verbose;            /* -v, counted */
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
