/* SPDX-License-Identifier: ISC */
/* What comes out of libconfuse once it is fenced in. */
#include "test.h"

#include <errno.h>

#include "conf_test.h"
#include "usherd/conf/reader_native.h"

struct reading_result {
	int result;
	struct stanzas stanzas;
	struct diagnostics diagnostics;
};

static struct reading_result read_text(const char *text)
{
	struct reading_result read = { 0 };
	char *copy = strdup(text);
	assert_non_null(copy);
	read.result =
		reader_native(copy, strlen(copy), "t", &read.stanzas, &read.diagnostics);
	free(copy);
	return read;
}

static void done(struct reading_result *read)
{
	stanzas_done(&read->stanzas);
	diagnostics_done(&read->diagnostics);
}

/* KIND title:line { name op line [values] ... } for all stanzas. */
static char *describe(const struct stanzas *stanzas)
{
	static const char *const kinds[] = { "settings", "defaults", "service" };
	static const char *const operators[] = { "=", "+=", "-=" };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	for (size_t i = 0; i < stanzas->count; i++) {
		const struct stanza *stanza = &stanzas->items[i];
		if (stanza->kind == STANZA_SETTINGS && stanza->count == 0)
			continue;
		(void)fprintf(out, "%s %s:%u", kinds[stanza->kind],
			      stanza->title != NULL ? stanza->title : "-", stanza->line);
		for (size_t a = 0; a < stanza->count; a++) {
			const struct stanza_attribute *given = &stanza->attributes[a];
			(void)fprintf(out, " %s:%u%s", given->name, given->line,
				      operators[given->operation]);
			for (size_t v = 0; v < given->values.count; v++)
				(void)fprintf(out, "[%s]", given->values.items[v]);
		}
		(void)fputc('\n', out);
	}
	(void)fclose(out);
	return text;
}

#define assert_stanzas(read, expected)                                                   \
	do {                                                                             \
		char *text_ = describe(&(read)->stanzas);                                \
		assert_string_equal(text_, expected);                                    \
		free(text_);                                                             \
	} while (0)

#define assert_reads(input, expected)                                                    \
	do {                                                                             \
		struct reading_result read_ = read_text(input);                          \
		assert_errors(&read_.diagnostics, "");                                   \
		assert_int_equal(read_.result, 0);                                       \
		assert_stanzas(&read_, expected);                                        \
		done(&read_);                                                            \
	} while (0)

static void reads_settings_defaults_and_services(void **state)
{
	(void)state;
	assert_reads("log = stderr\n\nservice a {\nport = { 1, 2 }\n}\n"
		     "defaults {\nnice = 1 }\nservice \"b c\" { internal = echo }\n"
		     "pidfile = /x",
		     "service a:3 port:4=[1][2]\n"
		     "service b c:8 internal:8=[echo]\n"
		     "defaults -:6 nice:7=[1]\n"
		     "settings -:1 log:1=[stderr] pidfile:9=[/x]\n");
}

static void reads_nothing_from_nothing(void **state)
{
	(void)state;
	assert_reads("", "");
	assert_reads("\n", "");
	assert_reads("# only\n/* comments */", "");
}

/* Trap 1: the place of every attribute is right whatever the comments. */
static void places_attributes_past_comments(void **state)
{
	(void)state;
	assert_reads(
		"# 1\n# 2\n// 3\n/* 4 */ /* 4\n5 */ service a { # 5\n# 6\nport = 1 }",
		"service a:5 port:7=[1]\n");
}

/* Trap 10: '=' and '+=', "= {}" and nothing, look the same in libconfuse. */
static void tells_operators_and_empty_lists_apart(void **state)
{
	(void)state;
	assert_reads("service a { env += x env += { y } only_from = {} port += {} }",
		     "service a:1 env:1+=[x][y] only_from:1= port:1+=\n");
}

static void merges_additions_and_keeps_second_settings(void **state)
{
	(void)state;
	/* The second '=' is there to be refused; its values do not matter. */
	assert_reads("service a {\nport = 1\nport += 2\n}",
		     "service a:1 port:2=[1][2]\n");
	assert_reads("service a {\nport = 1\nport = 2\n}",
		     "service a:1 port:2=[2] port:3=[2]\n");
}

/* Trap 8: libconfuse stops at the first error; unknown names are none to the reader. */
static void hands_unknown_attributes_on(void **state)
{
	(void)state;
	assert_reads("foo = 1\nservice a {\nbar = { 1, 2 }\nport = 1\n}",
		     "service a:2 bar:3=[1][2] port:4=[1]\nsettings -:1 foo:1=[1]\n");
}

static void stops_at_very_many_unknown_attributes(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	for (int i = 1; i <= 102; i++)
		(void)fprintf(out, "unknown%d = 1\n", i);
	(void)fclose(out);
	struct reading_result read = read_text(text);
	assert_int_equal(read.result, -EINVAL);
	assert_errors(&read.diagnostics, "t:101: error: no such option 'unknown101'\n");
	assert_int_equal(read.stanzas.items[0].count, 100);
	done(&read);
	free(text);
}

