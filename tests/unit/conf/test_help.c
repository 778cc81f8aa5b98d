/* SPDX-License-Identifier: ISC */
#include "test.h"

#include <errno.h>

#include "conf_test.h"
#include "usherd/conf/attributes.h"

static void assert_help(const char *name, int result, const char *expected)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(conf_help(name, out), result);
	(void)fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void lists_every_attribute(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const struct attribute *attribute;
	assert_non_null(out);
	assert_int_equal(conf_help(NULL, out), 0);
	(void)fclose(out);
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		char line[128];
		(void)snprintf(line, sizeof(line), "\n  %-18s %s\n", attribute->name,
			       attribute->help);
		assert_non_null(strstr(text, line));
	}
	free(text);
}

static void describes_one_attribute(void **state)
{
	(void)state;
	assert_help("cps", 0,
		    "cps: most connections per second, and the pause after more\n"
		    "\tvalue:   { connections per second, duration of the pause }\n"
		    "\tstands:  in a service, or in defaults for all services\n"
		    "\tdefault: 50, 10s\n");
	assert_help("rlimit_files", 0,
		    "rlimit_nofile: most open files\n"
		    "\tvalue:   a number or UNLIMITED\n"
		    "\tstands:  in a service, or in defaults for all services\n"
		    "\talso:    rlimit_files\n"
		    "\tonly:    services with a server\n");
	assert_help("protocol", 0,
		    "protocol: transport of the connections\n"
		    "\tvalue:   a name of the protocols database, or a list of tcp, udp, "
		    "unix\n"
		    "\tstands:  in a service\n"
		    "\tdefault: tcp\n");
	assert_help("stop", 0,
		    "stop: what becomes of running programs when usherd stops\n"
		    "\tvalue:   one word of terminate, detach\n"
		    "\tstands:  outside of sections\n"
		    "\tdefault: terminate\n");
}

static void suggests_for_unknown_names(void **state)
{
	(void)state;
	assert_help("pidfiel", -ENOENT,
		    "unknown attribute 'pidfiel'; did you mean 'pidfile'?\n");
	assert_help("xyzzy", -ENOENT, "unknown attribute 'xyzzy'\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_every_attribute),
		cmocka_unit_test(describes_one_attribute),
		cmocka_unit_test(suggests_for_unknown_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
