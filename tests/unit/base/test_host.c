/* SPDX-License-Identifier: ISC */
/* Host names: which are some, and what becomes of the resolver's answer. The resolver is
 * a fake: nothing is asked of the network. */
#include "test.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "usherd/base/host.h"

static int answer;
static const char *const *answers;

/* In place of libc's. */
int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	static struct addrinfo entries[16];
	static struct addr addresses[16];
	size_t count = 0;

	assert_string_equal(node, "db");
	assert_null(service);
	assert_int_equal(hints->ai_socktype, SOCK_STREAM);
	for (; answer == 0 && answers[count] != NULL; count++) {
		struct addr *address = &addresses[count];

		assert_int_equal(addr_parse_ip(answers[count], 0, address, NULL), 0);
		entries[count] = (struct addrinfo){ .ai_family = addr_family(address),
						    .ai_addr = &address->u.any,
						    .ai_addrlen = address->length };
		if (count > 0)
			entries[count - 1].ai_next = &entries[count];
	}
	*ret = count > 0 ? entries : NULL;
	return answer;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

static void tells_names_from_other_words(void **state)
{
	static const char *const good[] = { "db",    "a.b", "a-b_c.example", "1a",
					    "1.2.a", "x1",  "a.example." };
	static const char *const bad[] = { "",         ".a",    "a..b", "-a",  "a b",
					   "a/b",      "1.2.3", "80",   "a.1", "a\n",
					   "\xc3\xa4", "a..",   "." };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(host_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(host_is_name(bad[i]));
}

static void gives_each_address_once_with_the_port(void **state)
{
	static const char *const some[] = { "2001:db8::1", "192.0.2.1", "2001:db8::1",
					    NULL };
	struct host host = { 0 };
	char text[ADDR_TEXT_SIZE];

	(void)state;
	answer = 0;
	answers = some;
	assert_int_equal(host_look_up("db", 5432, &host, NULL), 0);
	assert_int_equal(host.count, 2);
	assert_string_equal(addr_format(&host.addresses[0], text), "[2001:db8::1]:5432");
	assert_string_equal(addr_format(&host.addresses[1], text), "192.0.2.1:5432");
}

static void takes_no_more_than_there_is_room_for(void **state)
{
	static const char *const many[] = { "192.0.2.1", "192.0.2.2", "192.0.2.3",
					    "192.0.2.4", "192.0.2.5", "192.0.2.6",
					    "192.0.2.7", "192.0.2.8", "192.0.2.9",
					    NULL };
	struct host host = { 0 };

	(void)state;
	answer = 0;
	answers = many;
	assert_int_equal(host_look_up("db", 1, &host, NULL), 0);
	assert_int_equal(host.count, HOST_ADDRESSES_MAX);
}

static void says_why_there_is_no_answer(void **state)
{
	static const char *const none[] = { NULL };
	static const struct {
		int status, code;
	} cases[] = { { EAI_NONAME, -ENOENT },
		      { EAI_AGAIN, -EAGAIN },
		      { EAI_SYSTEM, -EAGAIN },
		      { EAI_FAIL, -ENOENT },
		      { EAI_MEMORY, -ENOMEM } };
	struct host host = { .count = 3 };
	struct error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer = cases[i].status;
		assert_int_equal(host_look_up("db", 1, &host, &err), cases[i].code);
		assert_string_equal(err.text, gai_strerror(cases[i].status));
		assert_int_equal(host.count, 3);
	}
	answer = 0;
	answers = none;
	assert_int_equal(host_look_up("db", 1, &host, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_names_from_other_words),
		cmocka_unit_test(gives_each_address_once_with_the_port),
		cmocka_unit_test(takes_no_more_than_there_is_room_for),
		cmocka_unit_test(says_why_there_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
