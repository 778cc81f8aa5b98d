/* SPDX-License-Identifier: ISC */
/* The bytes of one direction, copied and spliced: none lost, none twice, none reordered.
 */
#include "relay_bench.h"

#include <limits.h>

/* What is to be moved where everything is full: more than sockets and pipes hold. */
#define MUCH (32 * (size_t)MEGABYTE)

/* speaker -> from, the pump, to -> hearer */
struct direction {
	struct loop *loop;
	struct relays *relays;
	struct pump pump;
	int speaker, from, to, hearer;
	uint64_t said;
	uint64_t heard;
};

static void use_pairs(struct direction *d, void (*make)(int pair[2]))
{
	int pair[2];

	make(pair);
	d->speaker = pair[0];
	d->from = pair[1];
	make(pair);
	d->to = pair[0];
	d->hearer = pair[1];
}

static int direction_setup(void **state)
{
	struct direction *d = calloc(1, sizeof(*d));

	if (d == NULL || loop_new(&d->loop, NULL) != 0 ||
	    relays_new(d->loop, &d->relays) != 0)
		return -1;
	d->speaker = d->from = d->to = d->hearer = -1;
	*state = d;
	return 0;
}

static int direction_teardown(void **state)
{
	struct direction *d = *state;

	pump_drop(&d->pump, d->relays);
	fd_close(&d->speaker);
	fd_close(&d->from);
	fd_close(&d->to);
	fd_close(&d->hearer);
	relays_free(d->relays);
	loop_free(d->loop);
	free(d);
	return 0;
}

static size_t say(struct direction *d, size_t size)
{
	size_t count = feed(d->speaker, d->said, size);

	d->said += count;
	return count;
}

static size_t hear(struct direction *d, size_t size)
{
	size_t count = drain(d->hearer, d->heard, size);

	d->heard += count;
	return count;
}

static enum pump_result turn(struct direction *d, bool hung_up)
{
	uint64_t before = d->pump.bytes;
	bool moved;
	enum pump_result result =
		pump_turn(&d->pump, d->relays, d->from, d->to, hung_up, &moved);

	/* Others want their turn. */
	assert_true(d->pump.bytes - before < RELAY_TURN_BYTES + RELAY_PIPE_BYTES);
	return result;
}

/* Until nothing more moves and the hearer has heard what was said. */
static void settle(struct direction *d)
{
	while (d->heard < d->said) {
		assert_int_equal(turn(d, false), PUMP_WAITS);
		(void)hear(d, SIZE_MAX);
	}
}

/* So much that the pump has begun to splice. */
static void get_going(struct direction *d)
{
	for (int i = 0; i < 1000 && !d->pump.bulk; i++) {
		(void)say(d, (size_t)4 * RELAY_COPY_BYTES);
		assert_int_equal(turn(d, false), PUMP_WAITS);
		(void)hear(d, SIZE_MAX);
	}
	assert_true(d->pump.bulk);
}

/* Say and turn, with nobody hearing, until the pump holds something. */
static void fill(struct direction *d)
{
	while (pump_held(&d->pump) == 0 && d->said < MUCH) {
		(void)say(d, MEGABYTE);
		assert_int_equal(turn(d, false), PUMP_WAITS);
	}
	assert_true(pump_held(&d->pump) > 0);
}

static void small_talk_is_copied(void **state)
{
	struct direction *d = *state;
	bool moved;

	use_pairs(d, tcp_pair);
	assert_int_equal(say(d, 5), 5);
	assert_int_equal(pump_turn(&d->pump, d->relays, d->from, d->to, false, &moved),
			 PUMP_WAITS);
	assert_true(moved);
	assert_int_equal(hear(d, SIZE_MAX), 5);
	assert_int_equal(d->pump.bytes, 5);
	assert_int_equal(relays_pipes(d->relays), 0);
}

static void silence_moves_nothing(void **state)
{
	struct direction *d = *state;
	bool moved;

	use_pairs(d, unix_pair);
	assert_int_equal(pump_turn(&d->pump, d->relays, d->from, d->to, false, &moved),
			 PUMP_WAITS);
	assert_false(moved);
	assert_false(pump_state(&d->pump).over);
	assert_false(pump_state(&d->pump).holding);
}

