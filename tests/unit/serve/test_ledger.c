/* SPDX-License-Identifier: ISC */
/* Ledgers: what one process counts the others see, and what dies with it. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
	assert_int_equal(ledger_new(services, 2, 1, &ledger), 0);
	a = ledger_find(ledger, "a", 0);
	assert_non_null(a);
	assert_non_null(ledger_find(ledger, "b", 0));
	assert_null(ledger_find(ledger, "c", 0));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(admit_from(a, &services[0]->policy, 50));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(a->active, 50);
	assert_int_equal(tally_source_active(a, &services[0]->policy, &peer), 10);
	assert_int_equal(ledger_find(ledger, "b", 0)->active, 0);
	ledger_clear(ledger, 0);
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
	assert_int_equal(ledger_new(&service, 1, 1, &ledger), 0);
	tally = ledger_find(ledger, "a", 0);
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
	assert_int_equal(ledger_new(services, 2, 1, &ledger), 0);
	assert_int_equal(admit_from(ledger_find(ledger, "a", 0), policy, 50), 0);
	ledger_pack(ledger, &packer);
	assert_false(packer.failed);
	unpacker_init(&unpacker, packer.data, packer.length);
	assert_int_equal(ledger_unpack(&unpacker, ledger_fd(ledger), &other), 0);
	assert_ptr_not_equal(ledger_find(ledger, "a", 0), ledger_find(other, "a", 0));
	assert_null(ledger_find(other, "c", 0));
	assert_int_equal(tally_source_active(ledger_find(other, "a", 0), policy, &peer),
			 10);
	assert_int_equal(tally_admit(ledger_find(other, "a", 0), policy, &peer, &key), 0);
	assert_int_equal(tally_source_active(ledger_find(ledger, "a", 0), policy, &peer),
			 11);
	ledger_clear(ledger, 0);
	assert_int_equal(ledger_find(other, "a", 0)->active, 0);
	assert_int_equal(tally_source_active(ledger_find(other, "a", 0), policy, &peer),
			 0);
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
	assert_int_equal(ledger_new(&service, 1, 1, &ledger), 0);
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
	assert_int_equal(ledger_new(&service, 1, 1, &ledger), 0);
	tally = ledger_find(ledger, "a", 0);
	memset(tally, 0xff, sizeof(*tally));
	ledger_clear(ledger, 0);
	assert_int_equal(tally->active, 0);
	assert_int_equal(admit_from(tally, &service->policy, 50), 0);
	assert_int_equal(tally->active, 50);
	ledger_free(ledger);
	service_unref(service);
}

/* The decision of one of several workers: in the child of a fork, as above. */
static bool take_place(struct ledger *ledger, unsigned slot, uint64_t most)
{
	uint64_t active = 0;
	bool taken = false;

	if (!ledger_lock(ledger))
		return false;
	for (unsigned i = 0; i < ledger_slots(ledger); i++)
		active += ledger_find(ledger, "a", i)->active;
	if (active < most) {
		ledger_find(ledger, "a", slot)->active++;
		taken = true;
	}
	ledger_unlock(ledger);
	return taken;
}

static void give_place(struct ledger *ledger, unsigned slot)
{
	if (!ledger_lock(ledger))
		_exit(2);
	ledger_find(ledger, "a", slot)->active--;
	ledger_unlock(ledger);
}

static _Noreturn void take_and_give(struct ledger *ledger, unsigned slot)
{
	for (unsigned i = 0; i < 20000; i++)
		if (take_place(ledger, slot, 3) && i % 2 == 0)
			give_place(ledger, slot);
	_exit(0);
}

static void several_never_take_more_places_than_there_are(void **state)
{
	struct service *service = make_service("a", 100);
	struct ledger *ledger;
	uint64_t active = 0;
	int status;

	(void)state;
	assert_int_equal(ledger_new(&service, 1, 4, &ledger), 0);
	assert_int_equal(ledger_slots(ledger), 4);
	assert_null(ledger_find(ledger, "a", 4));
	for (unsigned i = 0; i < 4; i++)
		if (fork() == 0)
			take_and_give(ledger, i);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (unsigned i = 0; i < 4; i++)
		active += ledger_find(ledger, "a", i)->active;
	assert_int_equal(active, 3);
	ledger_free(ledger);
	service_unref(service);
}

