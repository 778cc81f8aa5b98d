/* SPDX-License-Identifier: ISC */
/* Fingerprints back into services: the same in every word, with the ids beside them. */
#include "test.h"

#include "conf_test.h"

/* Every service of @text comes back as it was. */
static void assert_comes_back(const char *text)
{
	struct loaded loaded;
	struct table *table = table_new();
	assert_non_null(table);
	assert_loads(&loaded, text);
	for (size_t i = 0; i < loaded.table->count; i++) {
		const struct service *before = loaded.table->services[i];
		struct error err = { 0 };
		struct service *after = NULL;
		(void)conf_recall(before->fingerprint, &after, &err);
		assert_string_equal(err.text, "");
		assert_string_equal(after->id, before->id);
		assert_string_equal(after->name, before->name);
		assert_true(credentials_equal(&after->program.credentials,
					      &before->program.credentials));
		assert_int_equal(after->endpoint_count, 0);
		assert_int_equal(table_add(table, after), 0);
	}
	char *before = dump_text(loaded.table);
	char *after = dump_text(table);
	assert_string_equal(after, before);
	free(before);
	free(after);
	table_free(table);
	loaded_done(&loaded);
}

static void gives_back_what_a_worker_needs(void **state)
{
	(void)state;
	assert_comes_back(
		"service a { protocol = { tcp, udp } port = { 7, 7000-7010 } internal = "
		"echo user = 4711 group = 12 instances = 5 per_source = 2 cps = { 7, 1m "
		"} source_prefix = { 24, 48 } only_from = { 192.0.2.0/24, \"::1\" } "
		"no_access = {} log_on_success = { PID, HOST } log_on_failure = HOST "
		"idle_timeout = 90s bind = { 127.0.0.1, \"::1\" } }\n"
		"service b { port = 9 internal = echo }\n");
}

static void gives_back_the_oddest_words(void **state)
{
	(void)state;
	assert_comes_back(
		"service 'a } b' { port = 1 server = /bin/sh user = root server_args = "
		"{ \"}\\n\\n}\\nids 1 2 3\", \"q\\\"\\\\\", '$x', '${x}', '//', '#', "
		"\"\\x7f\", '' } name = c groups = yes }");
}

static void refuses_what_is_no_fingerprint(void **state)
{
	static const char *const texts[] = {
		"",
		"service a {\n}",
		"service a {\n}\n",
		"service a {\n}\nids 1",
		"service a {\n}\nids 1 2\n",
		"service a {\n}\nids 1 2 3 x\n",
		"service a {\n}\nids 1 2 4294967296\n",
		"service a {\n\tfoo = 1\n}\nids 1 2 3\n",
		"service a {\n\tpidfile = /x\n}\nids 1 2 3\n",
		"service a {\n\tport = x1\n}\nids 1 2 3\n",
		"service a { }\nservice b {\n}\nids 1 2 3\n",
		"defaults {\n}\nids 1 2 3\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct service *service = NULL;
		struct error err = { 0 };
		if (conf_recall(texts[i], &service, &err) >= 0 || service != NULL ||
		    err.text[0] == '\0')
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_a_worker_needs),
		cmocka_unit_test(gives_back_the_oddest_words),
		cmocka_unit_test(refuses_what_is_no_fingerprint),
	};
	return cmocka_run_group_tests_name("conf/recall", tests, NULL, NULL);
}
