/* SPDX-License-Identifier: ISC */
/* The command lines of the inetds: what OpenBSD's and GNU's take, and some of FreeBSD's,
 * in one table. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon_internal.h"
#include "usherd/base/units.h"

#define INETD_PIDFILE "/run/inetd.pid"

struct reading {
	struct options *options;
	bool pidfile_given;
};

struct row {
	char letter;          /* 0: long form only */
	const char *name;     /* NULL: letter only */
	const char *argument; /* NULL: none; "[X]": optional */
	int (*apply)(struct reading *reading, const char *argument, struct error *err);
	const char *help;
};

static int ignore(struct reading *reading, const char *argument, struct error *err)
{
	(void)reading;
	(void)argument;
	(void)err;
	return 0;
}

static int set_debug(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->debug = true;
	reading->options->background = false;
	reading->options->verbose = 2;
	return options_set(&reading->options->log, strdup("stderr"));
}

static int set_foreground(struct reading *reading, const char *argument,
			  struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->background = false;
	return 0;
}

static int keep_environment(struct reading *reading, const char *argument,
			    struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->launder = false;
	return 0;
}

/* Without a name there is to be none. */
static int set_pidfile(struct reading *reading, const char *argument, struct error *err)
{
	(void)err;
	reading->pidfile_given = true;
	if (argument != NULL)
		return options_set(&reading->options->pidfile,
				   options_absolute(argument));
	free(reading->options->pidfile);
	reading->options->pidfile = NULL;
	return 0;
}

static int set_backlog(struct reading *reading, const char *argument, struct error *err)
{
	return units_parse_unsigned(argument, 1, 65535, &reading->options->backlog, err);
}

static int set_rate(struct reading *reading, const char *argument, struct error *err)
{
	return units_parse_unsigned(argument, 1, UINT32_MAX, &reading->options->rate,
				    err);
}

static int wrap_programs(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->wrap_programs = true;
	return 0;
}

static int wrap_internal(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->wrap_internal = true;
	return 0;
}

static int set_version(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->action = ACTION_VERSION;
	return 0;
}

static int set_help(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->action = ACTION_HELP;
	return 0;
}

