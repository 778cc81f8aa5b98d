/* SPDX-License-Identifier: ISC */
/* Who owns real connections over loopback, asked of the functions and of the service. */
#include "service_bench.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <pwd.h>

#include "../../../src/internal/ident/ident.h"

/* A connection between two sockets of ours. */
struct pair {
	int listener;
	int near; /* connected */
	int far;  /* accepted */
	struct ident_hosts hosts;
	struct ident_ports ports; /* as seen from near */
};

static struct addr address_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *))
{
	struct addr addr = { .length = sizeof(addr.u) };

	assert_int_equal(get(fd, &addr.u.any, &addr.length), 0);
	addr_normalise(&addr);
	return addr;
}

static int get_local(int fd, struct sockaddr *address, socklen_t *length)
{
	return getsockname(fd, address, length);
}

static int get_peer(int fd, struct sockaddr *address, socklen_t *length)
{
	return getpeername(fd, address, length);
}

/* @near_host may be "::ffff:127.0.0.1": IPv4 on an IPv6 socket. */
static bool connect_two(struct pair *pair, const char *host, bool mapped)
{
	struct addr at, local, remote;
	struct sockaddr_in6 through = { .sin6_family = AF_INET6 };
	int family;

	assert_int_equal(addr_parse_ip(host, 0, &at, NULL), 0);
	family = addr_family(&at);
	pair->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pair->near = socket(mapped ? AF_INET6 : family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair->near == -1 || bind(pair->listener, &at.u.any, at.length) == -1)
		return false;
	assert_int_equal(listen(pair->listener, 5), 0);
	local = address_of(pair->listener, get_local);
	if (mapped) {
		through.sin6_port = local.u.in.sin_port;
		through.sin6_addr.s6_addr[10] = 0xff;
		through.sin6_addr.s6_addr[11] = 0xff;
		memcpy(&through.sin6_addr.s6_addr[12], &local.u.in.sin_addr, 4);
		assert_int_equal(
			connect(pair->near, (struct sockaddr *)&through, sizeof(through)),
			0);
	} else {
		assert_int_equal(connect(pair->near, &local.u.any, local.length), 0);
	}
	pair->far = accept4(pair->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_int_not_equal(pair->far, -1);
	local = address_of(pair->near, get_local);
	remote = address_of(pair->near, get_peer);
	pair->hosts = ident_hosts_of(&local, &remote);
	pair->ports = (struct ident_ports){ addr_port(&local), addr_port(&remote) };
	return true;
}

static void close_pair(struct pair *pair)
{
	close(pair->listener);
	close(pair->near);
	close(pair->far);
}

static void open_asker(struct ident_asker *asker)
{
	int r = ident_asker_open(asker);

	if (r < 0) {
		print_message("the kernel answers no questions about sockets: %s\n",
			      strerror(-r));
		skip();
	}
}

static void finds_the_owner_of_either_end(void **state)
{
	static const struct {
		const char *host;
		bool mapped;
	} cases[] = { { "127.0.0.1", false }, { "::1", false }, { "127.0.0.1", true } };
	struct ident_asker asker;

	(void)state;
	open_asker(&asker);
	for (size_t i = 0; i < 3; i++) {
		struct ident_ports back;
		struct pair pair;
		uid_t uid = (uid_t)-1;

		if (!connect_two(&pair, cases[i].host, cases[i].mapped))
			continue;
		assert_int_equal(ident_owner(&asker, &pair.hosts, &pair.ports, &uid), 0);
		assert_int_equal(uid, geteuid());
		back = (struct ident_ports){ pair.ports.remote, pair.ports.local };
		assert_int_equal(ident_owner(&asker, &pair.hosts, &back, &uid), 0);
		close_pair(&pair);
	}
	ident_asker_close(&asker);
}

static void finds_nobody_where_there_is_no_connection(void **state)
{
	struct ident_asker asker;
	struct ident_hosts other;
	struct ident_ports ports;
	struct pair pair;
	uid_t uid = 77;

	(void)state;
	open_asker(&asker);
	assert_true(connect_two(&pair, "127.0.0.1", false));
	/* A listener is no connection, the kernel offers it all the same. */
	ports = (struct ident_ports){ pair.ports.remote, 1 };
	assert_int_equal(ident_owner(&asker, &pair.hosts, &ports, &uid), -ENOENT);
	ports = (struct ident_ports){ pair.ports.local, pair.ports.local };
	assert_int_equal(ident_owner(&asker, &pair.hosts, &ports, &uid), -ENOENT);
	/* Another host asks about the same ports. */
	other = pair.hosts;
	other.remote[0] = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(ident_owner(&asker, &other, &pair.ports, &uid), -ENOENT);
	other.family = AF_UNSPEC;
	assert_int_equal(ident_owner(&asker, &other, &pair.ports, &uid), -ENOENT);
	assert_int_equal(uid, 77);
	close_pair(&pair);
	ident_asker_close(&asker);
	assert_true(ident_owner(&asker, &pair.hosts, &pair.ports, &uid) < 0);
}

/* Its last process has closed it: the kernel says that uid 0 has it. */
static void finds_nobody_for_a_connection_that_nobody_has(void **state)
{
	struct ident_asker asker;
	struct pair pair;
	uid_t uid;

	(void)state;
	open_asker(&asker);
	assert_true(connect_two(&pair, "127.0.0.1", false));
	close(pair.near);
	assert_int_equal(ident_owner(&asker, &pair.hosts, &pair.ports, &uid), -ENOENT);
	pair.near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	close_pair(&pair);
	ident_asker_close(&asker);
}

/* Answers that were left behind do not answer later questions. */
static void passes_over_stale_answers(void **state)
{
	/* Too short to be answered with anything but an error. */
	const struct nlmsghdr question = { .nlmsg_len = sizeof(question),
					   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
					   .nlmsg_flags = NLM_F_REQUEST,
					   .nlmsg_seq = 99999 };
	struct ident_asker asker;
	struct pair pair;
	uid_t uid;

	(void)state;
	open_asker(&asker);
	assert_true(connect_two(&pair, "127.0.0.1", false));
	for (int i = 0; i < 3; i++)
		assert_int_equal(send(asker.fd, &question, sizeof(question), 0),
				 sizeof(question));
	assert_int_equal(ident_owner(&asker, &pair.hosts, &pair.ports, &uid), 0);
	close_pair(&pair);
	ident_asker_close(&asker);
}

static void knows_the_users_by_name(void **state)
{
	struct ident_users users;
	const struct passwd *entry = getpwuid(0);

	(void)state;
	ident_users_read(&users);
	assert_false(users.cut);
	if (entry != NULL)
		assert_string_equal(ident_users_find(&users, 0), entry->pw_name);
	entry = getpwuid(65534);
	if (entry != NULL)
		assert_string_equal(ident_users_find(&users, 65534), entry->pw_name);
	assert_null(ident_users_find(&users, 4000000000U));
	ident_users_done(&users);
	assert_null(ident_users_find(&users, 0));
}

/* What the service says to the log. */
struct notes {
	char last[512];
	size_t count;
	bool refused;
};

static bool take_note(void *data, const char *text)
{
	struct notes *notes = data;

	if (notes->refused)
		return false;
	notes->count++;
	(void)snprintf(notes->last, sizeof(notes->last), "%s", text);
	return true;
}

/* The service asked by way of @pair's far end: what is asked is about near. */
static int ask_through(struct service_bench *bench, struct pair *pair)
{
	struct connection connection = { .fd = pair->near };

	connection.local = address_of(pair->near, get_local);
	connection.peer = address_of(pair->near, get_peer);
	bench_start(bench, &connection);
	assert_int_equal(fd_set_nonblock(pair->far, true), 0);
	return pair->far;
}

static void open_ident(struct service_bench *bench, enum service_ident mode,
		       struct notes *notes)
{
	struct internal_setup setup = { .note = take_note, .note_data = notes };

	bench->service->ident = mode;
	if (mode == SERVICE_IDENT_FIXED)
		bench->service->ident_name = strdup("somebody");
	bench_open(bench, "ident", &setup);
}

static void answers_as_configured(void **state)
{
	static const struct {
		enum service_ident mode;
		const char *answer;
	} cases[] = { { SERVICE_IDENT_HIDDEN, "ERROR : HIDDEN-USER" },
		      { SERVICE_IDENT_FIXED, "USERID : UNIX : somebody" } };
	struct service_bench *bench = *state;
	struct notes notes = { .count = 0 };

	for (size_t i = 0; i < 2; i++) {
		char line[256];
		int client;

		open_ident(bench, cases[i].mode, &notes);
		client = bench_join(bench);
		bench_say(client, "6193 , 23\r\n 1,2\n0,70000\nnonsense\n");
		(void)snprintf(line, sizeof(line), "6193, 23 : %s\r\n", cases[i].answer);
		bench_expect(bench, client, line);
		(void)snprintf(line, sizeof(line), "1, 2 : %s\r\n", cases[i].answer);
		bench_expect(bench, client, line);
		bench_expect(bench, client,
			     "0, 0 : ERROR : INVALID-PORT\r\n"
			     "0, 0 : ERROR : INVALID-PORT\r\n");
		close(client);
		run_until_ended(&bench->base, i + 1);
		bench_close(bench);
	}
	assert_int_equal(notes.count, 0);
}

static void names_the_owner(void **state)
{
	struct service_bench *bench = *state;
	const struct passwd *entry = getpwuid(geteuid());
	struct notes notes = { .count = 0 };
	struct ident_asker asker;
	struct pair pair, asked;
	char line[512];
	int client;

	open_asker(&asker);
	ident_asker_close(&asker);
	open_ident(bench, SERVICE_IDENT_REAL, &notes);
	assert_true(connect_two(&pair, "127.0.0.1", false));
	assert_true(connect_two(&asked, "127.0.0.1", false));
	client = ask_through(bench, &asked);
	(void)snprintf(line, sizeof(line), "%u,%u\r\n", pair.ports.local,
		       pair.ports.remote);
	bench_say(client, line);
	if (entry != NULL)
		(void)snprintf(line, sizeof(line), "%u, %u : USERID : UNIX : %s\r\n",
			       pair.ports.local, pair.ports.remote, entry->pw_name);
	else
		(void)snprintf(line, sizeof(line), "%u, %u : USERID : OTHER : %lu\r\n",
			       pair.ports.local, pair.ports.remote,
			       (unsigned long)geteuid());
	bench_expect(bench, client, line);
	bench_say(client, "1, 1\n");
	bench_expect(bench, client, "1, 1 : ERROR : NO-USER\r\n");
	close(client);
	run_until_ended(&bench->base, 1);
	close(asked.listener);
	close_pair(&pair);
}

static void log_is_what_decodes_a_token(void **state)
{
	struct service_bench *bench = *state;
	struct notes notes = { .count = 0 };
	struct ident_asker asker;
	struct pair asked;
	char query[64], first[256], second[256], token[32];
	unsigned local, remote;
	int client;

	open_asker(&asker);
	ident_asker_close(&asker);
	open_ident(bench, SERVICE_IDENT_HASHED, &notes);
	assert_true(connect_two(&asked, "127.0.0.1", false));
	client = ask_through(bench, &asked);
	(void)snprintf(query, sizeof(query), "%u,%u\n", asked.ports.local,
		       asked.ports.remote);
	bench_say(client, query);
	bench_line(bench, client, first, sizeof(first));
	assert_int_equal(sscanf(first, "%u, %u : USERID : OTHER : %20[0-9a-f]\r\n",
				&local, &remote, token),
			 3);
	assert_int_equal(strlen(token), 20);
	assert_int_equal(notes.count, 1);
	assert_non_null(strstr(notes.last, token));
	(void)snprintf(query, sizeof(query), " is uid %lu", (unsigned long)geteuid());
	assert_non_null(strstr(notes.last, query));
	assert_non_null(strstr(notes.last, " of 127.0.0.1"));
	/* Never the same again. */
	(void)snprintf(query, sizeof(query), "%u,%u\n", asked.ports.local,
		       asked.ports.remote);
	bench_say(client, query);
	bench_line(bench, client, second, sizeof(second));
	assert_string_not_equal(first, second);
	/* What is not in the log is not said. */
	notes.refused = true;
	bench_say(client, query);
	bench_line(bench, client, second, sizeof(second));
	assert_non_null(strstr(second, " : ERROR : UNKNOWN-ERROR\r\n"));
	close(client);
	run_until_ended(&bench->base, 1);
	close(asked.listener);
}

static void queries_of_a_connection_are_counted(void **state)
{
	struct service_bench *bench = *state;
	struct notes notes = { .count = 0 };
	int client;

	open_ident(bench, SERVICE_IDENT_HIDDEN, &notes);
	client = bench_join(bench);
	for (int i = 0; i < 70; i++)
		bench_say(client, "1,2\n");
	for (int i = 0; i < 64; i++)
		bench_expect(bench, client, "1, 2 : ERROR : HIDDEN-USER\r\n");
	bench_expect_end(bench, client);
	close(client);
	run_until_ended(&bench->base, 1);
}

static void overlong_query_is_no_query(void **state)
{
	struct service_bench *bench = *state;
	struct notes notes = { .count = 0 };
	char line[512];
	int client;

	open_ident(bench, SERVICE_IDENT_HIDDEN, &notes);
	client = bench_join(bench);
	memset(line, ' ', sizeof(line));
	memcpy(line, "1,2", 3);
	memcpy(line + 500, "\n", 2);
	bench_say(client, line);
	bench_expect(bench, client, "1, 2 : ERROR : INVALID-PORT\r\n");
	close(client);
	run_until_ended(&bench->base, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_owner_of_either_end),
		cmocka_unit_test(finds_nobody_where_there_is_no_connection),
		cmocka_unit_test(finds_nobody_for_a_connection_that_nobody_has),
		cmocka_unit_test(passes_over_stale_answers),
		cmocka_unit_test(knows_the_users_by_name),
		BENCH_CASE(answers_as_configured),
		BENCH_CASE(names_the_owner),
		BENCH_CASE(log_is_what_decodes_a_token),
		BENCH_CASE(queries_of_a_connection_are_counted),
		BENCH_CASE(overlong_query_is_no_query),
	};

	return cmocka_run_group_tests_name("ident", tests, NULL, NULL);
}
