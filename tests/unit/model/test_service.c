/* SPDX-License-Identifier: ISC */
/* Built-in defaults and the counting of references. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/model/service.h"

static void has_the_built_in_defaults(void **state)
{
	struct service *service = service_new();

	(void)state;
	assert_non_null(service);
	assert_int_equal(service->references, 1);
	assert_null(service->id);
	assert_null(service->name);
	assert_null(service->fingerprint);
	assert_int_equal(service->protocols, SERVICE_TCP);
	assert_int_equal(service->socket_type, SERVICE_SOCKET_DEFAULT);
	assert_int_equal(service->backlog, 4096);
	assert_int_equal(service->socket_mode, 0666);
	assert_false(service->wait);
	assert_false(service->disable);
	assert_false(service->groups);
	assert_int_equal(service->port_count, 0);
	assert_int_equal(service->endpoint_count, 0);
	assert_int_equal(service->bind.count, 0);
	assert_string_equal(service->interface, "");
	assert_true(service->idle_timeout_ns == 0);
	assert_false(service_is_internal(service));
	service_unref(service);
}

static void has_the_built_in_policy_and_program(void **state)
{
	struct service *service = service_new();

	(void)state;
	assert_non_null(service);
	assert_true(service->policy.instances == UNITS_UNLIMITED);
	assert_true(service->policy.per_source == UNITS_UNLIMITED);
	assert_true(service->policy.cps_rate == 50);
	assert_true(service->policy.cps_pause_ns == 10 * CLOCK_NS_PER_SECOND);
	assert_int_equal(service->policy.source_ipv4_bits, 32);
	assert_int_equal(service->policy.source_ipv6_bits, 64);
	assert_false(service->policy.only_from.given);
	assert_false(service->policy.no_access.given);
	assert_int_equal(service->program.nice, 0);
	assert_int_equal(service->program.stderr_target, STDERR_CONNECTION);
	assert_false(service->program.credentials.change);
	assert_false(service->program.umask_given);
	assert_false(service->program.passenv_given);
	for (size_t i = 0; i < PROGRAM_RLIMITS; i++)
		assert_false(service->program.limits[i].set);
	service_unref(service);
}

static void lives_as_long_as_anyone_refers_to_it(void **state)
{
	struct service *service = service_new();

	(void)state;
	assert_non_null(service);
	service->id = strdup("x");
	assert_ptr_equal(service_ref(service), service);
	assert_int_equal(service->references, 2);
	service_unref(service);
	assert_int_equal(service->references, 1);
	assert_string_equal(service->id, "x");
	service_unref(service);
	service_unref(NULL);
}

static void gives_everything_back_with_the_last_reference(void **state)
{
	struct service *service = service_new();
	struct prefix_list *list;

	(void)state;
	assert_non_null(service);
	service->id = strdup("id");
	service->name = strdup("name");
	service->file = strdup("file");
	service->socket_owner = strdup("owner");
	service->socket_group = strdup("group");
	service->user = strdup("user");
	service->group = strdup("group");
	service->internal = strdup("echo");
	service->fingerprint = strdup("print");
	service->ports = calloc(1, sizeof(*service->ports));
	service->endpoints = calloc(1, sizeof(*service->endpoints));
	assert_int_equal(strings_add(&service->bind, "::1"), 0);
	service->program.path = strdup("/bin/true");
	service->program.credentials.groups = calloc(1, sizeof(gid_t));
	assert_int_equal(strings_add(&service->program.argv, "true"), 0);
	list = &service->policy.only_from;
	list->items = calloc(1, sizeof(*list->items));
	list->count = 1;
	assert_non_null(list->items);
	assert_int_equal(addrset_build(list->items, 1, &list->set), 0);
	service_unref(service);
}

static void is_internal_when_it_names_one(void **state)
{
	struct service *service = service_new();

	(void)state;
	assert_non_null(service);
	service->internal = strdup("echo");
	assert_true(service_is_internal(service));
	service_unref(service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_built_in_defaults),
		cmocka_unit_test(has_the_built_in_policy_and_program),
		cmocka_unit_test(lives_as_long_as_anyone_refers_to_it),
		cmocka_unit_test(gives_everything_back_with_the_last_reference),
		cmocka_unit_test(is_internal_when_it_names_one),
	};

	return cmocka_run_group_tests_name("model/service", tests, NULL, NULL);
}
