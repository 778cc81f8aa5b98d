/* SPDX-License-Identifier: ISC */
/*
 * The packet filter says what the guard says: run by a small interpreter over random
 * lists and the addresses at their edges, and by the kernel for senders on this host.
 */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "usherd/guard/guard.h"
#include "usherd/guard/screen.h"

#define LISTS    300
#define PREFIXES 40
#define SENDERS  40
#define PATIENCE 20000 /* ms: a machine may be busy */

struct lists {
	struct prefix only[PREFIXES];
	struct prefix no[PREFIXES];
	struct policy policy;
	struct sock_fprog screen;
};

static uint64_t seed = 88172645463325252;

static uint32_t random_below(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % limit;
}

/* Few different bytes, so that blocks meet and lie in each other. */
static struct addr random_address(void)
{
	static const uint8_t bytes[] = { 0, 0, 1, 2, 127, 128, 254, 255 };
	struct addr addr = { .length = sizeof(addr.u.in6) };
	uint8_t *at = addr.u.in6.sin6_addr.s6_addr;

	addr.u.in6.sin6_family = AF_INET6;
	for (size_t i = 0; i < 16; i++)
		at[i] = bytes[random_below(sizeof(bytes))];
	switch (random_below(4)) {
	case 0: /* IPv4 */
	case 1:
		memset(at, 0, 10);
		memset(at + 10, 0xff, 2);
		at[12] = 127;
		break;
	case 2: /* near it */
		memset(at, 0, 9);
		at[10] = at[11] = 0xff;
		break;
	default:
		at[0] = 0x20;
		at[1] = 0x01;
		break;
	}
	addr_normalise(&addr);
	return addr;
}

static struct prefix random_prefix(void)
{
	struct addr addr = random_address();
	struct prefix prefix;

	assert_true(prefix_of(&addr, random_below(8) == 0 ? 0 : 8 + random_below(25),
			      random_below(129), &prefix));
	return prefix;
}

static void random_list(struct prefix_list *list, struct prefix *items, bool given)
{
	*list = (struct prefix_list){ .given = given, .items = items };
	list->count = given ? random_below(PREFIXES) : 0;
	for (size_t i = 0; i < list->count; i++)
		items[i] = random_prefix();
	assert_int_equal(prefix_list_compile(list), 0);
}

static struct lists *random_lists(void)
{
	struct lists *lists = calloc(1, sizeof(*lists));

	assert_non_null(lists);
	random_list(&lists->policy.only_from, lists->only, random_below(4) != 0);
	random_list(&lists->policy.no_access, lists->no, random_below(4) != 0);
	assert_int_equal(screen_compile(&lists->policy, &lists->screen, NULL), 0);
	return lists;
}

static void lists_free(struct lists *lists)
{
	addrset_done(&lists->policy.only_from.set);
	addrset_done(&lists->policy.no_access.set);
	screen_done(&lists->screen);
	free(lists);
}

/* What the kernel's checker demands of a program, and what it means. */
static uint32_t interpret(const struct sock_fprog *screen, const uint8_t *packet,
			  size_t size)
{
	uint32_t a = 0;

	for (size_t at = 0; at < screen->len; at++) {
		const struct sock_filter *one = &screen->filter[at];
		uint32_t offset = one->k - (uint32_t)SKF_NET_OFF;

		switch (one->code) {
		case BPF_LD | BPF_B | BPF_ABS:
			assert_true(offset < size);
			a = packet[offset];
			break;
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(offset + 4 <= size);
			memcpy(&a, packet + offset, 4);
			a = ntohl(a);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= one->k;
			break;
		case BPF_JMP | BPF_JA:
			at += one->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == one->k ? one->jt : one->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= one->k ? one->jt : one->jf;
			break;
		case BPF_RET | BPF_K:
			return one->k;
		default:
			fail_msg("instruction %#x", one->code);
		}
	}
	fail_msg("past the end");
	return 0;
}

/* The header of a packet from @addr, all else in it ones. */
static bool passes(const struct sock_fprog *screen, const struct addr *addr)
{
	uint8_t packet[40];
	uint32_t result;

	memset(packet, 0xff, sizeof(packet));
	if (addr_family(addr) == AF_INET) {
		packet[0] = 0x45;
		memcpy(packet + 12, &addr->u.in.sin_addr, 4);
		result = interpret(screen, packet, 20);
	} else {
		packet[0] = 0x6f;
		memcpy(packet + 8, &addr->u.in6.sin6_addr, 16);
		result = interpret(screen, packet, 40);
	}
	assert_true(result == 0 || result == UINT32_MAX);
	return result != 0;
}

