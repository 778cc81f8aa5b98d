/* SPDX-License-Identifier: ISC */
/* The option table and its reader; getopt_long(3) does the splitting. */
#include "usherd/daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon_internal.h"
#include "usherd/conf/load.h"

struct option_row {
	char letter; /* 0: long form only */
	const char *name;
	const char *argument; /* NULL: none; "[X]": optional */
	int (*apply)(struct options *options, const char *argument, enum action action);
	enum action action; /* passed to apply */
	const char *help;
};

char *options_absolute(const char *path)
{
	char *cwd;
	char *whole = NULL;

	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (cwd != NULL && asprintf(&whole, "%s/%s", cwd, path) == -1)
		whole = NULL;
	free(cwd);
	return whole;
}

int options_add_path(struct strings *files, const char *argument)
{
	char *path = options_absolute(argument);
	int r;

	if (path == NULL)
		return -ENOMEM;
	r = strings_add(files, path);
	free(path);
	return r;
}

static int add_file(struct options *options, const char *argument, enum action action)
{
	(void)action;
	return options_add_path(&options->files, argument);
}

static int add_xinetd_file(struct options *options, const char *argument,
			   enum action action)
{
	(void)action;
	return options_add_path(&options->xinetd_files, argument);
}

static int add_inetd_file(struct options *options, const char *argument,
			  enum action action)
{
	(void)action;
	return options_add_path(&options->inetd_files, argument);
}

int options_set(char **field, char *value)
{
	if (value == NULL)
		return -ENOMEM;
	free(*field);
	*field = value;
	return 0;
}

static int set_pidfile(struct options *options, const char *argument, enum action action)
{
	(void)action;
	return options_set(&options->pidfile, options_absolute(argument));
}

static int set_log(struct options *options, const char *argument, enum action action)
{
	(void)action;
	return options_set(&options->log, strdup(argument));
}

static int set_action(struct options *options, const char *argument, enum action action)
{
	options->action = action;
	if (argument == NULL)
		return 0;
	return options_set(&options->attribute, strdup(argument));
}

static int set_background(struct options *options, const char *argument,
			  enum action action)
{
	(void)argument;
	(void)action;
	options->background = true;
	return 0;
}

static int set_verbose(struct options *options, const char *argument, enum action action)
{
	(void)argument;
	(void)action;
	options->verbose++;
	return 0;
}

static const struct option_row rows[] = {
	{ 'f', "config", "FILE", add_file, 0,
	  "native configuration (default " CONF_DEFAULT_FILE ")" },
	{ 'x', "xinetd", "FILE", add_xinetd_file, 0,
	  "configuration in xinetd.conf(5)'s syntax" },
	{ 'i', "inetd", "FILE", add_inetd_file, 0,
	  "configuration in inetd.conf(5)'s syntax, or a directory of such" },
	{ 'b', "background", NULL, set_background, 0, "become a daemon once ready" },
	{ 't', "check", NULL, set_action, ACTION_CHECK, "check everything and exit" },
	{ 'T', "dump", NULL, set_action, ACTION_DUMP,
	  "print the effective configuration and exit" },
	{ 'p', "pidfile", "FILE", set_pidfile, 0, "write the process id to FILE" },
	{ 'l', "log", "TARGET", set_log, 0, "stderr, syslog[:FACILITY] or file:PATH" },
	{ 'v', "verbose", NULL, set_verbose, 0, "say more; twice for debugging" },
	{ 'V', "version", NULL, set_action, ACTION_VERSION,
	  "print the version and exit" },
	{ 'h', "help", NULL, set_action, ACTION_HELP, "print this help and exit" },
	{ 0, "help-attributes", "[NAME]", set_action, ACTION_HELP_ATTRIBUTES,
	  "explain all configuration attributes, or one" },
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
/* getopt_long's value for row i: past every letter. */
#define ROW_VALUE(i) (256 + (int)(i))

static int argument_kind(const struct option_row *row)
{
	if (row->argument == NULL)
		return no_argument;
	return row->argument[0] == '[' ? optional_argument : required_argument;
}

static void build_getopt(struct option longs[ROW_COUNT + 1], char *shorts)
{
	*shorts++ = '+'; /* stop at the first word that is no option */
	*shorts++ = ':';
	for (size_t i = 0; i < ROW_COUNT; i++) {
		longs[i] = (struct option){ .name = rows[i].name,
					    .has_arg = argument_kind(&rows[i]),
					    .val = ROW_VALUE(i) };
		if (rows[i].letter == 0)
			continue;
		*shorts++ = rows[i].letter;
		if (argument_kind(&rows[i]) == required_argument)
			*shorts++ = ':';
	}
	longs[ROW_COUNT] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct option_row *find_row(int value)
{
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
		return error_set(err, -EINVAL, "option '%s' needs an argument", word);
	if (optopt != 0 && optopt < 256)
		return error_set(err, -EINVAL, "unknown option '-%c'", optopt);
	return error_set(err, -EINVAL, "unknown option '%s'", word);
}

/* --help-attributes NAME may be written with a space, which getopt does not take. */
static int take_loose_words(int argc, char *const argv[], struct options *options,
			    struct error *err)
{
	if (optind < argc && options->action == ACTION_HELP_ATTRIBUTES &&
	    options->attribute == NULL)
		if (options_set(&options->attribute, strdup(argv[optind++])) < 0)
			return error_set(err, -ENOMEM, "out of memory");
	if (optind < argc)
		return error_set(err, -EINVAL, "unexpected argument '%s'", argv[optind]);
	return 0;
}

int options_parse(int argc, char *const argv[], struct options *ret, struct error *err)
{
	struct option longs[ROW_COUNT + 1];
	char shorts[2 * ROW_COUNT + 3];
	int r = 0;
	int value;

	memset(ret, 0, sizeof(*ret));
	build_getopt(longs, shorts);
	optind = 0;
	opterr = 0;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = find_row(value);

		if (row == NULL)
			return refuse(value, argv, err);
		r = row->apply(ret, optarg, row->action);
		if (r < 0)
			return error_set(err, r, "out of memory");
	}
	r = take_loose_words(argc, argv, ret, err);
	if (r == 0 && ret->files.count == 0 && ret->xinetd_files.count == 0 &&
	    ret->inetd_files.count == 0 &&
	    strings_add(&ret->files, CONF_DEFAULT_FILE) < 0)
		r = error_set(err, -ENOMEM, "out of memory");
	return r;
}

void options_done(struct options *options)
{
	strings_done(&options->files);
	strings_done(&options->xinetd_files);
	strings_done(&options->inetd_files);
	free(options->pidfile);
	free(options->log);
	free(options->attribute);
	memset(options, 0, sizeof(*options));
}

void options_help(FILE *out)
{
	(void)fprintf(out, "usage: usherd [OPTION]...\n"
			   "The super-server: one supervisor for every port.\n\n");
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &rows[i];
		const char *argument = row->argument != NULL ? row->argument : "";
		char letter[8] = "    ";

		if (row->letter != 0)
			(void)snprintf(letter, sizeof(letter), "-%c, ", row->letter);
		(void)fprintf(out, "  %s--%s%s%-*s %s\n", letter, row->name,
			      *argument != '\0' ? " " : "",
			      22 - (int)strlen(row->name) - (*argument != '\0'), argument,
			      row->help);
	}
	(void)fprintf(out, "\nExit status: 0 success, 64 usage, 71 system error, "
			   "77 no permission, 78 configuration.\n"
			   "See usherd(8) and usherd.conf(5).\n");
}