static void one_that_dies_with_the_lock_keeps_nobody_out(void **state)
{
	struct service *service = make_service("a", 100);
	struct ledger *ledger;
	pid_t pid;
	int status;

	(void)state;
	assert_int_equal(ledger_new(&service, 1, 2, &ledger), 0);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)ledger_lock(ledger);
			ledger_find(ledger, "a", 1)->active++;
			(void)kill(getpid(), SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		/* Until its end is known, its places are taken. */
		assert_false(take_place(ledger, 0, 1));
		ledger_clear(ledger, 1);
		assert_true(take_place(ledger, 0, 1));
		give_place(ledger, 0);
	}
	ledger_free(ledger);
	service_unref(service);
}

static void another_program_is_kept_out_by_the_same_lock(void **state)
{
	struct service *service = make_service("a", 100);
	struct packer packer = { 0 };
	struct unpacker unpacker;
	struct ledger *ledger, *other;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(ledger_new(&service, 1, 3, &ledger), 0);
	ledger_pack(ledger, &packer);
	unpacker_init(&unpacker, packer.data, packer.length);
	assert_int_equal(ledger_unpack(&unpacker, ledger_fd(ledger), &other), 0);
	assert_int_equal(ledger_slots(other), 3);
	pid = fork();
	if (pid == 0)
		take_and_give(other, 2);
	for (unsigned i = 0; i < 20000; i++)
		if (take_place(ledger, 0, 3))
			give_place(ledger, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* The child's last tries may all have met a place that was taken here. */
	while (take_place(ledger, 2, 3))
		;
	assert_int_equal(ledger_find(ledger, "a", 2)->active, 3);
	assert_int_equal(ledger_find(ledger, "a", 0)->active, 0);
	ledger_arrivals(other, "a")->window_count = 5;
	assert_int_equal(ledger_arrivals(ledger, "a")->window_count, 5);
	assert_null(ledger_arrivals(ledger, "b"));
	packer_done(&packer);
	ledger_free(other);
	ledger_free(ledger);
	service_unref(service);
}

static bool arrive(struct ledger *ledger, const struct policy *policy)
{
	struct addr peer = ip("192.0.2.1");

	return rates_take(ledger_rates(ledger, "b"), policy, &peer, 1);
}

static void what_came_from_a_source_is_one_for_all_and_outlives_a_worker(void **state)
{
	struct service *services[2] = { make_service("a", 3), make_service("b", 3) };
	const struct policy *policy = &services[1]->policy;
	struct packer packer = { 0 };
	struct unpacker unpacker;
	struct ledger *ledger, *other;

	(void)state;
	services[1]->policy.per_source_cpm = 3;
	for (unsigned slots = 1; slots < 3; slots++) {
		packer = (struct packer){ 0 };
		assert_int_equal(ledger_new(services, 2, slots, &ledger), 0);
		ledger_pack(ledger, &packer);
		unpacker_init(&unpacker, packer.data, packer.length);
		assert_int_equal(ledger_unpack(&unpacker, ledger_fd(ledger), &other), 0);
		assert_null(ledger_rates(ledger, "a"));
		assert_null(ledger_rates(ledger, "c"));
		assert_true(arrive(ledger, policy));
		assert_true(arrive(other, policy));
		ledger_clear(ledger, 0);
		assert_true(arrive(ledger, policy));
		assert_false(arrive(other, policy));
		assert_int_equal(ledger_find(other, "a", slots - 1)->active, 0);
		packer_done(&packer);
		ledger_free(other);
		ledger_free(ledger);
	}
	service_unref(services[0]);
	service_unref(services[1]);
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
		cmocka_unit_test(several_never_take_more_places_than_there_are),
		cmocka_unit_test(one_that_dies_with_the_lock_keeps_nobody_out),
		cmocka_unit_test(another_program_is_kept_out_by_the_same_lock),
		cmocka_unit_test(
			what_came_from_a_source_is_one_for_all_and_outlives_a_worker),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
