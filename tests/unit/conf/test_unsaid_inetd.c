/* SPDX-License-Identifier: ISC */
/* What the options of inetd say for the services of its files. */
#include "test.h"

#include "conf_test.h"

static int missing(struct error *err)
{
	return error_set(err, -ENOENT, "it is not there");
}

static struct loaded load_wrapped(bool programs, bool internal, const char *text,
				  int (*ready)(struct error *err))
{
	const struct conf_request request = { .root = true,
					      .wrap_programs = programs,
					      .wrap_internal = internal,
					      .libwrap_ready = ready,
					      .internal_exists = conf_test_internal };
	struct loaded loaded = { 0 };

	loaded.result = conf_load_text(&request, DIALECT_INETD, "t", text, strlen(text),
				       &loaded.table, &loaded.diagnostics);
	return loaded;
}

/* The service at @index is asked about, and who comes is logged. */
static bool is_wrapped(const struct loaded *loaded, size_t index)
{
	const struct service *service = loaded->table->services[index];
	bool wrapped = service->libwrap != NULL && strcmp(service->libwrap, "yes") == 0;

	assert_int_equal(service->log_on_success != 0, wrapped);
	assert_int_equal(service->log_on_failure != 0, wrapped);
	return wrapped;
}

static void programs_and_in_process_services_are_wrapped_each_for_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool programs = (i & 1) != 0;
		bool internal = (i & 2) != 0;
		struct loaded loaded =
			load_wrapped(programs, internal,
				     "7001 stream tcp nowait root /bin/cat cat\n"
				     "127.0.0.1:echo stream tcp nowait root internal\n",
				     NULL);

		assert_errors(&loaded.diagnostics, "");
		assert_int_equal(loaded.table->count, 2);
		assert_int_equal(is_wrapped(&loaded, 0), programs);
		assert_int_equal(is_wrapped(&loaded, 1), internal);
		loaded_done(&loaded);
	}
}

static void what_cannot_be_asked_about_is_told(void **state)
{
	struct loaded loaded =
		load_wrapped(true, false,
			     "7001 dgram udp wait root /bin/cat cat\n"
			     "7002 stream tcp wait root /bin/cat cat\n"
			     "/run/x.sock stream unix nowait root /bin/cat cat\n"
			     "#<off># 7003 dgram udp wait root /bin/cat cat\n",
			     NULL);

	(void)state;
	assert_errors(&loaded.diagnostics,
		      "t:1: warning: service '7001/udp': hosts.allow and hosts.deny are "
		      "asked for TCP and nowait only\n"
		      "t:2: warning: service '7002/tcp': hosts.allow and hosts.deny are "
		      "asked for TCP and nowait only\n"
		      "t:3: warning: service '/run/x.sock': hosts.allow and hosts.deny "
		      "are asked for TCP and nowait only\n");
	assert_int_equal(loaded.table->count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_null(loaded.table->services[i]->libwrap);
	loaded_done(&loaded);
}

/* Who asks for a check of clients is not to be without it. */
static void where_nobody_can_be_asked_nobody_is_served(void **state)
{
	struct loaded loaded = load_wrapped(
		true, false, "7001 stream tcp nowait root /bin/cat cat\n", missing);

	(void)state;
	assert_errors(&loaded.diagnostics, "t:1: error: libwrap: it is not there\n");
	loaded_done(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			programs_and_in_process_services_are_wrapped_each_for_itself),
		cmocka_unit_test(what_cannot_be_asked_about_is_told),
		cmocka_unit_test(where_nobody_can_be_asked_nobody_is_served),
	};

	return cmocka_run_group_tests_name("conf/unsaid_inetd", tests, NULL, NULL);
}
