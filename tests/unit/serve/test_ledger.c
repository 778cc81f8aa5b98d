/* SPDX-License-Identifier: ISC */
/* Ledgers: what one process counts the others see, and what dies with it. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/serve/ledger.h"

static struct service *make_service(const char *id, uint64_t instances)
{
	struct service *service = service_new();

	assert_non_null(service);
	service->id = strdup(id);
	service->policy.instances = instances;
	return service;
}

static struct addr ip(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, 1, &addr, NULL), 0);
	return addr;
}

/* Runs in the child: asserting there would run the tests twice. */
static int admit_from(struct tally *tally, const struct policy *policy, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct source_key key;
		struct addr peer;
		char text[32];

		(void)snprintf(text, sizeof(text), "192.0.2.%u", i % 5);
		if (addr_parse_ip(text, 1, &peer, NULL) < 0 ||
		    tally_admit(tally, policy, &peer, &key) < 0)
			return 1;
	}
	return 0;
}

static void the_supervisor_sees_what_a_worker_counts_until_it_is_cleared(void **state)
{
	struct service *services[2] = { make_service("a", 100), make_service("b", 3) };
	struct addr peer = ip("192.0.2.1");
	struct ledger *ledger;
	struct tally *a;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(ledger_new(services, 2, &ledger), 0);
	a = ledger_find(ledger, "a");
	assert_non_null(a);
	assert_non_null(ledger_find(ledger, "b"));
	assert_null(ledger_find(ledger, "c"));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(admit_from(a, &services[0]->policy, 50));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(a->active, 50);
	assert_int_equal(tally_source_active(a, &services[0]->policy, &peer), 10);
	assert_int_equal(ledger_find(ledger, "b")->active, 0);
	ledger_clear(ledger);
	assert_int_equal(a->active, 0);
	assert_int_equal(tally_source_active(a, &services[0]->policy, &peer), 0);
	assert_int_equal(admit_from(a, &services[0]->policy, 50), 0);
	ledger_free(ledger);
	ledger_free(NULL);
	service_unref(services[0]);
	service_unref(services[1]);
}

static void a_full_table_refuses_and_loses_nothing(void **state)
{
	struct service *service = make_service("a", 2);
	struct policy *policy = &service->policy;
	struct source_key keys[64];
	struct ledger *ledger;
	struct tally *tally;
	unsigned admitted = 0;

	(void)state;
	assert_int_equal(ledger_new(&service, 1, &ledger), 0);
	tally = ledger_find(ledger, "a");
	for (unsigned i = 0; i < 64; i++) {
		char text[32];
		struct addr peer;

		(void)snprintf(text, sizeof(text), "192.0.2.%u", i);
		peer = ip(text);
		if (tally_admit(tally, policy, &peer, &keys[admitted]) == 0)
			admitted++;
		else
			assert_true(admitted >= 3);
	}
	assert_true(admitted >= 3 && admitted < 64);
	assert_int_equal(tally->active, admitted);
	while (admitted > 0)
		tally_release(tally, &keys[--admitted]);
	assert_int_equal(tally->active, 0);
	assert_int_equal(tally->source_count, 0);
	ledger_free(ledger);
	service_unref(service);
}

