/* SPDX-License-Identifier: ISC */
/* Socket addresses: reading, comparing, writing; mapped IPv4, scopes. */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "usherd/base/addr.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct addr ip(const char *text, uint16_t port)
{
	struct addr addr;

	assert_int_equal(addr_parse_ip(text, port, &addr, NULL), 0);
	return addr;
}

/* ::ffff:192.0.2.1 as a dual-stack socket reports it. */
static struct addr mapped(uint16_t port)
{
	struct addr addr = { .length = sizeof(struct sockaddr_in6) };

	addr.u.in6.sin6_family = AF_INET6;
	addr.u.in6.sin6_port = htons(port);
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &addr.u.in6.sin6_addr),
			 1);
	return addr;
}

static struct addr path_x(void)
{
	struct addr addr;

	assert_int_equal(addr_parse_unix("/x", &addr, NULL), 0);
	return addr;
}

static void assert_host(const struct addr *addr, const char *expected)
{
	char buffer[ADDR_TEXT_SIZE];

	assert_ptr_equal(addr_format_host(addr, buffer), buffer);
	assert_string_equal(buffer, expected);
}

static void assert_text(const struct addr *addr, const char *expected)
{
	char buffer[ADDR_TEXT_SIZE];

	assert_ptr_equal(addr_format(addr, buffer), buffer);
	assert_string_equal(buffer, expected);
}

static void reads_ipv4(void **state)
{
	struct addr addr = ip("192.0.2.1", 65535);

	(void)state;
	assert_int_equal(addr_family(&addr), AF_INET);
	assert_int_equal(addr.length, sizeof(struct sockaddr_in));
	assert_int_equal(addr_port(&addr), 65535);
	assert_int_equal(addr.u.in.sin_port, htons(65535));
	assert_host(&addr, "192.0.2.1");
	assert_text(&addr, "192.0.2.1:65535");
}

static void reads_ipv6_and_writes_it_short(void **state)
{
	struct addr addr = ip("2001:0DB8:0:0::0001", 21);

	(void)state;
	assert_int_equal(addr_family(&addr), AF_INET6);
	assert_int_equal(addr.length, sizeof(struct sockaddr_in6));
	assert_int_equal(addr.u.in6.sin6_scope_id, 0);
	assert_host(&addr, "2001:db8::1");
	assert_text(&addr, "[2001:db8::1]:21");
}

static void rejects_what_is_no_numeric_address(void **state)
{
	static const char *const texts[] = {
		"",
		" 1.2.3.4",
		"1.2.3.4 ",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"0x7f.0.0.1",
		"2130706433",
		"1.2.3.4:21",
		"1.2.3.4/24",
		"1.2.3.-4",
		"localhost",
		"*",
		":",
		":::",
		"1::2::3",
		"[::1]",
		"::1/128",
		"12345::",
		"::g",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"::1.2.3",
		"%lo",
		"::%",
		"fe80::1%",
		"fe80::1%no-such-if",
		"fe80::1%0",
		"fe80::1%4294967296",
		"fe80::1%-1",
		"fe80::1%lo%lo",
		"2001:db8::1%lo",
		"::1%1",
		"1.2.3.4%lo",
		"@name",
		"/path",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct addr addr = { .length = 77 };
		struct error err = { 0 };

		if (addr_parse_ip(texts[i], 1, &addr, &err) != -EINVAL)
			fail_msg("'%s' is taken", texts[i]);
		assert_int_equal(addr.length, 77);
		assert_int_equal(err.code, -EINVAL);
		assert_non_null(strstr(err.text, "got '"));
	}
}

static void reads_and_writes_scopes_by_name_and_number(void **state)
{
	struct addr by_name = ip("fe80::1%lo", 21);
	unsigned lo = if_nametoindex("lo");
	char numbered[64];
	struct addr by_number;
	struct addr multicast = ip("ff02::1%lo", 0);

	(void)state;
	assert_int_not_equal(lo, 0);
	assert_int_equal(by_name.u.in6.sin6_scope_id, lo);
	assert_text(&by_name, "[fe80::1%lo]:21");
	(void)snprintf(numbered, sizeof(numbered), "fe80::1%%%u", lo);
	by_number = ip(numbered, 21);
	assert_true(addr_equal(&by_name, &by_number));
	assert_host(&multicast, "ff02::1%lo");
	by_number = ip("fe80::1%4294967295", 21);
	assert_host(&by_number, "fe80::1%4294967295");
	assert_false(addr_equal(&by_name, &by_number));
}

static void a_mapped_address_is_the_plain_one(void **state)
{
	struct addr plain = ip("192.0.2.1", 21);
	struct addr raw = mapped(21);
	struct addr read = ip("::ffff:192.0.2.1", 21);

	(void)state;
	assert_int_equal(addr_family(&read), AF_INET);
	assert_true(addr_equal(&raw, &plain));
	assert_true(addr_equal(&plain, &raw));
	assert_host(&raw, "192.0.2.1");
	assert_text(&raw, "192.0.2.1:21");
	assert_int_equal(addr_port(&raw), 21);
	raw.u.in6.sin6_scope_id = 3; /* means nothing there */
	assert_true(addr_equal(&raw, &plain));
	addr_normalise(&raw);
	assert_int_equal(raw.length, sizeof(struct sockaddr_in));
	assert_memory_equal(&raw, &plain, sizeof(raw));
}