static void compare(const struct lists *lists, const uint8_t *bytes)
{
	struct addr addr = { .length = sizeof(addr.u.in6) };
	char text[ADDR_TEXT_SIZE];

	addr.u.in6.sin6_family = AF_INET6;
	memcpy(&addr.u.in6.sin6_addr, bytes, 16);
	addr_normalise(&addr);
	if (passes(&lists->screen, &addr) != guard_welcomes(&lists->policy, &addr))
		fail_msg("%s", addr_format(&addr, text));
}

/* The address itself, and its neighbours on both sides. */
static void compare_around(const struct lists *lists, const uint8_t *bytes)
{
	uint8_t next[16], last[16];
	size_t i;

	memcpy(next, bytes, 16);
	memcpy(last, bytes, 16);
	for (i = 16; i-- > 0 && ++next[i] == 0;)
		;
	for (i = 16; i-- > 0 && last[i]-- == 0;)
		;
	compare(lists, bytes);
	compare(lists, next);
	compare(lists, last);
}

static void compare_edges(const struct lists *lists, const struct addrset *set)
{
	for (size_t i = 0; i < set->count; i++) {
		compare_around(lists, set->ranges[i].first);
		compare_around(lists, set->ranges[i].last);
	}
}

static void says_what_the_guard_says(void **state)
{
	static const uint8_t mapped[] = { [10] = 0xff, 0xff, [15] = 0 };
	static const uint8_t after[16] = { [9] = 1 };

	(void)state;
	for (size_t i = 0; i < LISTS; i++) {
		struct lists *lists = random_lists();

		compare_edges(lists, &lists->policy.only_from.set);
		compare_edges(lists, &lists->policy.no_access.set);
		compare_around(lists, mapped);
		compare_around(lists, after);
		for (size_t j = 0; j < 200; j++) {
			struct addr addr = random_address();
			struct prefix prefix;

			assert_true(prefix_of(&addr, 32, 128, &prefix));
			compare_around(lists, prefix.bytes);
		}
		lists_free(lists);
	}
}

static void lets_everybody_in_without_lists(void **state)
{
	struct policy policy = { .instances = 1 };
	struct sock_fprog screen;
	struct addr addr;

	(void)state;
	assert_int_equal(screen_compile(&policy, &screen, NULL), 0);
	assert_int_equal(addr_parse_ip("192.0.2.1", 0, &addr, NULL), 0);
	assert_true(passes(&screen, &addr));
	assert_int_equal(addr_parse_ip("2001:db8::1", 0, &addr, NULL), 0);
	assert_true(passes(&screen, &addr));
	screen_done(&screen);
}

static void lets_nobody_in_where_nobody_may(void **state)
{
	struct policy policy = { .only_from = { .given = true } };
	struct sock_fprog screen;
	struct addr addr;

	(void)state;
	assert_int_equal(screen_compile(&policy, &screen, NULL), 0);
	assert_int_equal(addr_parse_ip("127.0.0.1", 0, &addr, NULL), 0);
	assert_false(passes(&screen, &addr));
	assert_int_equal(addr_parse_ip("::1", 0, &addr, NULL), 0);
	assert_false(passes(&screen, &addr));
	screen_done(&screen);
}

static void lets_nobody_in_by_name(void **state)
{
	char name[] = "example.org";
	char *names[] = { name };
	struct policy policy = { .no_access = { .given = true, .names = { names, 1 } } };
	struct sock_fprog screen;
	struct addr addr;

	(void)state;
	assert_int_equal(screen_compile(&policy, &screen, NULL), 0);
	assert_int_equal(addr_parse_ip("127.0.0.1", 0, &addr, NULL), 0);
	assert_false(passes(&screen, &addr));
	screen_done(&screen);
}

static void drops_what_is_neither_ipv4_nor_ipv6(void **state)
{
	struct policy policy = { .instances = 1 };
	struct sock_fprog screen;
	uint8_t packet[40] = { 0 };

	(void)state;
	assert_int_equal(screen_compile(&policy, &screen, NULL), 0);
	for (unsigned version = 0; version < 16; version++) {
		packet[0] = (uint8_t)(version << 4);
		assert_true((interpret(&screen, packet, sizeof(packet)) != 0) ==
			    (version == 4 || version == 6));
	}
	screen_done(&screen);
}

/* @count single addresses, none beside another. */
static int compile_many(size_t count, struct sock_fprog *ret, struct error *err)
{
	struct prefix *items = calloc(count, sizeof(*items));
	struct policy policy = { .no_access = { .given = true, .items = items } };
	int r;

	assert_non_null(items);
	for (size_t i = 0; i < count; i++) {
		struct addr addr = { .length = sizeof(addr.u.in) };

		addr.u.in.sin_family = AF_INET;
		addr.u.in.sin_addr.s_addr = htonl((uint32_t)(2 * i + 1));
		assert_true(prefix_of(&addr, 32, 128, &items[i]));
	}
	policy.no_access.count = count;
	assert_int_equal(prefix_list_compile(&policy.no_access), 0);
	r = screen_compile(&policy, ret, err);
	addrset_done(&policy.no_access.set);
	free(items);
	return r;
}

