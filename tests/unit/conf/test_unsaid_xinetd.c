/* SPDX-License-Identifier: ISC */
/* What xinetd takes for said: libwrap, for whom it can be asked. */
#include "test.h"

#include "conf_test.h"

static bool there_are_rules(void)
{
	return true;
}

static struct loaded load_xinetd(const char *text, bool rules)
{
	const struct conf_request request = { .root = true,
					      .internal_exists = conf_test_internal,
					      .libwrap_rules =
						      rules ? there_are_rules : NULL };
	struct loaded loaded = { 0 };

	loaded.result = conf_load_text(&request, DIALECT_XINETD, "t", text, strlen(text),
				       &loaded.table, &loaded.diagnostics);
	return loaded;
}

#define SERVER "\tserver = /bin/cat\n"
#define RPC    "\ttype = RPC UNLISTED\n\trpc_version = 1\n\trpc_number = 300000\n" SERVER
#define PORT   "\ttype = UNLISTED\n\tport = 7001\n"

static void whom_libwrap_cannot_be_asked_about_it_refuses(void **state)
{
	static const struct {
		const char *type, *wait, *more;
		bool refused, asked;
	} cases[] = {
		{ "stream", "no", PORT SERVER, false, true },
		{ "stream", "yes", PORT SERVER, true, false },
		{ "dgram", "no", PORT SERVER, false, true },
		{ "dgram", "yes", PORT SERVER, false, true },
		{ "dgram", "yes", "\ttype = INTERNAL UNLISTED\n\tport = 7001\n", true,
		  false },
		{ "stream", "no", "\ttype = INTERNAL UNLISTED\n\tport = 7001\n", false,
		  true },
		{ "stream", "yes", RPC, false, false },
		{ "dgram", "yes", RPC, false, true },
		{ "stream", "yes", PORT SERVER "\tflags = NOLIBWRAP\n", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct loaded loaded;
		char *errors;

		(void)snprintf(text, sizeof(text),
			       "service echo\n{\n\tsocket_type = %s\n\twait = %s\n"
			       "\tuser = root\n%s}\n",
			       cases[i].type, cases[i].wait, cases[i].more);
		loaded = load_xinetd(text, true);
		errors = join_errors(&loaded.diagnostics);
		assert_int_equal(loaded.result, 0);
		assert_int_equal(strstr(errors, "cannot be asked for") != NULL,
				 cases[i].refused);
		assert_int_equal(loaded.table->count, !cases[i].refused);
		if (!cases[i].refused) {
			const struct service *service = loaded.table->services[0];

			assert_int_equal(service->libwrap != NULL &&
						 (service->flags & SERVICE_NOLIBWRAP) ==
							 0,
					 cases[i].asked);
		}
		free(errors);
		loaded_done(&loaded);
		/* Without rules all of them are served. */
		loaded = load_xinetd(text, false);
		assert_int_equal(loaded.table->count, 1);
		loaded_done(&loaded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whom_libwrap_cannot_be_asked_about_it_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
