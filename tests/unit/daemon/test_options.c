/* SPDX-License-Identifier: ISC */
/* The command line, row by row. */
#include "daemon_bench.h"
#include "usherd/conf/load.h"
#include "usherd/daemon/options.h"

#define WORDS_MAX 8

static int parse(const char *const words[WORDS_MAX], struct options *ret,
		 struct error *err)
{
	char *argv[WORDS_MAX + 2] = { strdup("usherd") };
	int argc = 1;
	int r;

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[argc++] = strdup(words[i]);
	r = options_parse(argc, argv, ret, err);
	while (argc > 0)
		free(argv[--argc]);
	return r;
}

static const struct row {
	const char *words[WORDS_MAX];
	enum action action;
	const char *file;
	const char *pidfile;
	const char *log;
	const char *attribute;
	bool background;
	unsigned verbose;
} good[] = {
	{ .words = { NULL } },
	{ .words = { "--" } },
	{ .words = { "-f", "/a.conf" }, .file = "/a.conf" },
	{ .words = { "-f/a.conf" }, .file = "/a.conf" },
	{ .words = { "--config", "/a.conf" }, .file = "/a.conf" },
	{ .words = { "--config=/a.conf" }, .file = "/a.conf" },
	{ .words = { "--conf=/a.conf" }, .file = "/a.conf" },
	{ .words = { "-b" }, .background = true },
	{ .words = { "--background" }, .background = true },
	{ .words = { "-t" }, .action = ACTION_CHECK },
	{ .words = { "--check" }, .action = ACTION_CHECK },
	{ .words = { "-T" }, .action = ACTION_DUMP },
	{ .words = { "--dump" }, .action = ACTION_DUMP },
	{ .words = { "-p", "/run/x.pid" }, .pidfile = "/run/x.pid" },
	{ .words = { "--pidfile=/run/x.pid" }, .pidfile = "/run/x.pid" },
	{ .words = { "-p", "/a", "-p", "/b" }, .pidfile = "/b" },
	{ .words = { "-l", "syslog:daemon" }, .log = "syslog:daemon" },
	{ .words = { "--log", "stderr" }, .log = "stderr" },
	{ .words = { "-l", "file:/a", "-l", "stderr" }, .log = "stderr" },
	{ .words = { "-v" }, .verbose = 1 },
	{ .words = { "-vvv" }, .verbose = 3 },
	{ .words = { "--verbose", "-v" }, .verbose = 2 },
	{ .words = { "-V" }, .action = ACTION_VERSION },
	{ .words = { "--version" }, .action = ACTION_VERSION },
	{ .words = { "-h" }, .action = ACTION_HELP },
	{ .words = { "--help" }, .action = ACTION_HELP },
	{ .words = { "--help-attributes" }, .action = ACTION_HELP_ATTRIBUTES },
	{ .words = { "--help-attributes=user" },
	  .action = ACTION_HELP_ATTRIBUTES,
	  .attribute = "user" },
	{ .words = { "--help-attributes", "user" },
	  .action = ACTION_HELP_ATTRIBUTES,
	  .attribute = "user" },
	{ .words = { "-bvf", "/a.conf" },
	  .file = "/a.conf",
	  .background = true,
	  .verbose = 1 },
};

/* Empty stands for NULL: cmocka cannot compare that. */
static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static void check_row(const struct row *row)
{
	struct options options;
	struct error err = { 0 };

	assert_int_equal(parse(row->words, &options, &err), 0);
	assert_int_equal(options.action, row->action);
	assert_int_equal(options.files.count, 1);
	assert_string_equal(options.files.items[0],
			    row->file != NULL ? row->file : CONF_DEFAULT_FILE);
	assert_string_equal(or_empty(options.pidfile), or_empty(row->pidfile));
	assert_string_equal(or_empty(options.log), or_empty(row->log));
	assert_string_equal(or_empty(options.attribute), or_empty(row->attribute));
	assert_int_equal(options.background, row->background);
	assert_int_equal(options.verbose, row->verbose);
	assert_int_equal(err.code, 0);
	options_done(&options);
}

static void takes_every_option(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		check_row(&good[i]);
}

static void refuses_what_is_no_option(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *complaint;
	} bad[] = {
		{ { "-f" }, "option '-f' needs an argument" },
		{ { "--config" }, "option '--config' needs an argument" },
		{ { "-p" }, "option '-p' needs an argument" },
		{ { "--pidfile" }, "option '--pidfile' needs an argument" },
		{ { "-b", "-l" }, "option '-l' needs an argument" },
		{ { "--log" }, "option '--log' needs an argument" },
		{ { "-z" }, "unknown option '-z'" },
		{ { "-bz" }, "unknown option '-z'" },
		{ { "-?" }, "unknown option '-?'" },
		{ { "--nonesuch" }, "unknown option '--nonesuch'" },
		{ { "--nonesuch=1" }, "unknown option '--nonesuch=1'" },
		{ { "extra" }, "unexpected argument 'extra'" },
		{ { "-t", "extra" }, "unexpected argument 'extra'" },
		{ { "--", "-t" }, "unexpected argument '-t'" },
		{ { "extra", "-t" }, "unexpected argument 'extra'" },
		{ { "" }, "unexpected argument ''" },
		{ { "--help-attributes", "a", "b" }, "unexpected argument 'b'" },
		{ { "--help-attributes=a", "b" }, "unexpected argument 'b'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct options options;
		struct error err = { 0 };

		assert_int_equal(parse(bad[i].words, &options, &err), -EINVAL);
		assert_string_equal(err.text, bad[i].complaint);
		options_done(&options);
	}
}