static void jumps_further_than_a_byte_can_say(void **state)
{
	struct sock_fprog screen;
	struct addr addr = { .length = sizeof(addr.u.in) };

	(void)state;
	assert_int_equal(compile_many(400, &screen, NULL), 0);
	assert_true(screen.len > 1600);
	addr.u.in.sin_family = AF_INET;
	for (uint32_t i = 0; i < 1000; i++) {
		addr.u.in.sin_addr.s_addr = htonl(i);
		assert_true(passes(&screen, &addr) == (i % 2 == 0 || i > 800));
	}
	screen_done(&screen);
}

static void refuses_what_does_not_fit(void **state)
{
	struct sock_fprog screen = { .len = 7 };
	struct error err = { 0 };

	(void)state;
	assert_int_equal(compile_many(3000, &screen, &err), -E2BIG);
	assert_int_equal(screen.len, 7);
	assert_non_null(strstr(err.text, "4096 instructions"));
}

static int bound_socket(struct addr *addr)
{
	int fd = socket(addr_family(addr), SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, &addr->u.any, addr->length), 0);
	assert_int_equal(getsockname(fd, &addr->u.any, &addr->length), 0);
	return fd;
}

/* From an IPv6 address that is not of this host, if need be. */
static int sender_socket(const struct addr *from)
{
	const int yes = 1;
	int fd = socket(addr_family(from), SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	if (addr_family(from) == AF_INET6)
		assert_int_equal(
			setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &yes, sizeof(yes)),
			0);
	assert_int_equal(bind(fd, &from->u.any, from->length), 0);
	return fd;
}

/* Of the senders, who comes through? A set of bits. */
static uint64_t receive(int fd, uint64_t expected)
{
	uint64_t seen = 0;
	uint8_t number;

	do {
		struct pollfd one = { .fd = fd, .events = POLLIN };

		if (seen != expected)
			assert_int_equal(poll(&one, 1, PATIENCE), 1);
		if (recv(fd, &number, 1, MSG_DONTWAIT) != 1)
			break;
		seen |= UINT64_C(1) << number;
	} while ((seen & ~expected) == 0);
	return seen;
}

/* Of this host, or for IPv6 any whatever (IPV6_FREEBIND). */
static struct addr random_source(void)
{
	struct addr from = { .length = sizeof(from.u.in) };

	if (random_below(2) == 0) {
		do
			from = random_address();
		while (addr_family(&from) != AF_INET6 ||
		       from.u.in6.sin6_addr.s6_addr[0] != 0x20);
		return from;
	}
	from.u.in.sin_family = AF_INET;
	from.u.in.sin_addr.s_addr =
		htonl(0x7f000000 | (random_below(3) << 16) | random_below(256));
	return from;
}

static bool send_number(uint8_t number, uint16_t port, const struct policy *policy)
{
	struct addr from = random_source();
	struct addr to;
	int fd = sender_socket(&from);

	assert_int_equal(
		addr_parse_ip(addr_family(&from) == AF_INET ? "127.0.0.1" : "::1", port,
			      &to, NULL),
		0);
	assert_int_equal(sendto(fd, &number, 1, 0, &to.u.any, to.length), 1);
	close(fd);
	return guard_welcomes(policy, &from);
}

static void try_in_kernel(const struct lists *lists)
{
	struct addr here = { 0 };
	uint64_t expected = 0;
	int fd;

	assert_int_equal(addr_parse_ip("::", 0, &here, NULL), 0);
	fd = bound_socket(&here);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &lists->screen,
				    sizeof(lists->screen)),
			 0);
	for (uint8_t i = 0; i < SENDERS; i++)
		if (send_number(i, addr_port(&here), &lists->policy))
			expected |= UINT64_C(1) << i;
	assert_true(receive(fd, expected) == expected);
	close(fd);
}

static void the_kernel_says_what_the_guard_says(void **state)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr here;

	(void)state;
	assert_int_equal(addr_parse_ip("::1", 0, &here, NULL), 0);
	if (fd == -1 || bind(fd, &here.u.any, here.length) == -1) {
		print_message("skipped: no ::1 here\n");
		skip();
	}
	close(fd);
	for (size_t i = 0; i < 60; i++) {
		struct lists *lists = random_lists();

		try_in_kernel(lists);
		lists_free(lists);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_guard_says),
		cmocka_unit_test(lets_everybody_in_without_lists),
		cmocka_unit_test(lets_nobody_in_where_nobody_may),
		cmocka_unit_test(lets_nobody_in_by_name),
		cmocka_unit_test(drops_what_is_neither_ipv4_nor_ipv6),
		cmocka_unit_test(jumps_further_than_a_byte_can_say),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(the_kernel_says_what_the_guard_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
