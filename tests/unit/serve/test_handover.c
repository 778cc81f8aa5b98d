/* SPDX-License-Identifier: ISC */
/* Plans as bytes, whole and damaged; and a real worker in another program, which is this
 * test itself, found beside itself. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "usherd/serve/handover.h"
#include "workers_bench.h"

/* What the supervisor knows of the service, and what the program does. */
static const struct internal outside = { .name = "far",
					 .executable = "test_serve_handover" };
static const struct internal absent = { .name = "gone", .executable = "no-such-file" };

static const struct internal *find_in_supervisor(const char *name)
{
	if (strcmp(name, "gone") == 0)
		return &absent;
	return strcmp(name, "far") == 0 ? &outside : internal_find(name);
}

static const struct internal *find_in_program(const char *name)
{
	return strcmp(name, "far") == 0 ? internal_find("echo") : NULL;
}

/* A fingerprint is "ID INTERNAL" here. */
static struct service *make_service(const char *fingerprint)
{
	struct service *service = bench_service(fingerprint);
	struct credentials *credentials = &service->program.credentials;

	service->id[strcspn(service->id, " ")] = '\0';
	service->internal = bench_copy(strchr(fingerprint, ' ') + 1);
	if (geteuid() != 0)
		return service;
	credentials->change = true;
	credentials->uid = NOBODY;
	credentials->gid = NOBODY;
	return service;
}

static int recall(const char *fingerprint, struct service **ret, struct error *err)
{
	if (strchr(fingerprint, ' ') == NULL)
		return error_set(err, -EINVAL, "no space in it");
	*ret = make_service(fingerprint);
	return 0;
}

static int setup(void **state)
{
	struct bench *bench;

	if (workers_setup(state) != 0)
		return -1;
	bench = *state;
	bench->engine.find_internal = find_in_supervisor;
	return 0;
}

static void serves_from_another_program(void **state)
{
	struct bench *bench = *state;
	struct service *service = make_service("one far");
	struct service *other = make_service("two echo");
	uint16_t port = bench_port();
	char path[64], target[256];
	ssize_t length;
	int client;
	pid_t pid;

	bench_at(service, TRANSPORT_TCP, "127.0.0.1", port);
	bench_at(other, TRANSPORT_TCP, "127.0.0.1", bench_port());
	(void)bench_post(bench, service);
	(void)bench_post(bench, other);
	UNTIL(bench, workers_count(workers) == 2);
	client = bench_client(SOCK_STREAM, port);
	bench_send(client, "hello");
	bench_expect(bench, client, "hello");
	UNTIL(bench, bench_kind_count(bench, EVENT_START) == 1);
	assert_string_equal(bench_last(bench, EVENT_START)->service, "one");
	pid = bench_last(bench, EVENT_START)->pid;
	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	length = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(length >= 0);
	client = (int)length;
	length = read(client, target, sizeof(target) - 1);
	(void)close(client);
	assert_true(length > 0);
	target[length] = '\0';
	assert_non_null(strstr(target, "test_serve_handover"));
	/* A name and a number: what a forked worker does not have. */
	assert_true((size_t)length > strlen(target) + 1);
}

static void counts_where_the_supervisor_sees_it(void **state)
{
	struct bench *bench = *state;
	struct service *service = make_service("one far");
	uint16_t port = bench_port();
	bool resting;
	int client;

	bench_at(service, TRANSPORT_TCP, "127.0.0.1", port);
	(void)bench_post(bench, service);
	UNTIL(bench, workers_count(workers) == 1);
	client = bench_client(SOCK_STREAM, port);
	UNTIL(bench, workers_active(workers, "one", &resting) == 1);
	(void)close(client);
	UNTIL(bench, workers_active(workers, "one", &resting) == 0);
}

static void says_what_cannot_be_executed(void **state)
{
	struct bench *bench = *state;
	struct service *service = make_service("one gone");

	bench_at(service, TRANSPORT_TCP, "127.0.0.1", bench_port());
	(void)bench_post(bench, service);
	UNTIL(bench, bench_said(bench, "cannot execute '" USHERD_LIBEXECDIR
				       "/no-such-file': No such file") > 0);
	UNTIL(bench, bench_said(bench, "ended with status 71; starting another") > 0);
}

/* One plan, written, for the tests below. */
struct written {
	struct ledger *ledger;
	struct worker_plan plan;
	int channel;
	int fd;
};

static struct written write_plan(struct bench *bench)
{
	struct service *service = make_service("one far");
	struct written written = { .ledger = NULL };
	int ends[2];

