/* SPDX-License-Identifier: ISC */
/* The deny list: exact addresses, exact moments, a bound, and readers beside the writer.
 */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/guard/deny.h"

struct told {
	size_t count;
	struct prefix last;
};

static void tell(void *data, const struct prefix *address)
{
	struct told *told = data;

	told->count++;
	told->last = *address;
}

static struct addr address(const char *text)
{
	struct addr addr = { 0 };

	assert_int_equal(addr_parse_ip(text, 4000, &addr, NULL), 0);
	return addr;
}

static struct addr numbered(unsigned number)
{
	struct addr addr = address("10.0.0.0");

	addr.u.in.sin_addr.s_addr = htonl(0x0a000000U + number);
	return addr;
}

static int setup(void **state)
{
	void *memory = mmap(NULL, deny_memory_size(), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*state = memory;
	return memory == MAP_FAILED;
}

static int teardown(void **state)
{
	return munmap(*state, deny_memory_size());
}

static void denies_the_very_address_until_that_moment(void **state)
{
	struct deny_list *list = *state;
	struct addr peer = address("192.0.2.0");
	struct addr neighbour = address("192.0.2.1");
	struct addr mapped = address("::ffff:192.0.2.0");
	struct addr other_port = peer;

	assert_false(deny_holds(list, &peer, 0));
	assert_int_equal(deny_add(list, &peer, 100), 1);
	addr_set_port(&other_port, 1);
	assert_true(deny_holds(list, &peer, 0));
	assert_true(deny_holds(list, &other_port, 99));
	assert_true(deny_holds(list, &mapped, 99));
	assert_false(deny_holds(list, &peer, 100));
	assert_false(deny_holds(list, &neighbour, 0));
	assert_int_equal(deny_count(list), 1);
}

static void an_ipv6_address_is_one_as_well(void **state)
{
	struct deny_list *list = *state;
	struct addr peer = address("2001:db8::1");
	struct addr neighbour = address("2001:db8::2");
	struct told told = { 0 };
	char text[ADDR_TEXT_SIZE];

	assert_int_equal(deny_add(list, &peer, 100), 1);
	assert_true(deny_holds(list, &peer, 0));
	assert_false(deny_holds(list, &neighbour, 0));
	assert_true(deny_expire(list, 100, tell, &told) == DENY_FOREVER);
	assert_string_equal(prefix_format(&told.last, text), "2001:db8::1");
	assert_int_equal(deny_add(list, &neighbour, DENY_FOREVER), 1);
	assert_true(deny_holds(list, &neighbour, UINT64_MAX - 1));
}

static void what_is_no_ip_address_is_never_denied(void **state)
{
	struct deny_list *list = *state;
	struct addr local = { .length = sizeof(sa_family_t), .u.any.sa_family = AF_UNIX };
	struct addr none = { 0 };
	struct addr peer = numbered(1);

	assert_int_equal(deny_add(list, &local, 100), -EINVAL);
	assert_int_equal(deny_add(list, &none, 100), -EINVAL);
	assert_int_equal(deny_add(list, &peer, 100), 1);
	assert_false(deny_holds(list, &local, 0));
	assert_false(deny_holds(list, &none, 0));
}

static void more_hits_extend_and_never_shorten(void **state)
{
	struct deny_list *list = *state;
	struct addr peer = numbered(7);
	struct told told = { 0 };

	assert_int_equal(deny_add(list, &peer, 100), 1);
	assert_int_equal(deny_add(list, &peer, 200), 0);
	assert_int_equal(deny_add(list, &peer, 150), 0);
	assert_true(deny_expire(list, 199, tell, &told) == 200);
	assert_int_equal(told.count, 0);
	assert_true(deny_holds(list, &peer, 199));
	assert_true(deny_expire(list, 200, tell, &told) == DENY_FOREVER);
	assert_int_equal(told.count, 1);
	assert_int_equal(deny_count(list), 0);
	assert_false(deny_holds(list, &peer, 0));
}

static void is_bounded_and_has_room_again(void **state)
{
	struct deny_list *list = *state;
	struct addr peer;
	struct told told = { 0 };

	for (unsigned i = 0; i < DENY_MAX; i++) {
		peer = numbered(i);
		assert_int_equal(deny_add(list, &peer, 1000 + i), 1);
	}
	peer = numbered(DENY_MAX);
	assert_int_equal(deny_add(list, &peer, 5), -ENOSPC);
	peer = numbered(0);
	assert_int_equal(deny_add(list, &peer, 1001), 0);
	assert_int_equal(deny_count(list), DENY_MAX);
	/* Half of them go, whatever the order they stand in. */
	assert_true(deny_expire(list, 1000 + DENY_MAX / 2, tell, &told) ==
		    1001 + DENY_MAX / 2);
	assert_int_equal(told.count, DENY_MAX / 2 + 1);
	for (unsigned i = 0; i < DENY_MAX; i++) {
		peer = numbered(i);
		assert_int_equal(deny_holds(list, &peer, 0), i > DENY_MAX / 2);
	}
	assert_true(deny_expire(list, UINT64_MAX - 1, tell, &told) == DENY_FOREVER);
	assert_int_equal(deny_count(list), 0);
	peer = numbered(3);
	assert_int_equal(deny_add(list, &peer, 5), 1);
}

/* Never wrong about one that stays, while others come and go. */
static void a_reader_beside_the_writer_is_not_deceived(void **state)
{
	struct deny_list *list = *state;
	struct addr stays = numbered(1);
	struct addr never = numbered(100000);
	struct told told = { 0 };
	int status;
	pid_t pid;

	assert_int_equal(deny_add(list, &stays, DENY_FOREVER), 1);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (unsigned i = 0; i < 200000; i++)
			if (!deny_holds(list, &stays, 5) || deny_holds(list, &never, 5))
				_exit(1);
		_exit(0);
	}
	do {
		for (unsigned i = 2; i < 300; i++) {
			struct addr peer = numbered(i);

			(void)deny_add(list, &peer, 10);
		}
		(void)deny_expire(list, 10, tell, &told);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
	assert_true(told.count > 0);
}

#define DENY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DENY(denies_the_very_address_until_that_moment),
		DENY(an_ipv6_address_is_one_as_well),
		DENY(what_is_no_ip_address_is_never_denied),
		DENY(more_hits_extend_and_never_shorten),
		DENY(is_bounded_and_has_room_again),
		DENY(a_reader_beside_the_writer_is_not_deceived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
