/* SPDX-License-Identifier: ISC */
/* Reading the configuration for the daemon, saying what is wrong, choosing the log. */
#include "daemon_bench.h"
#include "usherd/daemon/load.h"

static struct options options_for(const char *path)
{
	struct options options = { 0 };

	assert_int_equal(strings_add(&options.files, path), 0);
	return options;
}

static void loads_in_process_services_of_this_build(void **state)
{
	struct bench *bench = *state;
	struct options options = options_for(bench->path);
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;

	bench_write(bench->path, "service echo {\n\tport = 7007\n\tinternal = echo\n}\n");
	assert_int_equal(load_table(&options, &table, &diagnostics), 0);
	assert_int_equal(table->count, 1);
	assert_string_equal(table->services[0]->internal, "echo");
	assert_int_equal(diagnostics.errors, 0);
	table_free(table);
	diagnostics_done(&diagnostics);
	options_done(&options);
}

static struct diagnostics load_bad(struct bench *bench)
{
	struct options options = options_for(bench->path);
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;

	bench_write(bench->path,
		    "service a {\n\tport = 7007\n\tinternal = ecko\n}\nnonsense = 1\n");
	assert_int_equal(load_table(&options, &table, &diagnostics), -EINVAL);
	assert_null(table);
	assert_true(diagnostics.errors >= 2);
	options_done(&options);
	return diagnostics;
}

static void suggests_the_name_that_was_meant(void **state)
{
	struct diagnostics diagnostics = load_bad(*state);
	bool suggested = false;

	for (size_t i = 0; i < diagnostics.count; i++)
		suggested |= strstr(diagnostics.items[i].text, "'ecko'") != NULL &&
			     strstr(diagnostics.items[i].text, "'echo'") != NULL;
	assert_true(suggested);
	diagnostics_done(&diagnostics);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static int print_to(void *data)
{
	struct bench *bench = data;
	struct diagnostics diagnostics = { 0 };
	char path[80];
	int fd;

	(void)snprintf(path, sizeof(path), "%s.errors", bench->path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1 || dup2(fd, STDERR_FILENO) == -1)
		return 1;
	diagnostics_add(&diagnostics, SEVERITY_ERROR, "/a.conf", 3, "first");
	diagnostics_add(&diagnostics, SEVERITY_WARNING, "/b.conf", 5, "second");
	load_print(&diagnostics);
	diagnostics_done(&diagnostics);
	/* What an instrumented build says at its end is not wanted in there. */
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return fflush(stderr) == 0 && dup2(fd, STDERR_FILENO) != -1 ? 0 : 2;
}

static void prints_a_line_for_each_problem(void **state)
{
	struct bench *bench = *state;
	char path[80];
	char text[512];

	assert_int_equal(bench_in_child(print_to, bench), 0);
	(void)snprintf(path, sizeof(path), "%s.errors", bench->path);
	bench_read(path, text, sizeof(text));
	assert_string_equal(text,
			    "/a.conf:3: error: first\n/b.conf:5: warning: second\n");
}

static void logs_a_line_for_each_problem(void **state)
{
	struct bench *bench = *state;
	struct diagnostics diagnostics = load_bad(bench);
	struct log_target target = { .kind = LOG_TO_FILE };
	const struct options options = { .persona = NULL };
	char path[80];
	char text[4096];
	struct log *log;

	diagnostics_add(&diagnostics, SEVERITY_WARNING, "/b.conf", 5, "100%%s sure");
	(void)snprintf(path, sizeof(path), "%s.log", bench->path);
	target.path = path;
	assert_int_equal(log_new(&target, "usherd", LOG_LEVEL_WARNING, &log, NULL), 0);
	load_log(&options, &diagnostics, log);
	log_free(log);
	bench_read(path, text, sizeof(text));
	assert_int_equal(count_lines(text), diagnostics.count);
	assert_non_null(strstr(text, ": error: "));
	assert_non_null(strstr(text, ": warning: /b.conf:5: warning: 100%s sure\n"));
	diagnostics_done(&diagnostics);
}

static void chooses_where_the_log_goes(void **state)
{
	static const struct {
		bool background;
		const char *setting;
		const char *option;
		enum log_kind kind;
	} rows[] = {
		{ false, NULL, NULL, LOG_TO_STDERR },
		{ true, NULL, NULL, LOG_TO_SYSLOG },
		{ false, "syslog", NULL, LOG_TO_SYSLOG },
		{ true, "file:/x", NULL, LOG_TO_FILE },
		{ false, "syslog", "file:/x", LOG_TO_FILE },
		{ true, NULL, "stderr", LOG_TO_STDERR },
		{ true, "syslog", "stderr", LOG_TO_STDERR },
		/* What is overruled is not even read. */
		{ false, "nonsense", "stderr", LOG_TO_STDERR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char setting[32] = "";
		char option[32] = "";
		struct table table = { 0 };
		struct options options = { .background = rows[i].background };
		struct log_target target;

		if (rows[i].setting != NULL) {
			(void)snprintf(setting, sizeof(setting), "%s", rows[i].setting);
			table.settings.log = setting;
		}
		if (rows[i].option != NULL) {
			(void)snprintf(option, sizeof(option), "%s", rows[i].option);
			options.log = option;
		}
		assert_int_equal(load_log_target(&options, &table, &target, NULL), 0);
		assert_int_equal(target.kind, rows[i].kind);
		log_target_done(&target);
	}
}

static void refuses_a_target_that_is_none(void **state)
{
	char text[] = "nowhere";
	struct table table = { 0 };
	struct options options = { .log = text };
	struct log_target target;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(load_log_target(&options, &table, &target, &err), -EINVAL);
	assert_non_null(strstr(err.text, "nowhere"));
}

static void fails_without_a_file(void **state)
{
	struct bench *bench = *state;
	struct options options = options_for(bench->path);
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;

	assert_int_equal(load_table(&options, &table, &diagnostics), -EINVAL);
	assert_null(table);
	assert_int_equal(diagnostics.errors, 1);
	diagnostics_done(&diagnostics);
	options_done(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(loads_in_process_services_of_this_build),
		CASE(suggests_the_name_that_was_meant),
		CASE(prints_a_line_for_each_problem),
		CASE(logs_a_line_for_each_problem),
		CASE(chooses_where_the_log_goes),
		CASE(refuses_a_target_that_is_none),
		CASE(fails_without_a_file),
	};

	return cmocka_run_group_tests_name("daemon/load", tests, NULL, NULL);
}