	bench_at(service, TRANSPORT_TCP, "127.0.0.1", bench_port());
	(void)bench_post(bench, service);
	assert_int_equal(ledger_new(&service, 1, 3, &written.ledger), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	(void)close(ends[0]);
	written.channel = ends[1];
	written.plan = (struct worker_plan){
		.root = true,
		.transfer = -1,
		.needs = INTERNAL_CONNECTS,
		.posts = bench->engine.posts,
		.post_count = 1,
		.ledger = written.ledger,
		.slot = 2,
		.predecessors = (const struct ledger *const *)&written.ledger,
		.predecessor_count = 1
	};
	assert_int_equal(handover_write(&written.plan, ends[1], &written.fd), 0);
	return written;
}

static void forget_plan(struct written *written)
{
	(void)close(written->fd);
	(void)close(written->channel);
	ledger_free(written->ledger);
}

static void gives_back_what_was_written(void **state)
{
	struct bench *bench = *state;
	struct written written = write_plan(bench);
	const struct listener *before = bench->engine.posts[0]->listeners[0];
	const struct listener *after;
	struct handover handover;
	struct error err = { 0 };

	assert_int_equal(handover_read(written.fd, recall, &handover, &err), 0);
	after = handover.plan.posts[0]->listeners[0];
	assert_int_equal(handover.channel, written.channel);
	assert_true(handover.plan.root);
	assert_int_equal(handover.plan.needs, INTERNAL_CONNECTS);
	assert_int_equal(handover.plan.post_count, 1);
	assert_string_equal(handover.plan.posts[0]->service->id, "one");
	assert_int_equal(handover.plan.posts[0]->listener_count, 1);
	assert_int_equal(after->fd, before->fd);
	assert_true(endpoint_same_socket(&after->endpoint, &before->endpoint));
	assert_int_equal(after->endpoint.backlog, before->endpoint.backlog);
	assert_int_equal(handover.plan.slot, 2);
	assert_int_equal(ledger_slots(handover.plan.ledger), 3);
	assert_non_null(ledger_find(handover.plan.ledger, "one", 2));
	assert_int_equal(handover.plan.predecessor_count, 1);
	assert_non_null(ledger_find(handover.plan.predecessors[0], "one", 0));
	assert_int_equal(fcntl(before->fd, F_GETFD), FD_CLOEXEC);
	handover_done(&handover);
	forget_plan(&written);
}

static int read_bytes(const char *bytes, size_t length)
{
	struct error err = { 0 };
	struct handover handover;
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	int r;

	assert_int_equal(write(fd, bytes, length), length);
	r = handover_read(fd, recall, &handover, &err);
	if (r == 0)
		handover_done(&handover);
	else
		assert_int_not_equal(err.text[0], '\0');
	(void)close(fd);
	return r;
}

/* Every byte of it wrong once, and every length too short. */
static void damage_does_no_harm(void **state)
{
	struct bench *bench = *state;
	struct written written = write_plan(bench);
	char bytes[8192];
	ssize_t length = pread(written.fd, bytes, sizeof(bytes), 0);

	assert_in_range(length, 1, sizeof(bytes) - 1);
	for (size_t i = 0; i < (size_t)length; i++) {
		assert_int_not_equal(read_bytes(bytes, i), 0);
		bytes[i] = (char)(bytes[i] ^ 0x80);
		(void)read_bytes(bytes, (size_t)length);
		bytes[i] = (char)(bytes[i] ^ 0x80);
	}
	assert_int_equal(read_bytes(bytes, (size_t)length), 0);
	bytes[length] = 'x';
	assert_int_equal(read_bytes(bytes, (size_t)length + 1), -EBADMSG);
	forget_plan(&written);
}

static void refuses_another_version(void **state)
{
	struct bench *bench = *state;
	struct written written = write_plan(bench);
	struct handover handover;
	struct error err = { 0 };
	char bytes[8192];
	char *version;
	ssize_t length = pread(written.fd, bytes, sizeof(bytes), 0);

	assert_true(length > 0);
	version = memmem(bytes, (size_t)length, USHERD_VERSION, strlen(USHERD_VERSION));
	assert_non_null(version);
	assert_int_equal(pwrite(written.fd, "9", 1, version - bytes), 1);
	assert_int_equal(handover_read(written.fd, recall, &handover, &err), -EPROTO);
	assert_non_null(strstr(err.text, "another version"));
	assert_int_equal(handover.channel, written.channel);
	forget_plan(&written);
}

static void is_not_for_people(void **state)
{
	char name[] = "worker", nonsense[] = "x", standard[] = "2", closed[] = "9999";
	char *const none[] = { name, NULL };
	char *const wrong[] = { name, nonsense, NULL };
	char *const low[] = { name, standard, NULL };
	char *const missing[] = { name, closed, NULL };

	(void)state;
	assert_int_equal(handover_serve(1, none, recall, internal_find), EX_USAGE);
	assert_int_equal(handover_serve(2, wrong, recall, internal_find), EX_USAGE);
	assert_int_equal(handover_serve(2, low, recall, internal_find), EX_USAGE);
	assert_int_equal(handover_serve(2, missing, recall, internal_find), EX_PROTOCOL);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, workers_teardown)

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		CASE(serves_from_another_program),
		CASE(counts_where_the_supervisor_sees_it),
		CASE(says_what_cannot_be_executed),
		CASE(gives_back_what_was_written),
		CASE(damage_does_no_harm),
		CASE(refuses_another_version),
		cmocka_unit_test(is_not_for_people),
	};

	if (argc == 2)
		return handover_serve(argc, argv, recall, find_in_program);
	return cmocka_run_group_tests_name("serve/handover", tests, NULL, NULL);
}
