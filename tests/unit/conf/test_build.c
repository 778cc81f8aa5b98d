/* SPDX-License-Identifier: ISC */
/* What a table holds once it is built: names resolved, defaults merged, endpoints made.
 * The error lines of every check are golden files, tests/conf/bad. */
#include "test.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "conf_test.h"
#include "usherd/base/clock.h"

static const struct service *find(const struct loaded *loaded, const char *id)
{
	const struct service *service = table_find(loaded->table, id);
	assert_non_null(service);
	return service;
}

static void assert_endpoint(const struct service *service, size_t index, const char *text)
{
	char buffer[ENDPOINT_TEXT_SIZE];
	assert_true(index < service->endpoint_count);
	assert_string_equal(endpoint_format(&service->endpoints[index], buffer), text);
}

static void makes_an_empty_table_of_nothing(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "");
	assert_int_equal(loaded.table->count, 0);
	assert_int_equal(loaded.table->settings.stop, STOP_TERMINATE);
	loaded_done(&loaded);
}

static void keeps_where_a_service_was_written(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded,
		     "\n# one\nservice x { name = echo server = /bin/sh argv0 = -sh "
		     "server_args = { -c, true } user = root umask = 27 }");
	const struct service *service = find(&loaded, "x");
	assert_string_equal(service->file, "t");
	assert_int_equal(service->line, 3);
	assert_string_equal(service->name, "echo");
	assert_string_equal(service->program.path, "/bin/sh");
	assert_int_equal(service->program.argv.count, 3);
	assert_string_equal(service->program.argv.items[0], "-sh");
	assert_string_equal(service->program.argv.items[2], "true");
	assert_null(service->program.argv.items[3]);
	assert_int_equal(service->program.umask, 027);
	assert_int_equal(service->port_count, 1);
	assert_int_equal(service->ports[0].first, 7);
	loaded_done(&loaded);
}

static void names_argv0_after_the_file(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded,
		     "service ftp { server_args = -l server = /bin/sh user = root }");
	const struct service *service = find(&loaded, "ftp");
	assert_int_equal(service->program.argv.count, 2);
	assert_string_equal(service->program.argv.items[0], "sh");
	assert_string_equal(service->program.argv.items[1], "-l");
	loaded_done(&loaded);
}

static void resolves_the_user_by_name(void **state)
{
	(void)state;
	const struct passwd *entry = getpwnam("daemon");
	if (entry == NULL)
		skip();
	uid_t uid = entry->pw_uid;
	gid_t gid = entry->pw_gid;
	struct loaded loaded;
	assert_loads(&loaded, "service ftp { server = /bin/sh user = daemon }");
	const struct credentials *ids = &find(&loaded, "ftp")->program.credentials;
	assert_true(ids->change);
	assert_int_equal(ids->uid, uid);
	assert_int_equal(ids->gid, gid);
	assert_int_equal(ids->group_count, 0);
	loaded_done(&loaded);
}

static void resolves_numbers_without_an_entry(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(
		&loaded,
		"service a { port = 1 server = /bin/sh user = 4000000000 groups = yes }"
		"service b { port = 2 server = /bin/sh user = 4000000000 group = 7 }"
		"service c { port = 3 server = /bin/sh user = 0 }");
	const struct credentials *a = &find(&loaded, "a")->program.credentials;
	assert_true(a->uid == 4000000000 && a->gid == 4000000000);
	assert_int_equal(a->group_count, 0);
	const struct credentials *b = &find(&loaded, "b")->program.credentials;
	assert_true(b->uid == 4000000000 && b->gid == 7);
	const struct credentials *c = &find(&loaded, "c")->program.credentials;
	assert_true(c->uid == 0 && c->gid == 0);
	loaded_done(&loaded);
}

static void lists_supplementary_groups(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded,
		     "service a { port = 1 server = /bin/sh user = root group = 7 "
		     "groups = yes }");
	const struct credentials *ids = &find(&loaded, "a")->program.credentials;
	assert_int_equal(ids->gid, 7);
	assert_true(ids->group_count >= 1);
	assert_int_equal(ids->groups[0], 0);
	loaded_done(&loaded);
}

static void keeps_its_own_ids_without_root(void **state)
{
	(void)state;
	char text[256];
	(void)snprintf(text, sizeof(text),
		       "service a { port = 1 server = /bin/sh }"
		       "service b { port = 2 server = /bin/sh user = %u group = %u }",
		       (unsigned)geteuid(), (unsigned)getegid());
	struct loaded loaded;
	assert_loads_as(false, &loaded, text);
	const struct credentials *ids = &find(&loaded, "a")->program.credentials;
	assert_false(ids->change);
	assert_int_equal(ids->uid, geteuid());
	assert_false(loaded.table->settings.worker.change);
	loaded_done(&loaded);
}

