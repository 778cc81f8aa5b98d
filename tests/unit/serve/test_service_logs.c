/* SPDX-License-Identifier: ISC */
/* Which service's lines go where: over changes, failures, and services that have gone. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "usherd/serve/report.h"
#include "usherd/serve/service_logs.h"

struct bench {
	struct reporter reporter; /* first: leads back here */
	char said[1024];
	unsigned times;
	struct loop *loop;
	struct log *main; /* not used: only its address counts */
	struct service_logs *logs;
	struct table *table; /* owned; in effect */
	char folder[40];
};

static void hear(struct reporter *reporter, enum log_level level, const char *text)
{
	struct bench *bench = (struct bench *)reporter;

	(void)level;
	bench->times++;
	(void)snprintf(bench->said, sizeof(bench->said), "%s", text);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	bench->reporter.message = hear;
	bench->main = (struct log *)bench;
	(void)snprintf(bench->folder, sizeof(bench->folder),
		       "/tmp/usherd-service-logs-XXXXXX");
	assert_non_null(mkdtemp(bench->folder));
	assert_int_equal(loop_new(&bench->loop, NULL), 0);
	assert_int_equal(
		service_logs_new(bench->loop, &bench->reporter, "usherd", &bench->logs),
		0);
	*state = bench;
	return 0;
}

static void path_of(const struct bench *bench, const char *name, char ret[80])
{
	(void)snprintf(ret, 80, "%s/%s", bench->folder, name);
}

static int teardown(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e" };
	struct bench *bench = *state;
	char path[80];

	service_logs_free(bench->logs);
	table_free(bench->table);
	loop_free(bench->loop);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(bench, names[i], path);
		(void)unlink(path);
		(void)rmdir(path);
	}
	(void)rmdir(bench->folder);
	free(bench);
	return 0;
}

static struct service *add(struct table *table, const char *id, enum log_type_kind kind)
{
	struct service *service = service_new();

	assert_non_null(service);
	service->id = strdup(id);
	service->log_type.kind = kind;
	assert_int_equal(table_add(table, service), 0);
	return service;
}

static struct service *add_file(const struct bench *bench, struct table *table,
				const char *id, const char *file)
{
	struct service *service = add(table, id, LOG_TYPE_FILE);
	char path[80];

	path_of(bench, file, path);
	service->log_type.path = strdup(path);
	return service;
}

/* @table is in effect from now on. */
static void load(struct bench *bench, struct table *table)
{
	struct service_logs_change *change;

	assert_int_equal(service_logs_prepare(bench->logs, bench->table, table, &change),
			 0);
	service_logs_commit(bench->logs, change);
	table_free(bench->table);
	bench->table = table;
}

static struct log *find(const struct bench *bench, const char *id)
{
	return service_logs_find(bench->logs, id, bench->main);
}

static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

static bool is_there(const struct bench *bench, const char *name)
{
	char path[80];

	path_of(bench, name, path);
	return access(path, F_OK) == 0;
}

static void leads_each_service_where_it_says(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();

	(void)add_file(bench, table, "one", "a");
	(void)add_file(bench, table, "two", "b");
	(void)add(table, "quiet", LOG_TYPE_NONE);
	(void)add(table, "main", LOG_TYPE_MAIN);
	add_file(bench, table, "off", "c")->disable = true;
	assert_ptr_equal(find(bench, "one"), bench->main);
	load(bench, table);
	assert_non_null(find(bench, "one"));
	assert_ptr_not_equal(find(bench, "one"), bench->main);
	assert_ptr_not_equal(find(bench, "one"), find(bench, "two"));
	assert_null(find(bench, "quiet"));
	assert_ptr_equal(find(bench, "main"), bench->main);
	assert_ptr_equal(find(bench, "nobody"), bench->main);
	assert_ptr_equal(find(bench, "off"), bench->main);
	assert_false(is_there(bench, "c"));
	assert_int_equal(bench->times, 0);
}

static void opens_each_place_once(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();
	int before = descriptors();

	for (int i = 0; i < 5; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "s%d", i);
		(void)add_file(bench, table, id, "a");
	}
	load(bench, table);
	assert_ptr_equal(find(bench, "s0"), find(bench, "s4"));
	assert_int_equal(descriptors(), before + 1);
	load(bench, table_new());
	load(bench, table_new());
	service_logs_free(bench->logs);
	bench->logs = NULL;
	assert_int_equal(descriptors(), before);
}

static void a_service_without_its_log_does_not_start(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();

	(void)add_file(bench, table, "bad", "missing/a");
	(void)add_file(bench, table, "good", "a");
	load(bench, table);
	assert_int_equal(table->count, 1);
	assert_null(table_find(table, "bad"));
	assert_non_null(table_find(table, "good"));
	assert_int_equal(bench->times, 1);
	assert_non_null(strstr(bench->said, "service 'bad': cannot open log file '"));
	assert_non_null(strstr(bench->said, "; it is not started"));
}

