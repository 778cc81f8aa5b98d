/* SPDX-License-Identifier: ISC */
/* The words of RFC 1413. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "../../../src/internal/ident/ident.h"

static void takes(const char *text, unsigned local, unsigned remote)
{
	struct ident_ports ports;

	if (!ident_parse(text, strlen(text), &ports))
		fail_msg("'%s' is refused", text);
	assert_int_equal(ports.local, local);
	assert_int_equal(ports.remote, remote);
}

/* What is refused shows @local and @remote in the answer. */
static void refuses_bytes(const char *text, size_t length, unsigned local,
			  unsigned remote)
{
	struct ident_ports ports;

	if (ident_parse(text, length, &ports))
		fail_msg("'%s' is taken", text);
	assert_int_equal(ports.local, local);
	assert_int_equal(ports.remote, remote);
}

static void refuses(const char *text, unsigned local, unsigned remote)
{
	refuses_bytes(text, strlen(text), local, remote);
}

static void takes_two_ports_with_blanks_between(void **state)
{
	(void)state;
	takes("6193,23", 6193, 23);
	takes("6193, 23", 6193, 23);
	takes(" \t6193 \t,\t 23 \t", 6193, 23);
	takes("1,65535", 1, 65535);
	takes("00001,00080", 1, 80);
}

static void refuses_what_is_no_pair_of_ports(void **state)
{
	(void)state;
	refuses("", 0, 0);
	refuses("6193", 0, 0);
	refuses("6193,", 6193, 0);
	refuses(",23", 0, 23);
	refuses(",", 0, 0);
	refuses("0,23", 0, 23);
	refuses("6193,65536", 6193, 0);
	refuses("99999,1", 0, 1);
	refuses("000001,2", 0, 2);
	refuses("4294967297,1", 0, 1);
	refuses("123456789012345678901234567890,1", 0, 1);
	refuses("-1,23", 0, 0);
	refuses("1.5,23", 0, 0);
	refuses("6193,23,4", 0, 0);
	refuses("6193,23 : USERID", 0, 0);
	refuses("61 93,23", 0, 0);
	refuses("0x10,1", 0, 0);
	refuses_bytes("1,2\0", 4, 0, 0);
	refuses_bytes("1\0,2", 4, 0, 0);
}

static void answers_in_the_form_of_the_rfc(void **state)
{
	const struct ident_ports ports = { 6193, 23 };
	char reply[IDENT_REPLY_SIZE];

	(void)state;
	assert_int_equal(ident_reply_user(reply, &ports, "UNIX", "stjohns"),
			 strlen("6193, 23 : USERID : UNIX : stjohns\r\n"));
	assert_string_equal(reply, "6193, 23 : USERID : UNIX : stjohns\r\n");
	assert_int_equal(ident_reply_error(reply, &ports, "NO-USER"),
			 strlen("6193, 23 : ERROR : NO-USER\r\n"));
	assert_string_equal(reply, "6193, 23 : ERROR : NO-USER\r\n");
}

static void longest_answer_has_its_end(void **state)
{
	const struct ident_ports ports = { 65535, 65535 };
	char reply[IDENT_REPLY_SIZE];
	char name[600];
	size_t length;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	length = ident_reply_user(reply, &ports, "OTHER", name);
	assert_int_equal(length, strlen(reply));
	assert_int_equal(length, strlen("65535, 65535 : USERID : OTHER : ") + 512 + 2);
	assert_string_equal(reply + length - 2, "\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_two_ports_with_blanks_between),
		cmocka_unit_test(refuses_what_is_no_pair_of_ports),
		cmocka_unit_test(answers_in_the_form_of_the_rfc),
		cmocka_unit_test(longest_answer_has_its_end),
	};

	return cmocka_run_group_tests_name("ident_query", tests, NULL, NULL);
}
