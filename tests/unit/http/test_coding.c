/* SPDX-License-Identifier: ISC */
/* Whether a client takes gzip. */
#include "test.h"

#include "usherd/http/coding.h"

static void knows_who_takes_gzip(void **state)
{
	static const struct {
		const char *value;
		bool accepted;
	} cases[] = {
		{ "gzip", true },
		{ "GZip", true },
		{ "x-gzip", true },
		{ "deflate, gzip, br", true },
		{ "deflate,gzip;q=0.5", true },
		{ " gzip ; q=1.0", true },
		{ "gzip;q=0.001", true },
		{ "*", true },
		{ "deflate, *;q=0.1", true },
		{ "gzip;q=", true },
		{ NULL, false },
		{ "", false },
		{ "identity", false },
		{ "gzipped", false },
		{ "deflate;gzip", false },
		{ "gzip;q=0", false },
		{ "gzip; q=0.000", false },
		{ "*;q=0", false },
		{ "*, gzip;q=0", false },
		{ "gzip;q=0, *", false },
		{ ",,,", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_coding_accepts_gzip(cases[i].value) != cases[i].accepted)
			fail_msg("%s", cases[i].value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_who_takes_gzip),
	};

	return cmocka_run_group_tests_name("http/coding", tests, NULL, NULL);
}
