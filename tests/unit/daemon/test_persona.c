/* SPDX-License-Identifier: ISC */
/* Who usherd is by which name, and the command lines of the others. */
#include "usherd/daemon/persona.h"

#include "daemon_bench.h"
#include "usherd/base/clock.h"
#include "usherd/daemon/options.h"
#include "usherd/daemon/signals.h"

#define WORDS_MAX 6

static int parse(const char *name, const char *const words[WORDS_MAX],
		 struct options *ret, struct error *err)
{
	char *argv[WORDS_MAX + 2] = { strdup(name) };
	int argc = 1;
	int r;

	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[argc++] = strdup(words[i]);
	r = persona_parse(argc, argv, ret, err);
	while (argc > 0)
		free(argv[--argc]);
	return r;
}

static void the_name_decides(void **state)
{
	static const struct {
		const char *argv0;
		const char *name;
	} rows[] = {
		{ "usherd", "usherd" },     { "/usr/sbin/usherd", "usherd" },
		{ "xinetd", "xinetd" },     { "/usr/sbin/xinetd", "xinetd" },
		{ "./inetd", "inetd" },     { "xinetd/", "usherd" },
		{ "xinetd/x", "usherd" },   { "", "usherd" },
		{ "openxinetd", "usherd" }, { "Xinetd", "usherd" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(persona_find(rows[i].argv0)->name, rows[i].name);
}

static void nobody_in_particular_is_usherd(void **state)
{
	struct options options = { .persona = NULL };
	struct error err = { 0 };
	char *nothing[] = { NULL };

	(void)state;
	assert_string_equal(persona_of(&options)->name, "usherd");
	assert_int_equal(persona_parse(0, nothing, &options, &err), 0);
	assert_string_equal(options.ident, "usherd");
	options_done(&options);
}

static const struct row {
	const char *name;
	const char *words[WORDS_MAX];
	enum action action;
	const char *file; /* of the persona's kind */
	const char *pidfile;
	const char *log;
	bool foreground;
	bool debug;
	bool inetd_compat;
	uint64_t max_children;
	uint64_t check_ns;
	uint64_t backlog;
	uint64_t rate;
} good[] = {
	{ "xinetd", { NULL }, .file = "/etc/xinetd.conf" },
	{ "xinetd", { "-f", "/a" }, .file = "/a" },
	{ "xinetd", { "-f", "/a", "-f", "/b" }, .file = "/b" },
	{ "xinetd", { "-pidfile", "/p" }, .pidfile = "/p" },
	{ "xinetd", { "-filelog", "/l" }, .log = "file:/l" },
	{ "xinetd", { "-syslog", "local3" }, .log = "syslog:local3" },
	{ "xinetd", { "-dontfork" }, .foreground = true },
	{ "xinetd", { "-d" }, .foreground = true, .debug = true, .log = "stderr" },
	{ "xinetd", { "-limit", "7" }, .max_children = 7 },
	{ "xinetd", { "-cc", "60" }, .check_ns = 60 * CLOCK_NS_PER_SECOND },
	{ "xinetd", { "-inetd_compat" }, .inetd_compat = true },
	{ "xinetd",
	  { "-stayalive", "-inetd_ipv6", "-reuse", "-logprocs", "9" },
	  .action = ACTION_SERVE },
	{ "xinetd", { "-shutdownprocs", "9" }, .action = ACTION_SERVE },
	{ "xinetd", { "-version" }, .action = ACTION_VERSION },
	{ "inetd", { NULL }, .file = "", .inetd_compat = true },
	{ "inetd", { "/a" }, .file = "/a" },
	{ "inetd", { "/a", "-i" }, .file = "/a", .foreground = true },
	{ "inetd",
	  { "-dE", "/a" },
	  .file = "/a",
	  .foreground = true,
	  .debug = true,
	  .log = "stderr" },
	{ "inetd",
	  { "--debug", "/a" },
	  .file = "/a",
	  .foreground = true,
	  .debug = true,
	  .log = "stderr" },
	{ "inetd", { "-p/x", "/a" }, .file = "/a", .pidfile = "/x" },
	{ "inetd", { "--pidfile=/x", "/a" }, .file = "/a", .pidfile = "/x" },
	{ "inetd",
	  { "-q", "5", "-R", "9", "/a" },
	  .file = "/a",
	  .backlog = 5,
	  .rate = 9 },
	{ "inetd",
	  { "--rate=9", "--environment", "--resolve", "/a" },
	  .file = "/a",
	  .rate = 9 },
	{ "inetd", { "-V", "/a" }, .file = "/a", .action = ACTION_VERSION },
	{ "inetd", { "-?", "/a" }, .file = "/a", .action = ACTION_HELP },
	{ "inetd", { "--usage", "/a" }, .file = "/a", .action = ACTION_HELP },
};

static bool is_inetd(const struct row *row)
{
	return strcmp(row->name, "inetd") == 0;
}

static void check_text(const char *text, const char *expected, const char *otherwise)
{
	if (expected == NULL)
		expected = otherwise;
	assert_string_equal(text != NULL ? text : "", expected);
}

static void check_row(const struct row *row)
{
	struct options options;
	struct error err = { 0 };
	const struct strings *files;

	assert_int_equal(parse(row->name, row->words, &options, &err), 0);
	assert_string_equal(options.persona->name, row->name);
	assert_string_equal(options.ident, row->name);
	files = is_inetd(row) ? &options.inetd_files : &options.xinetd_files;
	assert_int_equal(files->count, row->file == NULL || row->file[0] != '\0');
	if (files->count > 0)
		check_text(files->items[0], row->file, "/etc/xinetd.conf");
	if (!is_inetd(row))
		check_text(options.pidfile, row->pidfile, "");
	else if (row->pidfile != NULL)
		assert_string_equal(options.pidfile, row->pidfile);
	check_text(options.log, row->log, "syslog:daemon");
	assert_int_equal(options.action, row->action);
	assert_int_equal(options.background, !row->foreground);
	assert_int_equal(options.debug, row->debug);
	assert_int_equal(options.inetd_default, row->inetd_compat);
	assert_int_equal(options.max_children, row->max_children);
	assert_int_equal(options.check_ns, row->check_ns);
	assert_int_equal(options.backlog, row->backlog);
	assert_int_equal(options.rate, row->rate);
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
		const char *name;
		const char *words[WORDS_MAX];
		const char *complaint;
	} bad[] = {
		{ "xinetd", { "-h" }, "unknown option '-h'" },
		{ "xinetd", { "-" }, "unknown option '-'" },
		{ "xinetd", { "-dontfork", "-ff" }, "unknown option '-ff'" },
		{ "xinetd", { "d" }, "unexpected argument 'd'" },
		{ "xinetd", { "" }, "unexpected argument ''" },
		{ "xinetd", { "-f" }, "option '-f' needs a value" },
		{ "xinetd", { "-limit", "0" }, NULL },
		{ "xinetd", { "-limit", "-1" }, NULL },
		{ "xinetd", { "-cc", "0" }, NULL },
		{ "xinetd", { "-logprocs", "many" }, NULL },
		{ "xinetd",
		  { "-syslog", "mail", "-filelog", "/l" },
		  "-syslog and -filelog exclude each other" },
		{ "inetd", { "-z" }, "unknown option '-z'" },
		{ "inetd", { "--nonesuch" }, "unknown option '--nonesuch'" },
		{ "inetd", { "-q" }, "option '-q' needs a value" },
		{ "inetd", { "-q", "0" }, NULL },
		{ "inetd", { "-R", "x" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct options options;
		struct error err = { 0 };

		assert_int_equal(parse(bad[i].name, bad[i].words, &options, &err),
				 -EINVAL);
		if (bad[i].complaint != NULL)
			assert_string_equal(err.text, bad[i].complaint);
		assert_string_equal(options.persona->name, bad[i].name);
		options_done(&options);
	}
}

static void (*handler_of(const struct signal_row *rows, int signo))(struct server *)
{
	for (; rows->signo != 0; rows++)
		if (rows->signo == signo)
			return rows->handle;
	return NULL;
}

/* Nobody is left without a way to stop it, or without the ends of its programs. */
static void signals_have_their_meaning(void **state)
{
	static const struct signal_row *const all[] = { signals_usherd, signals_xinetd,
							signals_inetd };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof((all)[0]); i++) {
		assert_non_null(handler_of(all[i], SIGTERM));
		assert_non_null(handler_of(all[i], SIGQUIT));
		assert_non_null(handler_of(all[i], SIGHUP));
		assert_non_null(handler_of(all[i], SIGCHLD));
	}
	assert_true(handler_of(signals_xinetd, SIGUSR2) ==
		    handler_of(signals_xinetd, SIGHUP));
	assert_true(handler_of(signals_inetd, SIGINT) ==
		    handler_of(signals_inetd, SIGTERM));
	assert_true(handler_of(signals_usherd, SIGTERM) !=
		    handler_of(signals_usherd, SIGQUIT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_decides),
		cmocka_unit_test(nobody_in_particular_is_usherd),
		cmocka_unit_test(takes_every_option),
		cmocka_unit_test(refuses_what_is_no_option),
		cmocka_unit_test(signals_have_their_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
