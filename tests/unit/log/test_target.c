/* SPDX-License-Identifier: ISC */
/* Log targets as text, and the gate for repeated messages. */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "usherd/log/log.h"

static void parses_and_formats_every_form(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
		enum log_kind kind;
		int facility;
		const char *path;
	} cases[] = {
		{ "stderr", "stderr", LOG_TO_STDERR, 0, NULL },
		{ "syslog", "syslog:daemon", LOG_TO_SYSLOG, LOG_DAEMON, NULL },
		{ "syslog:daemon", "syslog:daemon", LOG_TO_SYSLOG, LOG_DAEMON, NULL },
		{ "syslog:authpriv", "syslog:authpriv", LOG_TO_SYSLOG, LOG_AUTHPRIV,
		  NULL },
		{ "syslog:local7", "syslog:local7", LOG_TO_SYSLOG, LOG_LOCAL7, NULL },
		{ "file:/var/log/x", "file:/var/log/x", LOG_TO_FILE, 0, "/var/log/x" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_target target;
		struct log_target again;
		char *text;

		assert_int_equal(log_target_parse(cases[i].text, &target, NULL), 0);
		assert_int_equal(target.kind, cases[i].kind);
		assert_int_equal(target.facility, cases[i].facility);
		if (cases[i].path)
			assert_string_equal(target.path, cases[i].path);
		text = log_target_format(&target);
		assert_string_equal(text, cases[i].canonical);
		assert_int_equal(log_target_parse(text, &again, NULL), 0);
		assert_true(log_target_equal(&target, &again));
		free(text);
		log_target_done(&target);
		log_target_done(&target);
		log_target_done(&again);
	}
}

static void refuses_everything_else_and_says_why(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "", "unknown log target ''" },
		{ "STDERR", "unknown log target 'STDERR'" },
		{ "syslog:", "unknown syslog facility ''" },
		{ "syslog:deamon", "did you mean 'daemon'?" },
		{ "syslog:kern", "unknown syslog facility 'kern'" },
		{ "syslog:daemon ", "unknown syslog facility 'daemon '" },
		{ "file:", "must be an absolute path" },
		{ "file:log", "log file 'log' must be an absolute path" },
		{ "/var/log/x", "unknown log target" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_target target = { .facility = 99 };
		struct error err = { 0 };

		assert_int_equal(log_target_parse(cases[i].text, &target, &err), -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' gave: %s", cases[i].text, err.text);
		assert_int_equal(target.facility, 99);
	}
}

static void compares_what_matters(void **state)
{
	static const char *const texts[] = { "stderr", "syslog:daemon", "syslog:user",
					     "file:/a", "file:/b" };
	const size_t count = sizeof(texts) / sizeof(texts[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			struct log_target a;
			struct log_target b;

			assert_int_equal(log_target_parse(texts[i], &a, NULL), 0);
			assert_int_equal(log_target_parse(texts[j], &b, NULL), 0);
			assert_int_equal(log_target_equal(&a, &b), i == j);
			log_target_done(&a);
			log_target_done(&b);
		}
	}
}

static void a_gate_lets_one_through_per_period(void **state)
{
	struct log_throttle gate = { 0 };
	unsigned suppressed = 99;
	uint64_t now = 12345;

	(void)state;
	assert_true(log_throttle_pass(&gate, now, &suppressed));
	assert_int_equal(suppressed, 0);
	suppressed = 99;
	assert_false(log_throttle_pass(&gate, now, &suppressed));
	assert_false(
		log_throttle_pass(&gate, now + LOG_THROTTLE_PERIOD_NS - 1, &suppressed));
	assert_int_equal(suppressed, 99);
	assert_true(log_throttle_pass(&gate, now + LOG_THROTTLE_PERIOD_NS, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(
		log_throttle_pass(&gate, now + 3 * LOG_THROTTLE_PERIOD_NS, &suppressed));
	assert_int_equal(suppressed, 0);
}

static void a_gate_does_not_count_past_its_range(void **state)
{
	struct log_throttle gate = { .open_at_ns = 10, .suppressed = UINT_MAX };
	unsigned suppressed = 0;

	(void)state;
	assert_false(log_throttle_pass(&gate, 1, &suppressed));
	assert_true(log_throttle_pass(&gate, 10, &suppressed));
	assert_int_equal(suppressed, UINT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_formats_every_form),
		cmocka_unit_test(refuses_everything_else_and_says_why),
		cmocka_unit_test(compares_what_matters),
		cmocka_unit_test(a_gate_lets_one_through_per_period),
		cmocka_unit_test(a_gate_does_not_count_past_its_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