static void a_service_whose_next_log_fails_stays_as_it_was(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();
	struct service *old;
	struct log *log;

	old = add_file(bench, table, "one", "a");
	load(bench, table);
	log = find(bench, "one");
	table = table_new();
	(void)add_file(bench, table, "one", "missing/a");
	load(bench, table);
	assert_ptr_equal(table_find(table, "one"), old);
	assert_ptr_equal(find(bench, "one"), log);
	assert_non_null(strstr(bench->said, "; it stays as it was"));
	/* And the next reload tries again. */
	table = table_new();
	(void)add_file(bench, table, "one", "b");
	load(bench, table);
	assert_true(is_there(bench, "b"));
	assert_int_equal(bench->times, 1);
}

static void refuses_what_is_no_log_file(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();
	char path[80];

	path_of(bench, "a", path);
	assert_int_equal(symlink("/tmp/elsewhere", path), 0);
	path_of(bench, "b", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	path_of(bench, "c", path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)add_file(bench, table, "link", "a");
	(void)add_file(bench, table, "fifo", "b");
	(void)add_file(bench, table, "folder", "c");
	load(bench, table);
	assert_int_equal(table->count, 0);
	assert_int_equal(bench->times, 3);
}

static void an_abandoned_change_changes_nothing(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();
	struct service_logs_change *change;
	int before;

	(void)add_file(bench, table, "one", "a");
	load(bench, table);
	before = descriptors();
	table = table_new();
	(void)add_file(bench, table, "one", "b");
	assert_int_equal(service_logs_prepare(bench->logs, bench->table, table, &change),
			 0);
	service_logs_abandon(bench->logs, change);
	table_free(table);
	assert_int_equal(descriptors(), before);
	assert_ptr_not_equal(find(bench, "one"), bench->main);
}

static void those_that_have_gone_write_on_where_they_wrote(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();
	struct log *log;

	(void)add_file(bench, table, "gone", "a");
	(void)add(table, "quiet", LOG_TYPE_NONE);
	load(bench, table);
	log = find(bench, "gone");
	for (int i = 0; i < 3; i++) {
		load(bench, table_new());
		assert_ptr_equal(find(bench, "gone"), log);
		assert_null(find(bench, "quiet"));
	}
	/* Not without end: those that went last are remembered. */
	for (int i = 0; i < 100; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "s%d", i);
		table = table_new();
		(void)add(table, id, LOG_TYPE_NONE);
		load(bench, table);
	}
	assert_ptr_equal(find(bench, "gone"), bench->main);
	assert_null(find(bench, "s98"));
	/* Back, and with the main log. */
	table = table_new();
	(void)add(table, "s98", LOG_TYPE_MAIN);
	load(bench, table);
	assert_ptr_equal(find(bench, "s98"), bench->main);
}

static void syslog_is_a_place_for_each_facility_and_level(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();

	for (int i = 0; i < 4; i++) {
		char id[8];
		struct service *service;

		(void)snprintf(id, sizeof(id), "s%d", i);
		service = add(table, id, LOG_TYPE_SYSLOG);
		service->log_type.facility = i < 2 ? LOG_DAEMON : LOG_LOCAL0;
		service->log_type.severity = i < 3 ? LOG_INFO : LOG_ALERT;
	}
	load(bench, table);
	assert_ptr_not_equal(find(bench, "s0"), bench->main);
	assert_ptr_equal(find(bench, "s0"), find(bench, "s1"));
	assert_ptr_not_equal(find(bench, "s0"), find(bench, "s2"));
	assert_ptr_not_equal(find(bench, "s2"), find(bench, "s3"));
	service_logs_reopen(bench->logs);
	assert_int_equal(bench->times, 0);
}

static void the_smallest_limits_count(void **state)
{
	struct bench *bench = *state;
	struct table *table = table_new();
	struct event event = { .kind = EVENT_FAIL, .service = "one", .reason = "a" };
	struct service *service;
	struct stat status;
	char path[80];

	(void)add_file(bench, table, "one", "a");
	service = add_file(bench, table, "two", "a");
	service->log_type.soft_limit = 1000;
	service->log_type.hard_limit = 2000;
	service = add_file(bench, table, "three", "a");
	service->log_type.soft_limit = 100;
	service->log_type.hard_limit = 200;
	load(bench, table);
	for (int i = 0; i < 200; i++)
		log_event(find(bench, "one"), &event);
	log_flush(find(bench, "one"));
	path_of(bench, "a", path);
	assert_int_equal(stat(path, &status), 0);
	assert_in_range(status.st_size, 140, 200);
	assert_int_equal(bench->times, 2);
	assert_non_null(strstr(bench->said, "service log '"));
	assert_non_null(strstr(bench->said, "': at its hard limit of 200 bytes"));
	/* Without limits it goes on. */
	table = table_new();
	(void)add_file(bench, table, "one", "a");
	load(bench, table);
	log_event(find(bench, "one"), &event);
	log_flush(find(bench, "one"));
	assert_int_equal(stat(path, &status), 0);
	assert_true(status.st_size > 200 - 40);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(leads_each_service_where_it_says),
		CASE(opens_each_place_once),
		CASE(a_service_without_its_log_does_not_start),
		CASE(a_service_whose_next_log_fails_stays_as_it_was),
		CASE(refuses_what_is_no_log_file),
		CASE(an_abandoned_change_changes_nothing),
		CASE(those_that_have_gone_write_on_where_they_wrote),
		CASE(syslog_is_a_place_for_each_facility_and_level),
		CASE(the_smallest_limits_count),
	};

	return cmocka_run_group_tests_name("serve/service_logs", tests, NULL, NULL);
}
