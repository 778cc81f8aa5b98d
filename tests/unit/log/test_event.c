/* SPDX-License-Identifier: ISC */
/* Event lines, byte for byte as log scanners know them from xinetd. */
#include "test.h"

#include <signal.h>
#include <string.h>

#include "usherd/log/event.h"

#define ALL                                                                              \
	(EVENT_PID | EVENT_HOST | EVENT_USERID | EVENT_EXIT_STATUS | EVENT_DURATION |    \
	 EVENT_TRAFFIC | EVENT_ATTEMPT)
#define EXITED(code) ((code) << 8) /* as in waitpid(2) */

static void writes_each_kind_with_the_fields_asked_for(void **state)
{
	static const struct {
		enum event_kind kind;
		unsigned fields;
		int wait_status;
		const char *line;
	} cases[] = {
		{ EVENT_START, ALL, 0, "START: ftp pid=4711 from=192.0.2.7" },
		{ EVENT_START, EVENT_PID, 0, "START: ftp pid=4711" },
		{ EVENT_START, EVENT_HOST, 0, "START: ftp from=192.0.2.7" },
		{ EVENT_START, EVENT_DURATION | EVENT_EXIT_STATUS, 0, "START: ftp" },
		{ EVENT_EXIT, ALL, EXITED(3),
		  "EXIT: ftp status=3 pid=4711 duration=65(sec)" },
		{ EVENT_EXIT, ALL, SIGSEGV,
		  "EXIT: ftp signal=11 pid=4711 duration=65(sec)" },
		{ EVENT_EXIT, ALL, SIGKILL | 0x80,
		  "EXIT: ftp signal=9 pid=4711 duration=65(sec)" },
		{ EVENT_EXIT, EVENT_EXIT_STATUS, 0, "EXIT: ftp status=0" },
		{ EVENT_EXIT, EVENT_DURATION, EXITED(255), "EXIT: ftp duration=65(sec)" },
		{ EVENT_EXIT, EVENT_PID | EVENT_HOST, 0, "EXIT: ftp pid=4711" },
		{ EVENT_FAIL, ALL, 0, "FAIL: ftp connections per second from=192.0.2.7" },
		{ EVENT_FAIL, EVENT_ATTEMPT, 0, "FAIL: ftp connections per second" },
		{ EVENT_FAIL, 0, 0, "FAIL: ftp connections per second" },
		{ EVENT_BYTES, ALL, 0,
		  "TRAFFIC: ftp in=12(bytes) out=18446744073709551615(bytes)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct event event = {
			.kind = cases[i].kind,
			.fields = cases[i].fields,
			.service = "ftp",
			.pid = 4711,
			.wait_status = cases[i].wait_status,
			.duration_s = 65,
			.bytes_in = 12,
			.bytes_out = UINT64_MAX,
			.reason = "connections per second",
		};
		char buffer[EVENT_LINE_SIZE];
		struct text line;

		assert_int_equal(addr_parse_ip("192.0.2.7", 999, &event.peer, NULL), 0);
		assert_true(event_is_valid(&event));
		text_init(&line, buffer, sizeof(buffer));
		event_format(&event, &line);
		assert_string_equal(buffer, cases[i].line);
	}
}

static void shows_every_sort_of_peer(void **state)
{
	static const char *const texts[][2] = {
		{ "2001:db8::1", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ NULL, "<no address>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct event event = { .kind = EVENT_FAIL,
				       .fields = EVENT_HOST,
				       .service = "s",
				       .reason = "address" };
		char expected[EVENT_LINE_SIZE];
		char buffer[EVENT_LINE_SIZE];
		struct text line;

		if (texts[i][0])
			assert_int_equal(addr_parse_ip(texts[i][0], 1, &event.peer, NULL),
					 0);
		text_init(&line, expected, sizeof(expected));
		text_addf(&line, "FAIL: s address from=%s", texts[i][1]);
		text_init(&line, buffer, sizeof(buffer));
		event_format(&event, &line);
		assert_string_equal(buffer, expected);
	}
}

static void nothing_in_a_name_makes_a_second_line(void **state)
{
	struct event event = { .kind = EVENT_FAIL,
			       .service = "a\nSTART: b",
			       .reason = "x\ty" };
	char buffer[EVENT_LINE_SIZE];
	struct text line;

	(void)state;
	text_init(&line, buffer, sizeof(buffer));
	event_format(&event, &line);
	assert_string_equal(buffer, "FAIL: a\\nSTART: b x\\ty");
}

static void the_longest_event_fits_its_line(void **state)
{
	struct event event = { .kind = EVENT_FAIL, .fields = ALL };
	char buffer[EVENT_LINE_SIZE];
	struct text line;

	(void)state;
	memset(event.service, 'x', sizeof(event.service) - 1);
	memset(event.reason, 'y', sizeof(event.reason) - 1);
	event.peer.length = sizeof(event.peer.u.un);
	event.peer.u.un.sun_family = AF_UNIX;
	memset(event.peer.u.un.sun_path, 'z', sizeof(event.peer.u.un.sun_path));
	text_init(&line, buffer, sizeof(buffer));
	event_format(&event, &line);
	assert_false(line.truncated);
	event.kind = EVENT_EXIT;
	event.pid = INT32_MIN;
	event.duration_s = UINT64_MAX;
	text_init(&line, buffer, sizeof(buffer));
	event_format(&event, &line);
	assert_false(line.truncated);
}

static void recognises_bytes_that_are_no_event(void **state)
{
	struct event event = { .kind = EVENT_FAIL };

	(void)state;
	assert_true(event_is_valid(&event));
	event.kind = (enum event_kind)(EVENT_NOID + 1);
	assert_false(event_is_valid(&event));
	event.kind = (enum event_kind) - 1;
	assert_false(event_is_valid(&event));
	event.kind = EVENT_START;
	event.peer.length = sizeof(event.peer.u) + 1;
	assert_false(event_is_valid(&event));
	event.peer.length = 0;
	memset(event.service, 'x', sizeof(event.service));
	assert_false(event_is_valid(&event));
	event.service[0] = '\0';
	memset(event.reason, 'x', sizeof(event.reason));
	assert_false(event_is_valid(&event));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_each_kind_with_the_fields_asked_for),
		cmocka_unit_test(shows_every_sort_of_peer),
		cmocka_unit_test(nothing_in_a_name_makes_a_second_line),
		cmocka_unit_test(the_longest_event_fits_its_line),
		cmocka_unit_test(recognises_bytes_that_are_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