static void end_comes_after_all_bytes(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	(void)say(d, 5);
	assert_int_equal(shutdown(d->speaker, SHUT_WR), 0);
	/* In one turn if it is known to be there, else in the next. */
	assert_int_equal(turn(d, true), PUMP_ENDED);
	assert_true(pump_state(&d->pump).over);
	assert_int_equal(pump_held(&d->pump), 0);
	/* Passing it on is another's, in the same packet. */
	assert_false(is_at_end(d->hearer));
	assert_int_equal(shutdown(d->to, SHUT_WR), 0);
	assert_int_equal(hear(d, SIZE_MAX), 5);
	assert_true(is_at_end(d->hearer));
}

static void end_that_nobody_told_of_is_found_in_the_next_turn(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	(void)say(d, 5);
	assert_int_equal(shutdown(d->speaker, SHUT_WR), 0);
	assert_int_equal(turn(d, false), PUMP_WAITS);
	assert_int_equal(turn(d, false), PUMP_ENDED);
	assert_int_equal(hear(d, SIZE_MAX), 5);
}

static void long_stream_is_spliced_through_one_pipe(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	get_going(d);
	while (d->said < MUCH) {
		(void)say(d, MEGABYTE);
		assert_int_equal(turn(d, false), PUMP_WAITS);
		(void)hear(d, SIZE_MAX);
	}
	settle(d);
	assert_int_equal(d->pump.bytes, d->said);
	assert_int_equal(relays_pipes(d->relays), 1);
	/* Between two turns it is everybody's. */
	assert_null(d->pump.pipe);
}

static void stream_that_thins_out_is_copied_again(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	get_going(d);
	settle(d);
	(void)say(d, 5);
	assert_int_equal(turn(d, false), PUMP_WAITS);
	assert_false(d->pump.bulk);
	assert_int_equal(hear(d, SIZE_MAX), 5);
}

static void end_of_a_spliced_stream_is_found(void **state)
{
	struct direction *d = *state;
	enum pump_result result = PUMP_WAITS;

	use_pairs(d, tcp_pair);
	get_going(d);
	(void)say(d, (size_t)4 * RELAY_COPY_BYTES);
	assert_int_equal(shutdown(d->speaker, SHUT_WR), 0);
	for (int i = 0; i < 1000 && result == PUMP_WAITS; i++) {
		result = turn(d, true);
		(void)hear(d, SIZE_MAX);
	}
	assert_int_equal(result, PUMP_ENDED);
	assert_int_equal(d->heard, d->said);
}

static void without_pipes_all_is_copied(void **state)
{
	struct direction *d = *state;

	use_pairs(d, unix_pair);
	d->relays->pipes.rest = UINT_MAX;
	while (d->said < MUCH / 8) {
		(void)say(d, MEGABYTE);
		assert_int_equal(turn(d, false), PUMP_WAITS);
		(void)hear(d, SIZE_MAX);
	}
	settle(d);
	assert_int_equal(d->pump.bytes, d->said);
	assert_int_equal(relays_pipes(d->relays), 0);
}

/* @direction is full; nothing more is read until what is held has been taken. */
static void assert_holds_and_lets_go(struct direction *d)
{
	uint64_t bytes = d->pump.bytes;

	assert_true(pump_state(&d->pump).holding);
	(void)say(d, MEGABYTE);
	assert_int_equal(turn(d, false), PUMP_WAITS);
	assert_int_equal(d->pump.bytes, bytes);
	settle(d);
	assert_int_equal(pump_held(&d->pump), 0);
	assert_false(pump_state(&d->pump).holding);
	assert_int_equal(d->pump.bytes, d->said);
}

static void full_destination_holds_one_buffer_at_most(void **state)
{
	struct direction *d = *state;

	use_pairs(d, unix_pair);
	d->relays->pipes.rest = UINT_MAX;
	fill(d);
	assert_non_null(d->pump.pending);
	assert_in_range(pump_held(&d->pump), 1, RELAY_COPY_BYTES);
	assert_holds_and_lets_go(d);
	assert_null(d->pump.pending);
}

static void full_destination_holds_one_pipe_at_most(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	get_going(d);
	fill(d);
	assert_non_null(d->pump.pipe);
	assert_in_range(pump_held(&d->pump), 1, RELAY_PIPE_BYTES);
	assert_holds_and_lets_go(d);
	assert_null(d->pump.pipe);
	assert_int_equal(relays_pipes(d->relays), 1);
}

static void end_waits_for_what_is_held(void **state)
{
	struct direction *d = *state;
	enum pump_result result = PUMP_WAITS;

	use_pairs(d, tcp_pair);
	get_going(d);
	fill(d);
	assert_int_equal(shutdown(d->speaker, SHUT_WR), 0);
	assert_int_equal(turn(d, true), PUMP_WAITS);
	while (result == PUMP_WAITS) {
		(void)hear(d, 100000);
		result = turn(d, true);
		assert_true(result == PUMP_WAITS || pump_held(&d->pump) == 0);
	}
	assert_int_equal(result, PUMP_ENDED);
	(void)hear(d, SIZE_MAX);
	assert_int_equal(d->heard, d->said);
}

