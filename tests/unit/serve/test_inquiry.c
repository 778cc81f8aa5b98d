/* SPDX-License-Identifier: ISC */
/* What follows from the answers of a process that asks, and from those it owes. */
#include "test.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/serve/inquiry.h"

#define NAME    INQUIRY_NAME
#define LIBWRAP INQUIRY_LIBWRAP
#define USERID  INQUIRY_USERID

static void no_answer_is_no(void **state)
{
	static const struct {
		unsigned questions, answered;
		enum reason refused, verdict;
	} cases[] = {
		{ NAME, NAME, REASON_NONE, REASON_NONE },
		{ NAME, 0, REASON_NONE, REASON_ADDRESS },
		{ NAME, NAME, REASON_ADDRESS, REASON_ADDRESS },
		{ NAME | LIBWRAP, NAME, REASON_NONE, REASON_LIBWRAP },
		{ NAME | LIBWRAP, LIBWRAP, REASON_NONE, REASON_ADDRESS },
		{ NAME | LIBWRAP, 0, REASON_NONE, REASON_ADDRESS },
		{ NAME | LIBWRAP, NAME | LIBWRAP, REASON_LIBWRAP, REASON_LIBWRAP },
		{ NAME | LIBWRAP, NAME | LIBWRAP, REASON_NONE, REASON_NONE },
		{ LIBWRAP | USERID, LIBWRAP, REASON_NONE, REASON_NONE },
		{ USERID, 0, REASON_NONE, REASON_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inquiry_answers answers = { .answered = cases[i].answered,
						   .refused = cases[i].refused };

		assert_int_equal(inquiry_verdict(cases[i].questions, &answers),
				 cases[i].verdict);
	}
}

static void passes_over_what_is_no_answer(void **state)
{
	static const unsigned char packets[][3 + USERID_TEXT_SIZE] = {
		{ 0, 1, 0 },       { 3, 1, 0 },       { 8, 1, 0 }, { INQUIRY_NAME, 2, 0 },
		{ USERID, 0, 99 }, { LIBWRAP, 1, 0 },
	};
	struct inquiry_answers answers;
	int ends[2];

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
		assert_int_equal(send(ends[1], packets[i], sizeof(packets[i]), 0),
				 sizeof(packets[i]));
		inquiry_read(ends[0], NAME | USERID, &answers);
		assert_int_equal(answers.answered, 0);
		fd_close(&ends[0]);
		fd_close(&ends[1]);
	}
}

static void takes_the_first_answer_only(void **state)
{
	unsigned char packet[3 + USERID_TEXT_SIZE] = { INQUIRY_NAME, 0, 0 };
	struct inquiry_answers answers;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(send(ends[1], packet, sizeof(packet), 0), sizeof(packet));
	packet[1] = 1;
	assert_int_equal(send(ends[1], packet, sizeof(packet), 0), sizeof(packet));
	inquiry_read(ends[0], NAME, &answers);
	assert_int_equal(inquiry_verdict(NAME, &answers), REASON_ADDRESS);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_is_no),
		cmocka_unit_test(passes_over_what_is_no_answer),
		cmocka_unit_test(takes_the_first_answer_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
