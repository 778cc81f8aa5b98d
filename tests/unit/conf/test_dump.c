/* SPDX-License-Identifier: ISC */
/* The canonical text, and that it is a fixed point. */
#include "test.h"

#include <errno.h>

#include "conf_test.h"

/* What @text loads to dumps as @expected, and that again. */
static void assert_dumps(const char *text, const char *expected)
{
	struct loaded loaded;
	assert_loads(&loaded, text);
	char *dump = dump_text(loaded.table);
	assert_non_null(dump);
	assert_string_equal(dump, expected);
	loaded_done(&loaded);
	assert_loads(&loaded, dump);
	char *again = dump_text(loaded.table);
	assert_string_equal(again, dump);
	loaded_done(&loaded);
	free(again);
	free(dump);
}

static void leaves_built_in_defaults_out(void **state)
{
	(void)state;
	assert_dumps("stop = terminate service a { wait = no backlog = 4096 port = 1 "
		     "internal = echo cps = { 50, 10 } source_prefix = { 32, 64 } "
		     "disable = no idle_timeout = 0 }",
		     "service a {\n\tprotocol = tcp\n\tport = 1\n\tinternal = echo\n}\n");
}

static void quotes_only_where_it_must(void **state)
{
	(void)state;
	assert_dumps(
		"service 'a b' { port = 1 server = /bin/sh user = root server_args = { "
		"-x, '', 'a b', \"q\\\"\\\\\", '$x', '${x}', \"\\n\\x7f\", '//', '*', "
		"'{', \"it's\", 'a,b', '#', '=', '\xc3\xa4', '/*' } }",
		"service \"a b\" {\n\tprotocol = tcp\n\tport = 1\n\tuser = root\n"
		"\tserver = /bin/sh\n\tserver_args = { -x, \"\", \"a b\", "
		"\"q\\\"\\\\\", \"\\$x\", \"\\${x}\", \"\\x0a\\x7f\", \"//\", \"*\", "
		"\"{\", \"it's\", \"a,b\", \"#\", \"=\", \"\xc3\xa4\", \"/*\" }\n}\n");
}

static void keeps_given_and_empty_apart_from_not_given(void **state)
{
	(void)state;
	assert_dumps("service a { port = 1 server = /bin/sh user = root only_from = {} "
		     "passenv = {} no_access = {} }",
		     "service a {\n\tprotocol = tcp\n\tport = 1\n\tuser = root\n"
		     "\tserver = /bin/sh\n\tpassenv = {}\n\tonly_from = {}\n"
		     "\tno_access = {}\n}\n");
}

static void writes_settings_before_services(void **state)
{
	(void)state;
	assert_dumps(
		"service a { port = 1 internal = echo }\nmax_children = 5\nlog = stderr",
		"log = stderr\nmax_children = 5\nservice a {\n\tprotocol = tcp\n"
		"\tport = 1\n\tinternal = echo\n}\n");
}

static void writes_the_port_it_looked_up(void **state)
{
	(void)state;
	assert_dumps("service echo { protocol = { udp, tcp } internal = echo }",
		     "service echo {\n\tprotocol = { tcp, udp }\n\tport = 7\n"
		     "\tinternal = echo\n}\n");
}

static void reports_a_stream_that_fails(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "service a { port = 1 internal = echo }");
	FILE *full = fopen("/dev/full", "w");
	if (full == NULL)
		skip();
	assert_int_equal(conf_dump(loaded.table, full), -ENOSPC);
	assert_int_equal(conf_help(NULL, full), -EIO);
	(void)fclose(full);
	loaded_done(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_built_in_defaults_out),
		cmocka_unit_test(quotes_only_where_it_must),
		cmocka_unit_test(keeps_given_and_empty_apart_from_not_given),
		cmocka_unit_test(writes_settings_before_services),
		cmocka_unit_test(writes_the_port_it_looked_up),
		cmocka_unit_test(reports_a_stream_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
