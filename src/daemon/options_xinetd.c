/* SPDX-License-Identifier: ISC */
/* The command line of xinetd(8): words after one dash, values in words of their own. A
 * word that is not known is refused; those that mean nothing any more are taken. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/log/log.h"

#define XINETD_FILE "/etc/xinetd.conf"

struct reading {
	struct options *options;
	const char *facility; /* -syslog */
	const char *file;     /* -filelog */
};

struct row {
	const char *word;
	const char *argument; /* NULL: none */
	int (*apply)(struct reading *reading, const char *argument, struct error *err);
};

static int ignore(struct reading *reading, const char *argument, struct error *err)
{
	(void)reading;
	(void)argument;
	(void)err;
	return 0;
}

/* What it stood for is no longer: but a number it was. */
static int ignore_number(struct reading *reading, const char *argument, struct error *err)
{
	uint64_t number;

	(void)reading;
	return units_parse_unsigned(argument, 0, UINT32_MAX, &number, err);
}

static int set_debug(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->debug = true;
	reading->options->background = false;
	reading->options->verbose = 2;
	return 0;
}

static int set_foreground(struct reading *reading, const char *argument,
			  struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->background = false;
	return 0;
}

static int set_file(struct reading *reading, const char *argument, struct error *err)
{
	(void)err;
	strings_done(&reading->options->xinetd_files);
	return options_add_path(&reading->options->xinetd_files, argument);
}

static int set_pidfile(struct reading *reading, const char *argument, struct error *err)
{
	(void)err;
	return options_set(&reading->options->pidfile, options_absolute(argument));
}

static int set_facility(struct reading *reading, const char *argument, struct error *err)
{
	(void)err;
	reading->facility = argument;
	return 0;
}

static int set_filelog(struct reading *reading, const char *argument, struct error *err)
{
	(void)err;
	reading->file = argument;
	return 0;
}

static int set_limit(struct reading *reading, const char *argument, struct error *err)
{
	return units_parse_unsigned(argument, 1, UINT32_MAX,
				    &reading->options->max_children, err);
}

static int set_check(struct reading *reading, const char *argument, struct error *err)
{
	uint64_t seconds = 0;
	int r = units_parse_unsigned(argument, 1, UINT32_MAX, &seconds, err);

	reading->options->check_ns = seconds * CLOCK_NS_PER_SECOND;
	return r;
}

static int set_inetd_compat(struct reading *reading, const char *argument,
			    struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->inetd_default = true;
	return 0;
}

static int set_version(struct reading *reading, const char *argument, struct error *err)
{
	(void)argument;
	(void)err;
	reading->options->action = ACTION_VERSION;
	return 0;
}

static const struct row rows[] = {
	{ "d", NULL, set_debug },
	{ "f", "FILE", set_file },
	{ "filelog", "FILE", set_filelog },
	{ "syslog", "FACILITY", set_facility },
	{ "pidfile", "FILE", set_pidfile },
	{ "dontfork", NULL, set_foreground },
	{ "stayalive", NULL, ignore },
	{ "limit", "NUMBER", set_limit },
	{ "logprocs", "NUMBER", ignore_number },
	{ "cc", "SECONDS", set_check },
	{ "inetd_compat", NULL, set_inetd_compat },
	{ "inetd_ipv6", NULL, ignore },
	{ "reuse", NULL, ignore },
	{ "shutdownprocs", "NUMBER", ignore_number },
	{ "version", NULL, set_version },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static const struct row *find_row(const char *word)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		if (word[0] == '-' && strcmp(rows[i].word, word + 1) == 0)
			return &rows[i];
	return NULL;
}

/* The word argv[*at], with its value if it has one. */
static int read_option(struct reading *reading, char *const argv[], int *at,
		       struct error *err)
{
	const char *word = argv[*at];
	const struct row *row = find_row(word);
	struct error reason = { 0 };
	int r;

	if (row == NULL)
		return error_set(
			err, -EINVAL, "%s '%s'",
			word[0] == '-' ? "unknown option" : "unexpected argument", word);
	if (row->argument != NULL && argv[++*at] == NULL)
		return error_set(err, -EINVAL, "option '%s' needs a value", word);
	r = row->apply(reading, argv[*at], &reason);
	if (r == -ENOMEM)
		return error_set(err, r, "out of memory");
	return r < 0 ? error_set(err, -EINVAL, "%s: %s", word, reason.text) : 0;
}

static char *join(const char *prefix, const char *rest)
{
	char *joined;

	return asprintf(&joined, "%s%s", prefix, rest) == -1 ? NULL : joined;
}

/* As with xinetd, a facility that does not exist is no reason not to start. */
static const char *known_facility(const char *name)
{
	struct error err = { 0 };
	int facility;

	if (log_facility_parse(name, &facility, &err) == 0)
		return log_facility_name(facility);
	(void)fprintf(stderr, "xinetd: -syslog: %s; it is 'daemon'\n", err.text);
	return "daemon";
}

static int choose_log(struct reading *reading, struct error *err)
{
	char *path = NULL;
	char *log = NULL;

	if (reading->facility != NULL && reading->file != NULL)
		return error_set(err, -EINVAL, "-syslog and -filelog exclude each other");
	if (reading->file != NULL)
		path = options_absolute(reading->file);
	if (path != NULL)
		log = join("file:", path);
	else if (reading->facility != NULL)
		log = join("syslog:", known_facility(reading->facility));
	else if (reading->file == NULL)
		log = strdup(reading->options->debug ? "stderr" : "syslog:daemon");
	free(path);
	return options_set(&reading->options->log, log) < 0
		       ? error_set(err, -ENOMEM, "out of memory")
		       : 0;
}

int options_parse_xinetd(int argc, char *const argv[], struct options *ret,
			 struct error *err)
{
	struct reading reading = { .options = ret };
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	ret->background = true;
	for (int at = 1; r == 0 && at < argc; at++)
		r = read_option(&reading, argv, &at, err);
	if (r == 0)
		r = choose_log(&reading, err);
	if (r == 0 && ret->xinetd_files.count == 0 &&
	    strings_add(&ret->xinetd_files, XINETD_FILE) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	return r;
}

void options_usage_xinetd(FILE *out)
{
	(void)fprintf(out, "usage: xinetd");
	for (size_t i = 0; i < ROW_COUNT; i++)
		(void)fprintf(out, " [-%s%s%s]", rows[i].word,
			      rows[i].argument != NULL ? " " : "",
			      rows[i].argument != NULL ? rows[i].argument : "");
	(void)fprintf(out, "\n");
}