static void destination_that_has_gone_is_told(void **state)
{
	struct direction *d = *state;

	use_pairs(d, unix_pair);
	fd_close(&d->hearer);
	(void)say(d, 5);
	assert_int_equal(turn(d, false), PUMP_BROKEN);
	assert_int_equal(d->pump.bytes, 5);
	assert_int_equal(pump_held(&d->pump), 5);
	pump_drop(&d->pump, d->relays);
	assert_int_equal(pump_held(&d->pump), 0);
}

static void pipe_for_one_who_has_gone_is_closed_with_what_is_in_it(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	get_going(d);
	fill(d);
	reset(d->hearer);
	d->hearer = -1;
	assert_int_equal(turn(d, false), PUMP_BROKEN);
	pump_drop(&d->pump, d->relays);
	assert_int_equal(pump_held(&d->pump), 0);
	assert_int_equal(relays_pipes(d->relays), 0);
}

static void source_that_is_reset_is_told(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	reset(d->speaker);
	d->speaker = -1;
	assert_int_equal(turn(d, false), PUMP_RESET);
}

static void spliced_source_that_is_reset_is_told(void **state)
{
	struct direction *d = *state;

	use_pairs(d, tcp_pair);
	get_going(d);
	settle(d);
	d->pump.bulk = true;
	reset(d->speaker);
	d->speaker = -1;
	assert_int_equal(turn(d, false), PUMP_RESET);
}

/* Whatever comes in whatever pieces, to whoever takes it in whatever pieces. */
static void assert_exact(struct direction *d)
{
	uint32_t dice = 1;
	enum pump_result result = PUMP_WAITS;

	for (int round = 0; round < 4000; round++) {
		dice = dice * 1664525 + 1013904223;
		(void)say(d, (dice >> 8) % (size_t)(1 << (dice >> 28)));
		if ((dice & 1 << 20) != 0)
			assert_int_equal(turn(d, false), PUMP_WAITS);
		if ((dice & 1 << 21) != 0)
			(void)hear(d, (dice >> 4) % (size_t)(1 << (dice >> 29 << 2)));
		/* A burst now and then. */
		if (dice >> 25 == 0)
			(void)say(d, MEGABYTE);
	}
	assert_int_equal(shutdown(d->speaker, SHUT_WR), 0);
	while (result == PUMP_WAITS) {
		result = turn(d, true);
		(void)hear(d, SIZE_MAX);
	}
	assert_int_equal(result, PUMP_ENDED);
	assert_int_equal(d->heard, d->said);
	assert_int_equal(d->pump.bytes, d->said);
}

static void tcp_streams_arrive_as_they_left(void **state)
{
	use_pairs(*state, tcp_pair);
	assert_exact(*state);
}

static void unix_streams_arrive_as_they_left(void **state)
{
	use_pairs(*state, unix_pair);
	assert_exact(*state);
}

#define DIRECTION_CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, direction_setup, direction_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIRECTION_CASE(small_talk_is_copied),
		DIRECTION_CASE(silence_moves_nothing),
		DIRECTION_CASE(end_comes_after_all_bytes),
		DIRECTION_CASE(end_that_nobody_told_of_is_found_in_the_next_turn),
		DIRECTION_CASE(long_stream_is_spliced_through_one_pipe),
		DIRECTION_CASE(stream_that_thins_out_is_copied_again),
		DIRECTION_CASE(end_of_a_spliced_stream_is_found),
		DIRECTION_CASE(without_pipes_all_is_copied),
		DIRECTION_CASE(full_destination_holds_one_buffer_at_most),
		DIRECTION_CASE(full_destination_holds_one_pipe_at_most),
		DIRECTION_CASE(end_waits_for_what_is_held),
		DIRECTION_CASE(destination_that_has_gone_is_told),
		DIRECTION_CASE(pipe_for_one_who_has_gone_is_closed_with_what_is_in_it),
		DIRECTION_CASE(source_that_is_reset_is_told),
		DIRECTION_CASE(spliced_source_that_is_reset_is_told),
		DIRECTION_CASE(tcp_streams_arrive_as_they_left),
		DIRECTION_CASE(unix_streams_arrive_as_they_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
