/* SPDX-License-Identifier: ISC */
/* The table: defaults, order, look-up, ownership, and no memory left. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/model/table.h"

/* Stands in for the C library's: a symbol of the program comes first. */
static bool array_memory_is_out;

void *reallocarray(void *old, size_t count, size_t size)
{
	return array_memory_is_out ? NULL : realloc(old, count * size);
}

static int restore_memory(void **state)
{
	(void)state;
	array_memory_is_out = false;
	return 0;
}

static struct service *named(const char *id)
{
	struct service *service = service_new();

	assert_non_null(service);
	service->id = strdup(id);
	assert_non_null(service->id);
	return service;
}

static void starts_with_defaults_and_no_service(void **state)
{
	struct table *table = table_new();

	(void)state;
	assert_non_null(table);
	assert_int_equal(table->count, 0);
	assert_null(table_find(table, "x"));
	assert_null(table->settings.log);
	assert_null(table->settings.pidfile);
	assert_null(table->settings.worker_user);
	assert_true(table->settings.max_children == UNITS_UNLIMITED);
	assert_int_equal(table->settings.stop, STOP_TERMINATE);
	assert_true(table->settings.stop_grace_ns == 5 * CLOCK_NS_PER_SECOND);
	table_free(table);
	table_free(NULL);
}

static void frees_its_settings(void **state)
{
	struct table *table = table_new();

	(void)state;
	assert_non_null(table);
	table->settings.log = strdup("stderr");
	table->settings.pidfile = strdup("/run/x.pid");
	table->settings.worker_user = strdup("nobody");
	table->settings.worker.groups = calloc(1, sizeof(gid_t));
	table_free(table);
}

static void finds_by_exact_id(void **state)
{
	struct table *table = table_new();
	struct service *ftp = named("ftp");

	(void)state;
	assert_non_null(table);
	assert_int_equal(table_add(table, ftp), 0);
	assert_int_equal(table_add(table, named("echo")), 0);
	assert_int_equal(table_add(table, named("")), 0);
	assert_ptr_equal(table_find(table, "ftp"), ftp);
	assert_ptr_equal(table_find(table, ""), table->services[2]);
	assert_null(table_find(table, "FTP"));
	assert_null(table_find(table, "ft"));
	assert_null(table_find(table, "ftpd"));
	table_free(table);
}

static void takes_the_reference_over(void **state)
{
	struct table *table = table_new();
	struct service *service = named("x");

	(void)state;
	assert_non_null(table);
	assert_int_equal(table_add(table, service_ref(service)), 0);
	assert_int_equal(service->references, 2);
	table_free(table);
	assert_int_equal(service->references, 1);
	service_unref(service);
}

static void finds_each_of_many_and_keeps_their_order(void **state)
{
	enum {
		MANY = 10000
	};
	struct table *table = table_new();
	char id[64];

	(void)state;
	assert_non_null(table);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "service-%d", i);
		assert_null(table_find(table, id));
		assert_int_equal(table_add(table, named(id)), 0);
	}
	assert_int_equal(table->count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(id, sizeof(id), "service-%zu", i);
		assert_string_equal(table->services[i]->id, id);
		assert_ptr_equal(table_find(table, id), table->services[i]);
	}
	assert_null(table_find(table, "service-10000"));
	table_free(table);
}

static void the_first_of_two_with_one_id_is_found(void **state)
{
	struct table *table = table_new();

	(void)state;
	assert_non_null(table);
	assert_int_equal(table_add(table, named("x")), 0);
	assert_int_equal(table_add(table, named("x")), 0);
	assert_int_equal(table->count, 2);
	assert_ptr_equal(table_find(table, "x"), table->services[0]);
	table_free(table);
}

static void gives_the_reference_back_when_memory_is_out(void **state)
{
	struct table *table = table_new();
	struct service *service = named("x");

	(void)state;
	assert_non_null(table);
	array_memory_is_out = true;
	assert_int_equal(table_add(table, service_ref(service)), -ENOMEM);
	assert_int_equal(service->references, 1);
	assert_int_equal(table->count, 0);
	assert_null(table_find(table, "x"));
	array_memory_is_out = false;
	assert_int_equal(table_add(table, service), 0);
	assert_ptr_equal(table_find(table, "x"), service);
	table_free(table);
}

static struct service *printed(const char *id, const char *fingerprint)
{
	struct service *service = named(id);

	service->fingerprint = strdup(fingerprint);
	assert_non_null(service->fingerprint);
	return service;
}

static void shares_what_is_the_same_with_another(void **state)
{
	struct table *before = table_new();
	struct table *after = table_new();
	struct service *kept = printed("kept", "1");
	struct service *changed = printed("changed", "3");

	(void)state;
	assert_int_equal(table_add(before, kept), 0);
	assert_int_equal(table_add(before, printed("changed", "2")), 0);
	assert_int_equal(table_add(before, printed("gone", "4")), 0);
	assert_int_equal(table_add(after, changed), 0);
	assert_int_equal(table_add(after, printed("new", "5")), 0);
	assert_int_equal(table_add(after, printed("kept", "1")), 0);
	table_share(after, before);
	table_free(before);
	assert_int_equal(after->count, 3);
	assert_ptr_equal(after->services[0], changed);
	assert_ptr_equal(after->services[2], kept);
	assert_ptr_equal(table_find(after, "kept"), kept);
	assert_ptr_equal(table_find(after, "changed"), changed);
	assert_non_null(table_find(after, "new"));
	assert_int_equal(kept->references, 1);
	table_free(after);
}

static struct service *choose(void *data, struct service *service)
{
	struct service *other = data;

	if (strcmp(service->id, "gone") == 0)
		return NULL;
	return strcmp(service->id, other->id) == 0 ? service_ref(other) : service;
}

static void puts_others_in_place_and_leaves_out(void **state)
{
	struct table *table = table_new();
	struct service *other = named("changed");

	(void)state;
	assert_non_null(table);
	table_revise(table, choose, other);
	assert_int_equal(table_add(table, named("gone")), 0);
	assert_int_equal(table_add(table, named("changed")), 0);
	assert_int_equal(table_add(table, named("kept")), 0);
	table_revise(table, choose, other);
	assert_int_equal(table->count, 2);
	assert_null(table_find(table, "gone"));
	assert_ptr_equal(table_find(table, "changed"), other);
	assert_ptr_equal(table->services[1], table_find(table, "kept"));
	assert_int_equal(other->references, 2);
	assert_int_equal(table_add(table, named("gone")), 0);
	assert_non_null(table_find(table, "gone"));
	table_free(table);
	service_unref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_with_defaults_and_no_service),
		cmocka_unit_test(frees_its_settings),
		cmocka_unit_test(finds_by_exact_id),
		cmocka_unit_test(takes_the_reference_over),
		cmocka_unit_test(finds_each_of_many_and_keeps_their_order),
		cmocka_unit_test(the_first_of_two_with_one_id_is_found),
		cmocka_unit_test(shares_what_is_the_same_with_another),
		cmocka_unit_test(puts_others_in_place_and_leaves_out),
		cmocka_unit_test_teardown(gives_the_reference_back_when_memory_is_out,
					  restore_memory),
	};

	return cmocka_run_group_tests_name("model/table", tests, NULL, NULL);
}
