/* SPDX-License-Identifier: ISC */
/* The attribute table against itself and against the manual, and every converter with its
 * formatter. */
#include "test.h"

#include <ctype.h>
#include <errno.h>

#include "conf_test.h"
#include "usherd/conf/attributes.h"

static void names_every_attribute_once(void **state)
{
	(void)state;
	const struct attribute *a;
	const struct attribute *b;
	for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
		assert_int_equal(attribute_index(a), i);
		assert_ptr_equal(attribute_find(a->name), a);
		if (a->alias != NULL)
			assert_ptr_equal(attribute_find(a->alias), a);
		for (size_t k = 0; k < i && (b = attribute_at(k)) != NULL; k++)
			assert_string_not_equal(a->name, b->name);
	}
	assert_null(attribute_find("no-such-attribute"));
}

static void describes_every_attribute(void **state)
{
	(void)state;
	const struct attribute *a;
	for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
		assert_non_null(a->help);
		assert_true(strlen(a->help) > 0 && strlen(a->help) < 70);
		assert_non_null(a->kind);
		assert_non_null(a->kind->parse);
		assert_non_null(a->kind->format);
		assert_true(a->kind->list == (a->kind->words == 0));
		assert_int_not_equal(a->place, 0);
		/* Defaults are those of services. */
		if ((a->place & ATTRIBUTE_DEFAULTS) != 0)
			assert_true((a->place & ATTRIBUTE_SERVICE) != 0);
	}
}

static char *read_manual(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(USHERD_SOURCE_DIR "/packaging/man/usherd.conf.5", "r");
	assert_non_null(file);
	assert_int_not_equal(getdelim(&text, &size, '\0', file), -1);
	(void)fclose(file);
	return text;
}

static void finds_every_attribute_in_the_manual(void **state)
{
	(void)state;
	char *manual = read_manual();
	const struct attribute *a;
	for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
		char entry[64];
		(void)snprintf(entry, sizeof(entry), "\n.It Ic %s\n", a->name);
		if (strstr(manual, entry) == NULL)
			fail_msg("the manual has no entry for '%s'", a->name);
		if (a->alias == NULL)
			continue;
		(void)snprintf(entry, sizeof(entry), "\n.Ic %s ", a->alias);
		if (strstr(manual, entry) == NULL)
			fail_msg("the manual does not mention '%s'", a->alias);
	}
	free(manual);
}

static void finds_every_entry_of_the_manual_in_the_table(void **state)
{
	(void)state;
	char *manual = read_manual();
	size_t count = 0;
	const char *at = manual;
	while ((at = strstr(at, "\n.It Ic ")) != NULL) {
		char name[64];
		at += strlen("\n.It Ic ");
		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " \n"), at);
		const struct attribute *a = attribute_find(name);
		if (a == NULL || strcmp(a->name, name) != 0)
			fail_msg("the manual describes '%s', which is no attribute",
				 name);
		count++;
	}
	assert_non_null(attribute_at(count - 1));
	assert_null(attribute_at(count));
	free(manual);
}

static void marks_inherited_attributes_in_the_manual(void **state)
{
	(void)state;
	char *manual = read_manual();
	const struct attribute *a;
	for (size_t i = 0; (a = attribute_at(i)) != NULL; i++) {
		if (strncmp(a->name, "rlimit_", 7) == 0)
			continue;
		char entry[64];
		(void)snprintf(entry, sizeof(entry), "\n.It Ic %s\n", a->name);
		const char *text = strstr(manual, entry);
		assert_non_null(text);
		bool marked = strncmp(text + strlen(entry), "(D)", 3) == 0;
		if (marked != ((a->place & ATTRIBUTE_DEFAULTS) != 0))
			fail_msg("the manual is wrong about defaults of '%s'", a->name);
	}
	free(manual);
}

static void suggests_near_names(void **state)
{
	(void)state;
	assert_string_equal(attribute_suggest("sokcet_type", ATTRIBUTE_SERVICE),
			    "socket_type");
	assert_string_equal(attribute_suggest("rlimit_file", ATTRIBUTE_SERVICE),
			    "rlimit_files");
	assert_null(attribute_suggest("sokcet_type", ATTRIBUTE_SETTING));
	assert_null(attribute_suggest("xyzzy", ATTRIBUTE_SERVICE));
}