/* It is not unknown, and not ambiguous either: it says what is wrong. */
static void refuses_arguments_nobody_asked_for(void **state)
{
	static const char *const words[] = { "--check=yes", "--verbose=2", "--help=me" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *const line[WORDS_MAX] = { words[i] };
		struct options options;
		struct error err = { 0 };

		assert_int_equal(parse(line, &options, &err), -EINVAL);
		assert_non_null(strstr(err.text, words[i]));
		options_done(&options);
	}
}

static void refuses_ambiguous_short_forms(void **state)
{
	static const char *const words[WORDS_MAX] = { "--ver" };
	struct options options;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(parse(words, &options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'--ver'"));
	options_done(&options);
}

static void keeps_the_order_of_several_files(void **state)
{
	static const char *const words[WORDS_MAX] = { "-f", "/a", "--config=/b", "-f/c" };
	struct options options;

	(void)state;
	assert_int_equal(parse(words, &options, NULL), 0);
	assert_int_equal(options.files.count, 3);
	assert_string_equal(options.files.items[0], "/a");
	assert_string_equal(options.files.items[1], "/b");
	assert_string_equal(options.files.items[2], "/c");
	options_done(&options);
}

static int parse_in_folder(void *data)
{
	static const char *const words[WORDS_MAX] = { "-f",       "a.conf", "-p",
						      "../x.pid", "-l",     "file:/x" };
	struct bench *bench = data;
	struct options options;
	char expected[128];

	REQUIRE(chdir(bench->folder) == 0);
	REQUIRE(parse(words, &options, NULL) == 0);
	(void)snprintf(expected, sizeof(expected), "%s/a.conf", bench->folder);
	REQUIRE(strcmp(options.files.items[0], expected) == 0);
	(void)snprintf(expected, sizeof(expected), "%s/../x.pid", bench->folder);
	REQUIRE(strcmp(options.pidfile, expected) == 0);
	REQUIRE(strcmp(options.log, "file:/x") == 0);
	options_done(&options);
	return 0;
}

static void makes_relative_paths_absolute(void **state)
{
	assert_int_equal(bench_in_child(parse_in_folder, *state), 0);
}

static void can_be_done_twice_and_parsed_again(void **state)
{
	static const char *const words[WORDS_MAX] = { "-f", "/a", "-p", "/b", "-l", "c" };
	struct options options;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(parse(words, &options, NULL), 0);
		assert_string_equal(options.pidfile, "/b");
		options_done(&options);
		assert_null(options.pidfile);
		options_done(&options);
	}
}

static void survives_an_empty_command_line(void **state)
{
	char *argv[] = { NULL };
	struct options options;

	(void)state;
	assert_int_equal(options_parse(0, argv, &options, NULL), 0);
	assert_int_equal(options.action, ACTION_SERVE);
	options_done(&options);
}

static void other_syntaxes_take_the_place_of_the_default_file(void **state)
{
	const char *const words[WORDS_MAX] = { "-i", "/a", "--inetd=/b", "-x", "/c" };
	struct options options;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(parse(words, &options, &err), 0);
	assert_int_equal(options.files.count, 0);
	assert_int_equal(options.inetd_files.count, 2);
	assert_string_equal(options.inetd_files.items[0], "/a");
	assert_string_equal(options.inetd_files.items[1], "/b");
	assert_int_equal(options.xinetd_files.count, 1);
	options_done(&options);
}

/* Every word that is taken stands in the help text. */
static void explains_every_option(void **state)
{
	static const char *const lines[] = {
		"-f, --config FILE",  "-b, --background", "-x, --xinetd FILE",
		"-i, --inetd FILE",   "-t, --check",      "-T, --dump",
		"-p, --pidfile FILE", "-l, --log TARGET", "-v, --verbose",
		"-V, --version",      "-h, --help",       "--help-attributes [NAME]",
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	options_help(out);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_non_null(strstr(text, lines[i]));
	assert_non_null(strstr(text, CONF_DEFAULT_FILE));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(takes_every_option),
		CASE(refuses_what_is_no_option),
		CASE(refuses_arguments_nobody_asked_for),
		CASE(refuses_ambiguous_short_forms),
		CASE(keeps_the_order_of_several_files),
		CASE(makes_relative_paths_absolute),
		CASE(can_be_done_twice_and_parsed_again),
		CASE(survives_an_empty_command_line),
		CASE(other_syntaxes_take_the_place_of_the_default_file),
		CASE(explains_every_option),
	};

	return cmocka_run_group_tests_name("daemon/options", tests, NULL, NULL);
}