static void refuses_other_ids_without_root(void **state)
{
	(void)state;
	assert_refused_as(
		false,
		"worker_user = 4000000001\n"
		"service a { port = 1 server = /bin/sh\nuser = 4000000001 }\n"
		"service b { port = 2 server = /bin/sh\ngroup = 4000000001 }\n"
		"service c { port = 3 server = /bin/sh\nchroot = / }\n",
		"t:1: error: worker_user: '4000000001' is not the user usherd runs as: "
		"that "
		"needs root\n"
		"t:3: error: user '4000000001' is not the one usherd runs as: that needs "
		"root\n"
		"t:5: error: group '4000000001' is not the one usherd runs with: that "
		"needs "
		"root\n"
		"t:7: error: chroot needs root\n");
}

static void resolves_the_worker(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "worker_user = 4000000001");
	assert_true(loaded.table->settings.worker.change);
	assert_true(loaded.table->settings.worker.uid == 4000000001);
	loaded_done(&loaded);
	assert_loads(&loaded, "");
	assert_true(loaded.table->settings.worker.uid != 0);
	assert_null(loaded.table->settings.worker_user);
	loaded_done(&loaded);
	assert_refused("worker_user = 0",
		       "t:1: error: worker_user: '0' is root, which no worker may be\n");
	assert_refused("worker_user = no-such-user-here",
		       "t:1: error: worker_user: unknown user 'no-such-user-here'\n");
}

static void makes_an_endpoint_for_each_socket(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded,
		     "service a { protocol = { udp, tcp } port = { 9, 7-8 } "
		     "bind = { 127.0.0.1, ::1, 127.0.0.1 } "
		     "interface = lo backlog = 5 v6only = yes internal = echo }");
	const struct service *service = find(&loaded, "a");
	assert_int_equal(service->endpoint_count, 12);
	assert_endpoint(service, 0, "tcp 127.0.0.1:9 lo");
	assert_endpoint(service, 1, "tcp [::1]:9 lo");
	assert_endpoint(service, 2, "tcp 127.0.0.1:7 lo");
	assert_endpoint(service, 3, "tcp 127.0.0.1:8 lo");
	assert_endpoint(service, 11, "udp [::1]:8 lo");
	assert_int_equal(service->endpoints[0].backlog, 5);
	assert_false(service->endpoints[0].v6only);
	assert_true(service->endpoints[1].v6only);
	loaded_done(&loaded);
}

static void asks_nothing_of_the_system_for_what_is_off(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "service a { port = 1 disable = yes bind = host.invalid "
			      "server = /no/such/program user = no-such-user-here }");
	assert_true(find(&loaded, "a")->disable);
	assert_int_equal(find(&loaded, "a")->endpoint_count, 0);
	loaded_done(&loaded);
}

static void binds_everything_when_nothing_is_said(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "service a { port = 1 internal = echo }"
			      "service b { port = 2 bind = '*' internal = echo }");
	const struct endpoint *a = &find(&loaded, "a")->endpoints[0];
	const struct endpoint *b = &find(&loaded, "b")->endpoints[0];
	assert_true(addr_is_wildcard(&a->addr) && addr_is_wildcard(&b->addr));
	assert_int_equal(addr_family(&a->addr), addr_family(&b->addr));
	assert_false(a->v6only);
	loaded_done(&loaded);
}

static void resolves_host_names_once(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "service a { port = 1 bind = localhost internal = echo }");
	const struct service *service = find(&loaded, "a");
	assert_true(service->endpoint_count >= 1);
	assert_string_equal(service->bind.items[0], "localhost");
	assert_int_equal(addr_port(&service->endpoints[0].addr), 1);
	loaded_done(&loaded);
}

static void refuses_names_of_no_host(void **state)
{
	(void)state;
	struct loaded loaded =
		load_text("service a { port = 1\nbind = host.invalid internal = echo }");
	char *errors = join_errors(&loaded.diagnostics);
	assert_int_equal(loaded.result, -EINVAL);
	assert_non_null(strstr(errors, "t:2: error: bind: 'host.invalid' is no address, "
				       "and looking it up failed: "));
	free(errors);
	loaded_done(&loaded);
}

static void makes_unix_endpoints(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded,
		     "service a { protocol = unix bind = { /run/x, '@y' } "
		     "socket_owner = 5 socket_group = 6 socket_mode = 640 "
		     "internal = echo }"
		     "service b { protocol = unix socket_type = dgram bind = /run/z "
		     "internal = echo }");
	const struct service *service = find(&loaded, "a");
	assert_int_equal(service->endpoint_count, 2);
	assert_endpoint(service, 0, "unix /run/x");
	assert_endpoint(service, 1, "unix @y");
	assert_int_equal(service->endpoints[0].owner, 5);
	assert_int_equal(service->endpoints[0].group, 6);
	assert_int_equal(service->endpoints[0].mode, 0640);
	assert_int_equal(find(&loaded, "b")->endpoints[0].transport,
			 TRANSPORT_UNIX_DGRAM);
	assert_true(find(&loaded, "b")->endpoints[0].owner == (uid_t)-1);
	loaded_done(&loaded);
}

static void merges_defaults_of_all_places(void **state)
{
	(void)state;
	struct loaded loaded;
	assert_loads(&loaded, "service a { port = 1 internal = echo only_from += ::1 }"
			      "defaults { instances = 5 only_from += 10.0.0.0/8 }"
			      "defaults { per_source = 2 only_from += 11.0.0.0/8 }");
	const struct policy *policy = &find(&loaded, "a")->policy;
	assert_int_equal(policy->instances, 5);
	assert_int_equal(policy->per_source, 2);
	assert_int_equal(policy->only_from.count, 3);
	loaded_done(&loaded);
}