static void normalising_leaves_others_alone(void **state)
{
	struct addr addrs[] = {
		ip("192.0.2.1", 1), ip("::192.0.2.1", 1), ip("::", 1), path_x(), { 0 }
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(addrs); i++) {
		struct addr copy = addrs[i];

		addr_normalise(&copy);
		assert_memory_equal(&copy, &addrs[i], sizeof(copy));
	}
}

static void tells_wildcards(void **state)
{
	struct addr addr = ip("0.0.0.0", 1);
	struct addr raw = mapped(1);

	(void)state;
	assert_true(addr_is_wildcard(&addr));
	addr = ip("::", 1);
	assert_true(addr_is_wildcard(&addr));
	assert_false(addr_is_wildcard(&raw));
	memset(&raw.u.in6.sin6_addr.s6_addr[12], 0, 4);
	assert_true(addr_is_wildcard(&raw));
	addr = ip("::1", 1);
	assert_false(addr_is_wildcard(&addr));
	addr = ip("0.0.0.1", 1);
	assert_false(addr_is_wildcard(&addr));
	addr = path_x();
	assert_false(addr_is_wildcard(&addr));
	addr = (struct addr){ 0 };
	assert_false(addr_is_wildcard(&addr));
}

static void sets_the_port_where_there_is_one(void **state)
{
	struct addr addrs[] = { ip("192.0.2.1", 1), ip("::1", 1), mapped(1) };
	struct addr path = path_x();
	struct addr copy = path;
	struct addr none = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(addrs); i++) {
		addr_set_port(&addrs[i], 513);
		assert_int_equal(addr_port(&addrs[i]), 513);
	}
	addr_set_port(&path, 513);
	assert_memory_equal(&path, &copy, sizeof(path));
	assert_int_equal(addr_port(&path), 0);
	addr_set_port(&none, 513);
	assert_int_equal(addr_port(&none), 0);
}

static void equality_needs_family_address_and_port(void **state)
{
	struct addr a = ip("192.0.2.1", 1);
	struct addr b = ip("192.0.2.1", 2);
	struct addr none = { 0 };

	(void)state;
	assert_false(addr_equal(&a, &b));
	b = ip("192.0.2.2", 1);
	assert_false(addr_equal(&a, &b));
	b = ip("::192.0.2.1", 1); /* compatible is not mapped */
	assert_false(addr_equal(&a, &b));
	a = ip("2001:db8::1", 1);
	b = ip("2001:db8::2", 1);
	assert_false(addr_equal(&a, &b));
	b = a;
	b.u.in6.sin6_flowinfo = 5;
	assert_true(addr_equal(&a, &b));
	b.u.in6.sin6_scope_id = 5;
	assert_false(addr_equal(&a, &b));
	assert_false(addr_equal(&a, &none));
	assert_true(addr_equal(&none, &none));
}

static void too_short_is_no_address(void **state)
{
	struct addr addr = ip("192.0.2.1", 1);

	(void)state;
	assert_int_equal(addr_family(&(struct addr){ 0 }), AF_UNSPEC);
	addr.length = sizeof(struct sockaddr_in) - 1;
	assert_int_equal(addr_family(&addr), AF_UNSPEC);
	assert_int_equal(addr_port(&addr), 0);
	assert_text(&addr, "<no address>");
	addr = ip("::1", 1);
	addr.length = sizeof(struct sockaddr_in6) - 1;
	assert_int_equal(addr_family(&addr), AF_UNSPEC);
	assert_host(&addr, "<no address>");
	addr.length = 1;
	assert_int_equal(addr_family(&addr), AF_UNSPEC);
}

static void other_families_have_no_text_and_equal_nothing(void **state)
{
	struct addr addr = { .length = sizeof(struct sockaddr) };

	(void)state;
	addr.u.any.sa_family = AF_NETLINK;
	assert_int_equal(addr_family(&addr), AF_NETLINK);
	assert_text(&addr, "<no address>");
	assert_false(addr_equal(&addr, &addr));
	assert_int_equal(addr_port(&addr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ipv4),
		cmocka_unit_test(reads_ipv6_and_writes_it_short),
		cmocka_unit_test(rejects_what_is_no_numeric_address),
		cmocka_unit_test(reads_and_writes_scopes_by_name_and_number),
		cmocka_unit_test(a_mapped_address_is_the_plain_one),
		cmocka_unit_test(normalising_leaves_others_alone),
		cmocka_unit_test(tells_wildcards),
		cmocka_unit_test(sets_the_port_where_there_is_one),
		cmocka_unit_test(equality_needs_family_address_and_port),
		cmocka_unit_test(too_short_is_no_address),
		cmocka_unit_test(other_families_have_no_text_and_equal_nothing),
	};

	return cmocka_run_group_tests_name("base/addr", tests, NULL, NULL);
}