/* Trap 11: libconfuse's numbers are octal after a 0; here everything is a word. */
static void leaves_words_as_they_are(void **state)
{
	(void)state;
	assert_reads("service a { port = 021 disable = maybe rlimit_as = 50K }",
		     "service a:1 port:1=[021] disable:1=[maybe] rlimit_as:1=[50K]\n");
}

static void unescapes_quoted_words(void **state)
{
	(void)state;
	assert_reads("service a { env = { \"a\\tb\\x41\\102\\\\\\\"\", 'c\\'\\\\\\n', "
		     "\"\" } }",
		     "service a:1 env:1=[a\tbAB\\\"][c'\\\\n][]\n");
}

static void expands_variables(void **state)
{
	(void)state;
	assert_int_equal(setenv("USHERD_TEST_SET", "v { }", 1), 0);
	assert_reads("service a { env = { ${USHERD_TEST_SET}, \"<${USHERD_TEST_SET}>\", "
		     "'${USHERD_TEST_SET}', \"\\${USHERD_TEST_SET}\" } }",
		     "service a:1 env:1=[v { }][<v { }>][${USHERD_TEST_SET}]"
		     "[${USHERD_TEST_SET}]\n");
}

/* Trap 16: libconfuse would let the second replace the first, or stop. build.c refuses
 * it, as it does titles of different files. */
static void hands_a_title_on_as_often_as_it_stands_there(void **state)
{
	(void)state;
	assert_reads("pidfile = /x\nservice a { port = 1 }\nservice b { port = 2 }\n"
		     "\nservice a { port = 3 }\nlog = stderr\n",
		     "service a:2 port:2=[1]\nservice b:3 port:3=[2]\n"
		     "service a:5 port:5=[3]\n"
		     "settings -:1 pidfile:1=[/x] log:6=[stderr]\n");
}

static void keeps_both_of_two_defaults_sections(void **state)
{
	(void)state;
	assert_reads("defaults { nice = 1 }\ndefaults { umask = 2 }",
		     "defaults -:1 nice:1=[1]\ndefaults -:2 umask:2=[2]\n");
}

static void refuses_sections_it_does_not_know(void **state)
{
	(void)state;
	struct reading_result read = read_text("servcie a { }\nservice { }\n"
					       "defaults x { }\nwhatever { }\n");
	assert_int_equal(read.result, -EINVAL);
	assert_errors(&read.diagnostics,
		      "t:1: error: unknown section 'servcie'; did you mean 'service'?\n"
		      "t:2: error: a service needs a name: service NAME { ... }\n"
		      "t:3: error: defaults take no name\n"
		      "t:4: error: unknown section 'whatever'\n");
	done(&read);
}

static void reports_what_only_libconfuse_sees(void **state)
{
	(void)state;
	struct reading_result read =
		read_text("service a { port = 1 }\nservice b {\nservice = 1 port = 2 }\n"
			  "service c { port = 3 }\nlog = stderr\ndefaults = 1\n");
	assert_int_equal(read.result, -EINVAL);
	assert_errors(&read.diagnostics, "t:3: error: no such option 'service'\n"
					 "t:6: error: no such option 'defaults'\n");
	assert_stanzas(&read, "service a:1 port:1=[1]\nservice c:4 port:4=[3]\n"
			      "settings -:1 log:5=[stderr]\n");
	done(&read);
}

/* Trap 7: its lexer is static; an error must not spoil the next file. */
static void starts_anew_after_every_kind_of_error(void **state)
{
	(void)state;
	static const char *const broken[] = {
		"service a { service = 1 }",
		"service a { port = ",
		"service a { port = { 1, ",
		"a = \"\\9\"",
		"service a { port = \"x }",
		"/* ",
		"service = 1",
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct reading_result read = read_text(broken[i]);
		assert_int_equal(read.result, -EINVAL);
		done(&read);
		assert_reads("service a { port = 1 }", "service a:1 port:1=[1]\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_settings_defaults_and_services),
		cmocka_unit_test(reads_nothing_from_nothing),
		cmocka_unit_test(places_attributes_past_comments),
		cmocka_unit_test(tells_operators_and_empty_lists_apart),
		cmocka_unit_test(merges_additions_and_keeps_second_settings),
		cmocka_unit_test(hands_unknown_attributes_on),
		cmocka_unit_test(stops_at_very_many_unknown_attributes),
		cmocka_unit_test(leaves_words_as_they_are),
		cmocka_unit_test(unescapes_quoted_words),
		cmocka_unit_test(expands_variables),
		cmocka_unit_test(hands_a_title_on_as_often_as_it_stands_there),
		cmocka_unit_test(keeps_both_of_two_defaults_sections),
		cmocka_unit_test(refuses_sections_it_does_not_know),
		cmocka_unit_test(reports_what_only_libconfuse_sees),
		cmocka_unit_test(starts_anew_after_every_kind_of_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