static void what_others_count_counts(void **state)
{
	struct service *service = make_service("a", 3);
	struct addr peer = ip("192.0.2.1");
	struct surroundings around = { .max_children = UINT64_MAX,
				       .active_elsewhere = 2 };
	struct tally tally = { 0 };
	struct source_key key;

	(void)state;
	service->policy.cps_rate = 0;
	assert_int_equal(guard_decide(&service->policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	assert_int_equal(tally_admit(&tally, &service->policy, &peer, &key), 0);
	assert_int_equal(guard_decide(&service->policy, &tally, &around, &peer).reason,
			 REASON_INSTANCES);
	around.active_elsewhere = 0;
	service->policy.per_source = 2;
	assert_int_equal(guard_decide(&service->policy, &tally, &around, &peer).reason,
			 REASON_NONE);
	around.source_elsewhere = 1;
	assert_int_equal(guard_decide(&service->policy, &tally, &around, &peer).reason,
			 REASON_PER_SOURCE);
	tally_done(&tally);
	service_unref(service);
}

static void another_program_counts_in_the_same_memory(void **state)
{
	struct service *services[2] = { make_service("a", 100), make_service("b", 3) };
	const struct policy *policy = &services[0]->policy;
	struct addr peer = ip("192.0.2.1");
	struct packer packer = { 0 };
	struct unpacker unpacker;
	struct ledger *ledger, *other;
	struct source_key key;

	(void)state;
	assert_int_equal(ledger_new(services, 2, &ledger), 0);
	assert_int_equal(admit_from(ledger_find(ledger, "a"), policy, 50), 0);
	ledger_pack(ledger, &packer);
	assert_false(packer.failed);
	unpacker_init(&unpacker, packer.data, packer.length);
	assert_int_equal(ledger_unpack(&unpacker, ledger_fd(ledger), &other), 0);
	assert_ptr_not_equal(ledger_find(ledger, "a"), ledger_find(other, "a"));
	assert_null(ledger_find(other, "c"));
	assert_int_equal(tally_source_active(ledger_find(other, "a"), policy, &peer), 10);
	assert_int_equal(tally_admit(ledger_find(other, "a"), policy, &peer, &key), 0);
	assert_int_equal(tally_source_active(ledger_find(ledger, "a"), policy, &peer),
			 11);
	ledger_clear(ledger);
	assert_int_equal(ledger_find(other, "a")->active, 0);
	assert_int_equal(tally_source_active(ledger_find(other, "a"), policy, &peer), 0);
	packer_done(&packer);
	ledger_free(other);
	ledger_free(ledger);
	service_unref(services[0]);
	service_unref(services[1]);
}

static void refuses_memory_that_is_too_small(void **state)
{
	struct service *service = make_service("a", 100);
	int fd = memfd_create("small", MFD_CLOEXEC);
	struct packer packer = { 0 };
	struct unpacker unpacker;
	struct ledger *ledger, *other = NULL;

	(void)state;
	assert_int_equal(ledger_new(&service, 1, &ledger), 0);
	ledger_pack(ledger, &packer);
	for (size_t length = 0; length <= packer.length; length++) {
		unpacker_init(&unpacker, packer.data, length);
		assert_int_equal(ledger_unpack(&unpacker, fd, &other), -EBADMSG);
	}
	/* Its own memory cannot be made so by anybody. */
	assert_int_equal(ftruncate(ledger_fd(ledger), 0), -1);
	assert_int_equal(ftruncate(ledger_fd(ledger), 1 << 30), -1);
	assert_null(other);
	(void)close(fd);
	packer_done(&packer);
	ledger_free(ledger);
	service_unref(service);
}

/* A worker that has been taken over may write anything: it must lead nobody anywhere. */
static void clearing_trusts_nothing_that_was_written(void **state)
{
	struct service *service = make_service("a", 100);
	struct ledger *ledger;
	struct tally *tally;

	(void)state;
	assert_int_equal(ledger_new(&service, 1, &ledger), 0);
	tally = ledger_find(ledger, "a");
	memset(tally, 0xff, sizeof(*tally));
	ledger_clear(ledger);
	assert_int_equal(tally->active, 0);
	assert_int_equal(admit_from(tally, &service->policy, 50), 0);
	assert_int_equal(tally->active, 50);
	ledger_free(ledger);
	service_unref(service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_supervisor_sees_what_a_worker_counts_until_it_is_cleared),
		cmocka_unit_test(a_full_table_refuses_and_loses_nothing),
		cmocka_unit_test(what_others_count_counts),
		cmocka_unit_test(another_program_counts_in_the_same_memory),
		cmocka_unit_test(refuses_memory_that_is_too_small),
		cmocka_unit_test(clearing_trusts_nothing_that_was_written),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
