/* SPDX-License-Identifier: ISC */
/* Addresses as access lists have them. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "usherd/base/prefix_words.h"
#include "usherd/base/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* All blocks of a word in one line, or the empty text. */
static const char *read_word(const char *text, enum prefix_reading reading, char *buffer,
			     size_t size)
{
	struct prefix found[PREFIX_WORD_MAX];
	char one[ADDR_TEXT_SIZE];
	struct error err = { 0 };
	struct text line;
	size_t count = 0;

	text_init(&line, buffer, size);
	if (prefix_parse_word(text, reading, found, &count, &err) < 0) {
		assert_true(err.text[0] != '\0');
		return buffer;
	}
	assert_in_range(count, 1, PREFIX_WORD_MAX);
	for (size_t i = 0; i < count; i++)
		text_addf(&line, "%s%s", i > 0 ? " " : "", prefix_format(&found[i], one));
	return buffer;
}

/* The second text is the exact reading, the third with zeros that stand for any; empty:
 * refused. */
static const struct {
	const char *text, *exact, *zeros;
} words[] = {
	{ "192.168.1.7", "192.168.1.7", "192.168.1.7" },
	{ "192.168.1.0", "192.168.1.0", "192.168.1.0/24" },
	{ "10.0.0.0", "10.0.0.0", "10.0.0.0/8" },
	{ "10.0.5.0", "10.0.5.0", "10.0.5.0/24" },
	{ "10.0.5.1", "10.0.5.1", "10.0.5.1" },
	{ "0.0.0.0", "0.0.0.0", "0.0.0.0/0" },
	{ "127.1", "", "127.0.0.1" },
	{ "0x7f000001", "", "127.0.0.1" },
	{ "2130706432", "", "127.0.0.0/8" },
	{ "192.168.1.0/24", "192.168.1.0/24", "192.168.1.0/24" },
	{ "192.168.1.0/32", "192.168.1.0", "192.168.1.0" },
	{ "127.0.0.9/24", "127.0.0.0/24", "127.0.0.0/24" },
	{ "127.1/8", "", "127.0.0.0/8" },
	{ "0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0" },
	{ "10.0.0.0/33", "", "" },
	{ "10.0.0.0/255", "", "" },
	{ "10.0.0.0/255.255.0.0", "10.0.0.0/16", "10.0.0.0/16" },
	{ "10.1.2.3/255.255.255.255", "10.1.2.3", "10.1.2.3" },
	{ "10.1.2.3/0.0.0.0", "0.0.0.0/0", "0.0.0.0/0" },
	{ "10.1.2.3/255.255.254.0", "10.1.2.0/23", "10.1.2.0/23" },
	{ "10.0.0.0/255.0.255.0", "", "" },
	{ "10.0.0.0/0.0.0.255", "", "" },
	{ "10.0.0.0/255.255.0", "", "" },
	{ "10.0.0.0/255.255.0.0.0", "", "" },
	{ "10.0.0.0/255.255.0.0/8", "", "" },
	{ "::1/255.255.0.0", "", "" },
	{ "::ffff:10.0.0.0/255.0.0.0", "", "" },
	{ "::1", "::1", "::1" },
	{ "::", "::", "::" },
	{ "::/0", "::/0", "::/0" },
	{ "2001:db8::1/128", "2001:db8::1", "2001:db8::1" },
	{ "2001:db8::1/129", "", "" },
	{ "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1" },
	{ "127.{0,1}", "127.0.0.0/16 127.1.0.0/16", "127.0.0.0/16 127.1.0.0/16" },
	{ "10.0.{1,2,5}", "10.0.1.0/24 10.0.2.0/24 10.0.5.0/24",
	  "10.0.1.0/24 10.0.2.0/24 10.0.5.0/24" },
	{ "127.0.0.{5,6}", "127.0.0.5 127.0.0.6", "127.0.0.5 127.0.0.6" },
	{ "10.0.0.{0}", "10.0.0.0", "10.0.0.0" },
	{ "{10,11}", "", "" },
	{ "10.0.{}", "", "" },
	{ "10.0.{1,}", "", "" },
	{ "10.0.{,1}", "", "" },
	{ "10.0.{1,256}", "", "" },
	{ "10.0.{1,2", "", "" },
	{ "10.0.{1}.3", "", "" },
	{ "10.0.{1}}", "", "" },
	{ "10.0.{1, 2}", "", "" },
	{ "10.0{1,2}", "", "" },
	{ "10..{1}", "", "" },
	{ "1.2.3.4.{5}", "", "" },
	{ "10.0.{0x1}", "", "" },
	{ "10.0.{0001}", "", "" },
	{ "10.0.0.1,10.0.0.2", "", "" },
	{ "", "", "" },
	{ "/", "", "" },
	{ "/24", "", "" },
	{ "example.org", "", "" },
	{ ".example.org", "", "" },
	{ "10.0.0.256", "", "" },
	{ "000000000000000000000000000000000000000000000000000000000000000000.1", "",
	  "" },
};

static void reads_every_form(void **state)
{
	char buffer[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		assert_string_equal(
			read_word(words[i].text, PREFIX_EXACT, buffer, sizeof(buffer)),
			words[i].exact);
		assert_string_equal(read_word(words[i].text, PREFIX_TRAILING_ZEROS,
					      buffer, sizeof(buffer)),
				    words[i].zeros);
	}
}

static void refuses_a_list_that_is_longer_than_there_are_numbers(void **state)
{
	struct prefix found[PREFIX_WORD_MAX];
	char buffer[2 * PREFIX_WORD_MAX + 16];
	struct text word;
	size_t count;

	(void)state;
	text_init(&word, buffer, sizeof(buffer));
	text_add(&word, "10.{0");
	for (size_t i = 1; i < PREFIX_WORD_MAX; i++)
		text_add(&word, ",0");
	text_add(&word, "}");
	assert_int_equal(prefix_parse_word(buffer, PREFIX_EXACT, found, &count, NULL), 0);
	assert_int_equal(count, PREFIX_WORD_MAX);
	word.length--;
	text_add(&word, ",0}");
	assert_int_equal(prefix_parse_word(buffer, PREFIX_EXACT, found, &count, NULL),
			 -EINVAL);
}

static void knows_networks_by_their_number(void **state)
{
	static const struct {
		uint32_t network;
		const char *block;
	} samples[] = {
		{ 10, "10.0.0.0/8" },
		{ 0xac10, "172.16.0.0/16" },
		{ 0xc00002, "192.0.2.0/24" },
		{ 0x7f000000, "127.0.0.0/8" },
		{ 0xa9fe0000, "169.254.0.0/16" },
		{ 0xc0000201, "192.0.2.1" },
		{ 0xc0000200, "192.0.2.0/24" },
	};
	char buffer[ADDR_TEXT_SIZE];
	struct prefix found;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		assert_true(prefix_of_network(samples[i].network, &found));
		assert_string_equal(prefix_format(&found, buffer), samples[i].block);
	}
	assert_false(prefix_of_network(0, &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form),
		cmocka_unit_test(refuses_a_list_that_is_longer_than_there_are_numbers),
		cmocka_unit_test(knows_networks_by_their_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