static void reports_a_wrong_default_once(void **state)
{
	(void)state;
	assert_refused(
		"defaults {\nnice = lots\n}\n"
		"service a { port = 1 server = /bin/sh user = root }\n"
		"service b { port = 2 server = /bin/sh user = root }\n",
		"t:2: error: nice: expected a number from -20 to 19, got 'lots'\n");
}

static void never_opens_what_was_to_be_filtered(void **state)
{
	(void)state;
	/* From the defaults, the line is theirs and the sentence names the service. */
	assert_refused(
		"defaults {\nno_access = 10.0.0.0/8\n}\n"
		"service a { port = 1 wait = yes server = /bin/sh user = root }\n",
		"t:2: error: no_access cannot be enforced for service 'a': with wait "
		"= yes its program accepts the connections, unless flags = INTERCEPT has "
		"the kernel check them\n");
	struct loaded loaded;
	assert_loads(&loaded, "service a { protocol = udp wait = yes port = 1 server = "
			      "/bin/sh user = root only_from = 10.0.0.0/8 }");
	loaded_done(&loaded);
	assert_loads(&loaded, "service a { wait = yes port = 1 server = /bin/sh user = "
			      "root only_from = 10.0.0.0/8 flags = INTERCEPT }");
	assert_true(loaded.table->services[0]->policy.screened);
	loaded_done(&loaded);
}

static void tells_services_apart_by_fingerprint(void **state)
{
	(void)state;
	struct loaded one;
	struct loaded two;
	assert_loads(&one, "service a { port = 1 internal = echo }"
			   "service b { port = 2 internal = echo bind = 127.0.0.1 }");
	assert_loads(&two,
		     "# moved\n\nservice b { bind = { 127.0.0.1 } internal = echo "
		     "port = 2 instances = 5 }\nservice a { internal = 'echo' port = 1 "
		     "instances = UNLIMITED }");
	assert_string_equal(find(&one, "a")->fingerprint, find(&two, "a")->fingerprint);
	assert_string_not_equal(find(&one, "b")->fingerprint,
				find(&two, "b")->fingerprint);
	assert_non_null(strstr(find(&one, "b")->fingerprint, "tcp 127.0.0.1:2"));
	loaded_done(&one);
	loaded_done(&two);
}

static void asks_for_internal_services_by_kind(void **state)
{
	(void)state;
	assert_refused(
		"service a { port = 1 protocol = { tcp, udp }\ninternal = chargen }\n"
		"service b { protocol = unix bind = '@b' socket_type = dgram\n"
		"internal = chargen }\n"
		"service c { port = 3 internal = nothing }",
		"t:2: error: in-process service 'chargen' does not exist for "
		"datagrams\n"
		"t:4: error: in-process service 'chargen' does not exist for "
		"datagrams\n"
		"t:5: error: unknown in-process service 'nothing'\n");
}

static void checks_paths_inside_the_chroot(void **state)
{
	(void)state;
	char folder[] = "/tmp/usherd-build-XXXXXX";
	char path[64];
	char text[256];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/sh", folder);
	/* An absolute link that leads nowhere inside, though somewhere outside. */
	assert_int_equal(symlink("/bin/sh", path), 0);
	(void)snprintf(text, sizeof(text),
		       "service a { port = 1 user = root chroot = %s\nserver = /sh }",
		       folder);
	struct loaded loaded = load_text(text);
	assert_int_equal(loaded.result, -EINVAL);
	assert_int_equal(loaded.diagnostics.items[0].line, 2);
	loaded_done(&loaded);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_an_empty_table_of_nothing),
		cmocka_unit_test(keeps_where_a_service_was_written),
		cmocka_unit_test(names_argv0_after_the_file),
		cmocka_unit_test(resolves_the_user_by_name),
		cmocka_unit_test(resolves_numbers_without_an_entry),
		cmocka_unit_test(lists_supplementary_groups),
		cmocka_unit_test(keeps_its_own_ids_without_root),
		cmocka_unit_test(refuses_other_ids_without_root),
		cmocka_unit_test(resolves_the_worker),
		cmocka_unit_test(makes_an_endpoint_for_each_socket),
		cmocka_unit_test(asks_nothing_of_the_system_for_what_is_off),
		cmocka_unit_test(binds_everything_when_nothing_is_said),
		cmocka_unit_test(resolves_host_names_once),
		cmocka_unit_test(refuses_names_of_no_host),
		cmocka_unit_test(makes_unix_endpoints),
		cmocka_unit_test(merges_defaults_of_all_places),
		cmocka_unit_test(reports_a_wrong_default_once),
		cmocka_unit_test(never_opens_what_was_to_be_filtered),
		cmocka_unit_test(tells_services_apart_by_fingerprint),
		cmocka_unit_test(asks_for_internal_services_by_kind),
		cmocka_unit_test(checks_paths_inside_the_chroot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