/* The words of an attribute in and out again, separated by blanks. */
static void convert(const char *name, const char *in, const char *out)
{
	struct service *service = service_new();
	const struct attribute *attribute = attribute_find(name);
	struct strings values = { 0 };
	struct strings words = { 0 };
	struct error err = { 0 };
	char *copy = strdup(in);
	char *rest = copy;
	const char *word;
	char joined[256] = "";
	assert_non_null(service);
	assert_non_null(attribute);
	while ((word = strsep(&rest, " ")) != NULL)
		if (word[0] != '\0')
			assert_int_equal(strings_add(&values, word), 0);
	service->program.path = strdup("/bin/x");
	assert_int_equal(strings_add(&service->program.argv, "x"), 0);
	int result = attribute_parse(attribute, &values, service, &err);
	if (result < 0) {
		assert_string_equal(err.text, out);
	} else {
		int given = attribute_format(attribute, service, &words);
		for (size_t i = 0; i < words.count; i++) {
			size_t used = strlen(joined);
			(void)snprintf(joined + used, sizeof(joined) - used, "%s%s",
				       i > 0 ? " " : "", words.items[i]);
		}
		assert_string_equal(given == 1 ? joined : "(not given)", out);
	}
	strings_done(&values);
	strings_done(&words);
	service_unref(service);
	free(copy);
}

static void converts_ports(void **state)
{
	(void)state;
	convert("port", "1 65535 7-9 21-21", "1 65535 7-9 21");
	convert("port", "021", "21");
	convert("port", "ftp", "21");
	convert("port", "ftp-data", "20");
	convert("port", "0", "port: port '0' is out of range: 1 to 65535 expected");
	convert("port", "65536",
		"port: port '65536' is out of range: 1 to 65535 expected");
	convert("port", "123456789012",
		"port: port '123456789012' is out of range: 1 to 65535 expected");
	convert("port", "9-7", "port: range '9-7' ends before it begins");
	convert("port", "7-", "port: expected a port or a range such as 7000-7010");
	convert("port", "7-8x", "port: expected a port or a range such as 7000-7010");
	convert("port", "-8",
		"port: '-8' is neither a port nor a tcp service that is known");
	convert("port", "", "port: the list is empty");
}

static void converts_limits(void **state)
{
	(void)state;
	convert("rlimit_as", "1024K", "1M");
	convert("rlimit_as", "unlimited", "UNLIMITED");
	convert("rlimit_as", "0", "0");
	convert("rlimit_nofile", "0100", "100");
	convert("rlimit_cpu", "90m", "90m");
	convert("rlimit_cpu", "UNLIMITED", "UNLIMITED");
	convert("rlimit_cpu", "500ms",
		"rlimit_cpu: '500ms' is not a number of whole seconds");
	convert("rlimit_rttime", "500ms", "500ms");
	convert("rlimit_nice", "40", "40");
	convert("rlimit_nice", "UNLIMITED", "UNLIMITED");
	convert("rlimit_nice", "41",
		"rlimit_nice: the limit is too large: 0 to 40 expected");
	convert("rlimit_nofile", "1 2", "rlimit_nofile: expected 1 value, got 2");
}

static void converts_words_in_any_case(void **state)
{
	(void)state;
	convert("log_on_success", "exit PID pid", "PID EXIT");
	convert("log_on_success", "", "");
	convert("stderr", "LOG", "log");
	convert("socket_type", "Dgram", "dgram");
	convert("protocol", "UDP tcp", "tcp udp");
	convert("protocol", "", "protocol: the list is empty");
}

static void converts_program_attributes(void **state)
{
	(void)state;
	convert("server", "/bin/y", "/bin/y");
	convert("server", "/", "server: '/' is a directory");
	convert("argv0", "-y", "-y");
	convert("argv0", "x", "(not given)");
	convert("server_args", "-a -a", "-a -a");
	convert("server_args", "", "(not given)");
	convert("env", "A=1 AB=2 A=3 =", "env: '=' is not of the form NAME=VALUE");
	convert("env", "A=1 AB=2 A=3", "AB=2 A=3");
	convert("passenv", "A B", "A B");
	convert("passenv", "", "");
	convert("umask", "7", "007");
	convert("umask", "1000", "umask: '1000' is out of range: 0 to 777 expected");
	convert("nice", "-20", "-20");
	convert("nice", "-21",
		"nice: '-21' is out of range, expected a number from -20 to 19");
}

static void converts_policy_attributes(void **state)
{
	(void)state;
	convert("only_from", "10.1.2.3/8 ::1", "10.0.0.0/8 ::1");
	convert("only_from", "", "");
	convert("cps", "10 120", "10 2m");
	convert("cps", "0 0", "0 0");
	convert("cps", "10 0",
		"cps: a pause of 0 would be no limit; { 0, 1 } is the way to say that");
	convert("source_prefix", "0 128", "0 128");
	convert("instances", "Unlimited", "UNLIMITED");
	convert("idle_timeout", "1500ms", "1500ms");
}