static const struct row rows[] = {
	{ 'd', "debug", NULL, set_debug, "stay in the foreground and say more" },
	{ 'E', NULL, NULL, keep_environment, "programs get the whole environment" },
	{ 0, "environment", NULL, ignore,
	  "taken; programs always get their peer's address" },
	{ 0, "resolve", NULL, ignore, "taken; names are not looked up for programs" },
	{ 'i', NULL, NULL, set_foreground, "stay in the foreground" },
	{ 'l', NULL, NULL, wrap_programs,
	  "ask hosts.allow and hosts.deny about clients of programs" },
	{ 'p', "pidfile", "[FILE]", set_pidfile,
	  "write the process id to FILE, or nowhere (default " INETD_PIDFILE ")" },
	{ 'q', NULL, "LENGTH", set_backlog, "connections the kernel keeps waiting" },
	{ 'R', "rate", "NUMBER", set_rate, "most starts of a service in a minute" },
	{ 'V', "version", NULL, set_version, "print the version and exit" },
	{ 'w', NULL, NULL, wrap_programs, "likewise (FreeBSD's)" },
	{ 'W', NULL, NULL, wrap_internal,
	  "ask them about clients of in-process services" },
	{ '?', "help", NULL, set_help, "print this help and exit" },
	{ 0, "usage", NULL, set_help, "likewise" },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
/* getopt_long's value for row i: past every letter. */
#define ROW_VALUE(i) (256 + (int)(i))

static int argument_kind(const struct row *row)
{
	if (row->argument == NULL)
		return no_argument;
	return row->argument[0] == '[' ? optional_argument : required_argument;
}

static void build_getopt(struct option longs[ROW_COUNT + 1], char *shorts)
{
	size_t count = 0;

	*shorts++ = ':';
	for (size_t i = 0; i < ROW_COUNT; i++) {
		int kind = argument_kind(&rows[i]);

		if (rows[i].name != NULL)
			longs[count++] = (struct option){ .name = rows[i].name,
							  .has_arg = kind,
							  .val = ROW_VALUE(i) };
		/* getopt(3) says '?' itself. */
		if (rows[i].letter == 0 || rows[i].letter == '?')
			continue;
		*shorts++ = rows[i].letter;
		for (int colons = kind; colons > 0; colons--)
			*shorts++ = ':';
	}
	longs[count] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct row *find_row(int value)
{
	if (value == '?' && optopt != '?')
		return NULL;
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (value == ROW_VALUE(i) ||
		    (rows[i].letter != 0 && value == rows[i].letter))
			return &rows[i];
	return NULL;
}

static int refuse(int value, char *const argv[], struct error *err)
{
	const char *word = argv[optind - 1];

	if (value == ':')
		return error_set(err, -EINVAL, "option '%s' needs a value", word);
	if (optopt != 0 && optopt < 256)
		return error_set(err, -EINVAL, "unknown option '-%c'", optopt);
	return error_set(err, -EINVAL, "unknown option '%s'", word);
}

static int apply(struct reading *reading, int value, char *const argv[],
		 struct error *err)
{
	const struct row *row = find_row(value);
	struct error reason = { 0 };
	int r;

	if (row == NULL)
		return refuse(value, argv, err);
	r = row->apply(reading, optarg, &reason);
	if (r == -ENOMEM)
		return error_set(err, r, "out of memory");
	return r < 0 ? error_set(err, -EINVAL, "-%c: %s", row->letter, reason.text) : 0;
}

/* What an inetd does without being told: files that need not be there, a log, and a pid
 * file where there is none in /run but root's. */
static int fill_in(struct reading *reading, struct error *err)
{
	struct options *options = reading->options;
	int r = 0;

	options->inetd_default = options->inetd_files.count == 0;
	options->inetd_folder = options->inetd_default;
	if (options->log == NULL)
		r = options_set(&options->log, strdup("syslog:daemon"));
	if (r == 0 && !reading->pidfile_given && !options->debug && geteuid() == 0)
		r = options_set(&options->pidfile, strdup(INETD_PIDFILE));
	return r < 0 ? error_set(err, -ENOMEM, "out of memory") : 0;
}

int options_parse_inetd(int argc, char *const argv[], struct options *ret,
			struct error *err)
{
	struct reading reading = { .options = ret };
	struct option longs[ROW_COUNT + 1];
	char shorts[3 * ROW_COUNT + 2];
	int r = 0;
	int value;

	memset(ret, 0, sizeof(*ret));
	/* A manager that wants to be notified watches the process that it has started. */
	ret->launder = true;
	ret->background = getenv("NOTIFY_SOCKET") == NULL;
	build_getopt(longs, shorts);
	optind = 0;
	opterr = 0;
	while (r == 0 && (value = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		r = apply(&reading, value, argv, err);
	for (; r == 0 && optind < argc; optind++)
		if (options_add_path(&ret->inetd_files, argv[optind]) < 0)
			r = error_set(err, -ENOMEM, "out of memory");
	return r < 0 ? r : fill_in(&reading, err);
}

void options_usage_inetd(FILE *out)
{
	(void)fprintf(out, "usage: inetd [OPTION]... [FILE|DIRECTORY]...\n");
}

void options_help_inetd(FILE *out)
{
	options_usage_inetd(out);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct row *row = &rows[i];
		char letter[4] = "  ";

		if (row->letter != 0)
			(void)snprintf(letter, sizeof(letter), "-%c", row->letter);
		(void)fprintf(out, "  %s  %s%-13s %-8s %s\n", letter,
			      row->name != NULL ? "--" : "  ",
			      row->name != NULL ? row->name : "",
			      row->argument != NULL ? row->argument : "", row->help);
	}
}
