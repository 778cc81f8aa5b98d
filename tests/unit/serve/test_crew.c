/* SPDX-License-Identifier: ISC */
/* Which of a crew's slots are free, what they count together, and what dies with one. */
#include "duty_bench.h"
#include "usherd/serve/crew.h"

static struct crew *make_crew(struct bench *bench, unsigned workers)
{
	struct service *service = bench_internal("echo", "echo");
	struct group_list list;
	struct crew *crew;

	bench->engine.workers = workers;
	bench_at(service, TRANSPORT_TCP, "127.0.0.1", bench_port());
	(void)bench_post(bench, service);
	assert_int_equal(groups_make(&bench->engine, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.groups[0].workers, workers);
	assert_int_equal(crew_new(&list.groups[0], &crew), 0);
	assert_int_equal(crew->signature, list.groups[0].signature);
	groups_done(&list);
	return crew;
}

static void fills_its_slots_in_order_and_again(void **state)
{
	struct crew *crew = make_crew(*state, 64);

	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(crew_vacancy(crew), (int)i);
		crew_enter(crew, i);
	}
	assert_int_equal(crew_vacancy(crew), -1);
	crew_leave(crew, 63);
	crew_leave(crew, 5);
	assert_int_equal(crew_vacancy(crew), 5);
	crew_enter(crew, 5);
	assert_int_equal(crew_vacancy(crew), 63);
	assert_ptr_equal(crew_ref(crew), crew);
	crew_unref(crew);
	crew_unref(crew);
	crew_unref(NULL);
}

static void forgets_what_one_counted_when_it_leaves(void **state)
{
	struct crew *crew = make_crew(*state, 3);
	struct arrivals *arrivals = ledger_arrivals(crew->ledger, "echo");

	for (unsigned i = 0; i < 3; i++) {
		crew_enter(crew, i);
		ledger_find(crew->ledger, "echo", i)->active = i + 1;
	}
	arrivals->window_count = 7;
	crew_leave(crew, 1);
	assert_int_equal(ledger_find(crew->ledger, "echo", 0)->active, 1);
	assert_int_equal(ledger_find(crew->ledger, "echo", 1)->active, 0);
	assert_int_equal(ledger_find(crew->ledger, "echo", 2)->active, 3);
	/* A client of a dead one has come all the same, and a pause goes on. */
	assert_int_equal(arrivals->window_count, 7);
	crew_unref(crew);
}

static void one_alone_takes_everything_along(void **state)
{
	struct crew *crew = make_crew(*state, 1);

	crew_enter(crew, 0);
	assert_int_equal(crew_vacancy(crew), -1);
	ledger_arrivals(crew->ledger, "echo")->window_count = 7;
	crew_leave(crew, 0);
	assert_int_equal(ledger_arrivals(crew->ledger, "echo")->window_count, 0);
	crew_unref(crew);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(fills_its_slots_in_order_and_again),
		CASE(forgets_what_one_counted_when_it_leaves),
		CASE(one_alone_takes_everything_along),
	};

	return cmocka_run_group_tests_name("serve/crew", tests, NULL, NULL);
}