static void converts_log_types(void **state)
{
	(void)state;
	convert("log_type", "NONE", "none");
	convert("log_type", "Main", "main");
	convert("log_type", "syslog Daemon", "SYSLOG daemon");
	convert("log_type", "SYSLOG local3 info", "SYSLOG local3");
	convert("log_type", "SYSLOG auth EMERG", "SYSLOG auth emerg");
	convert("log_type", "file /a", "FILE /a");
	convert("log_type", "FILE /a 4k", "FILE /a 4K");
	convert("log_type", "FILE /a 1000000 1010000", "FILE /a 1000000");
	convert("log_type", "FILE /a 1m 1M", "FILE /a 1M 1M");
	convert("log_type", "FILE /a 1m 2048k", "FILE /a 1M 2M");
	convert("log_type", "", "log_type: expected 1 to 4 values, got 0");
	convert("log_type", "file",
		"log_type: too few values for { FILE, path, soft limit, hard limit }");
	convert("log_type", "none 5", "log_type: too many values for none");
	convert("log_type", "FILE a", "log_type: 'a' is not an absolute path");
	convert("log_type", "FILE /a 2k 1k",
		"log_type: the hard limit is below the soft limit");
	convert("log_type", "FILE /a UNLIMITED",
		"log_type: 'UNLIMITED' is no soft limit for a file");
	convert("log_type", "FILE /a 0", "log_type: '0' is no soft limit for a file");
	convert("log_type", "SYSLOG deamon",
		"log_type: unknown syslog facility 'deamon'; did you mean 'daemon'?");
	convert("log_type", "SYSLOG daemon inf",
		"log_type: unknown syslog level 'inf'; did you mean 'info'?");
	convert("log_type", "/a",
		"log_type: unknown value '/a'; expected SYSLOG, FILE, none or main");
}

static void converts_sockets(void **state)
{
	(void)state;
	convert("interface", "eth0", "eth0");
	convert("interface", "a/b", "interface: 'a/b' is not the name of an interface");
	convert("interface", "fifteen-letters", "fifteen-letters");
	convert("interface", "sixteen-letters.",
		"interface: 'sixteen-letters.' is not the name of an interface");
	convert("socket_mode", "600", "0600");
	convert("backlog", "65535", "65535");
	convert("v6only", "ON", "yes");
	convert("bind", "", "bind: the list is empty");
}

static void leaves_the_field_alone_on_failure(void **state)
{
	(void)state;
	struct service *service = service_new();
	struct strings values = { 0 };
	assert_non_null(service);
	assert_int_equal(strings_add(&values, "10.0.0.0/8"), 0);
	const struct attribute *only_from = attribute_find("only_from");
	assert_int_equal(attribute_parse(only_from, &values, service, NULL), 0);
	assert_int_equal(strings_add(&values, "non sense"), 0);
	assert_int_equal(attribute_parse(only_from, &values, service, NULL), -EINVAL);
	assert_int_equal(service->policy.only_from.count, 1);
	strings_done(&values);
	service_unref(service);
}

static void refuses_empty_and_unprintable_words(void **state)
{
	(void)state;
	struct service *service = service_new();
	struct strings values = { 0 };
	struct error err = { 0 };
	assert_non_null(service);
	assert_int_equal(strings_add(&values, ""), 0);
	assert_int_equal(attribute_parse(attribute_find("user"), &values, service, &err),
			 -EINVAL);
	assert_string_equal(err.text, "user: the value is empty");
	assert_int_equal(attribute_parse(attribute_find("bind"), &values, service, &err),
			 -EINVAL);
	assert_string_equal(err.text, "bind: the address is empty");
	strings_done(&values);
	assert_int_equal(strings_add(&values, "a\nb"), 0);
	assert_int_equal(attribute_parse(attribute_find("user"), &values, service, &err),
			 -EINVAL);
	assert_string_equal(err.text, "user: the value contains a control character");
	strings_done(&values);
	service_unref(service);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_every_attribute_once),
		cmocka_unit_test(describes_every_attribute),
		cmocka_unit_test(finds_every_attribute_in_the_manual),
		cmocka_unit_test(finds_every_entry_of_the_manual_in_the_table),
		cmocka_unit_test(marks_inherited_attributes_in_the_manual),
		cmocka_unit_test(suggests_near_names),
		cmocka_unit_test(converts_ports),
		cmocka_unit_test(converts_limits),
		cmocka_unit_test(converts_words_in_any_case),
		cmocka_unit_test(converts_program_attributes),
		cmocka_unit_test(converts_policy_attributes),
		cmocka_unit_test(converts_log_types),
		cmocka_unit_test(converts_sockets),
		cmocka_unit_test(leaves_the_field_alone_on_failure),
		cmocka_unit_test(refuses_empty_and_unprintable_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
