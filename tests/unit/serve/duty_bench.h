/* SPDX-License-Identifier: ISC */
/*
 * An engine on a real loop, a reporter that remembers, services made by hand, and clients
 * on loopback. What has to happen is waited for by turning the loop, never by time alone.
 */
#ifndef USHERD_TEST_DUTY_BENCH_H
#define USHERD_TEST_DUTY_BENCH_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/serve/dispatch.h"
#include "usherd/serve/engine.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/pause.h"
#include "usherd/serve/post.h"

#define BENCH_EVENTS     512
#define BENCH_PATIENCE_S 20

struct bench_message {
	enum log_level level;
	char text[REPORT_TEXT_SIZE];
};

struct bench {
	struct reporter reporter; /* first: the engine's reporter leads back here */
	struct loop *loop;
	struct engine engine;
	struct event events[BENCH_EVENTS];
	size_t event_count;
	struct bench_message messages[BENCH_EVENTS];
	size_t message_count;
	unsigned internal_changes;
	uint64_t deadline_ns;
};

static inline void bench_event(struct reporter *reporter, const struct event *event)
{
	struct bench *bench = (struct bench *)reporter;

	if (bench->event_count < BENCH_EVENTS)
		bench->events[bench->event_count] = *event;
	bench->event_count++;
}

static inline void bench_message(struct reporter *reporter, enum log_level level,
				 const char *text)
{
	struct bench *bench = (struct bench *)reporter;

	if (bench->message_count < BENCH_EVENTS) {
		struct bench_message *message = &bench->messages[bench->message_count];

		message->level = level;
		(void)text_copy(message->text, sizeof(message->text), text);
	}
	bench->message_count++;
}

static inline void bench_changed(struct engine *engine)
{
	((struct bench *)engine->data)->internal_changes++;
}

static inline void bench_signal(int signo, void *data)
{
	struct bench *bench = data;

	if (signo == SIGCHLD && bench->engine.children != NULL)
		children_reap(bench->engine.children, loop_now_ns(bench->loop));
}

static inline int bench_start(void **state, bool worker)
{
	static char path[] = "PATH=/usr/bin:/bin";
	static char *const environment[] = { path, NULL };
	struct bench *bench = calloc(1, sizeof(*bench));
	struct engine_setup setup = { .worker = worker,
				      .listener_ready = dispatch_ready,
				      .environment = environment };
	sigset_t set;

	if (bench == NULL || loop_new(&bench->loop, NULL) != 0)
		return -1;
	bench->reporter.event = bench_event;
	bench->reporter.message = bench_message;
	setup.loop = bench->loop;
	setup.reporter = &bench->reporter;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)signal(SIGPIPE, SIG_IGN);
	if (engine_init(&bench->engine, &setup, NULL) != 0 ||
	    loop_signals(bench->loop, &set, bench_signal, bench, NULL) != 0)
		return -1;
	bench->engine.data = bench;
	bench->engine.internal_changed = bench_changed;
	bench->deadline_ns =
		clock_monotonic_ns() + BENCH_PATIENCE_S * CLOCK_NS_PER_SECOND;
	*state = bench;
	return 0;
}

static inline int bench_setup(void **state)
{
	return bench_start(state, false);
}

static inline int bench_setup_worker(void **state)
{
	return bench_start(state, true);
}

static inline int bench_teardown(void **state)
{
	struct bench *bench = *state;

	if (bench->engine.children != NULL)
		children_signal(bench->engine.children, SIGKILL);
	engine_done(&bench->engine);
	loop_free(bench->loop);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	free(bench);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
#define WORKER_CASE(name)                                                                \
	cmocka_unit_test_setup_teardown(name, bench_setup_worker, bench_teardown)

/* One turn; the test has failed when nothing has come of it for a long time. */
static inline void bench_turn(struct bench *bench)
{
	assert_true(loop_turn(bench->loop, 1000) >= 0);
	assert_true(clock_monotonic_ns() < bench->deadline_ns);
}

#define UNTIL(bench, condition)                                                          \
	do {                                                                             \
		while (!(condition))                                                     \
			bench_turn(bench);                                               \
	} while (0)

/* Turn the loop until nothing is ready any more. */
static inline void bench_settle(struct bench *bench)
{
	for (int i = 0; i < 8; i++)
		assert_true(loop_turn(bench->loop, 0) >= 0);
}

static inline size_t bench_kind_count(const struct bench *bench, enum event_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->event_count && i < BENCH_EVENTS; i++)
		count += bench->events[i].kind == kind;
	return count;
}

/* The last event of a kind; the test fails without one. */
static inline const struct event *bench_last(const struct bench *bench,
					     enum event_kind kind)
{
	size_t count =
		bench->event_count < BENCH_EVENTS ? bench->event_count : BENCH_EVENTS;

	for (size_t i = count; i-- > 0;)
		if (bench->events[i].kind == kind)
			return &bench->events[i];
	fail_msg("no event of kind %d", (int)kind);
	return NULL;
}

static inline size_t bench_said(const struct bench *bench, const char *part)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->message_count && i < BENCH_EVENTS; i++)
		count += strstr(bench->messages[i].text, part) != NULL;
	return count;
}

static inline char *bench_copy(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	return copy;
}

/* Everything logged, no limits; without endpoints. */
static inline struct service *bench_service(const char *id)
{
	struct service *service = service_new();

	assert_non_null(service);
	service->id = bench_copy(id);
	service->name = bench_copy(id);
	service->fingerprint = bench_copy(id);
	service->policy.cps_rate = 0;
	service->log_on_success =
		EVENT_PID | EVENT_HOST | EVENT_EXIT_STATUS | EVENT_DURATION;
	service->log_on_failure = EVENT_HOST;
	return service;
}

static inline struct service *bench_internal(const char *id, const char *name)
{
	struct service *service = bench_service(id);

	service->internal = bench_copy(name);
	return service;
}

static inline void bench_argument(struct service *service, const char *argument)
{
	assert_int_equal(strings_add(&service->program.argv, argument), 0);
}

static inline struct service *bench_shell(const char *id, const char *script)
{
	struct service *service = bench_service(id);

	service->program.path = bench_copy("/bin/sh");
	bench_argument(service, "sh");
	bench_argument(service, "-c");
	bench_argument(service, script);
	return service;
}

/* The running test itself as the program: main() has to look for @part first. */
static inline struct service *bench_self(const char *id, const char *part)
{
	struct service *service = bench_service(id);
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(length > 0);
	path[length] = '\0';
	service->program.path = bench_copy(path);
	bench_argument(service, "program");
	bench_argument(service, part);
	return service;
}

static inline void bench_change_fingerprint(struct service *service, const char *text)
{
	free(service->fingerprint);
	service->fingerprint = bench_copy(text);
}

static inline struct addr bench_addr(const char *text, uint16_t port)
{
	struct addr addr = { 0 };

	if (text[0] == '/' || text[0] == '@')
		assert_int_equal(addr_parse_unix(text, &addr, NULL), 0);
	else
		assert_int_equal(addr_parse_ip(text, port, &addr, NULL), 0);
	return addr;
}

static inline struct endpoint bench_endpoint(enum transport transport, const char *text,
					     uint16_t port)
{
	return (struct endpoint){ .transport = transport,
				  .addr = bench_addr(text, port),
				  .backlog = 16,
				  .owner = (uid_t)-1,
				  .group = (gid_t)-1,
				  .mode = 0666 };
}

static inline void bench_add_endpoint(struct service *service,
				      const struct endpoint *endpoint)
{
	size_t count = service->endpoint_count;
	struct endpoint *endpoints =
		reallocarray(service->endpoints, count + 1, sizeof(*endpoints));

	assert_non_null(endpoints);
	endpoints[count] = *endpoint;
	service->endpoints = endpoints;
	service->endpoint_count = count + 1;
}

static inline void bench_at(struct service *service, enum transport transport,
			    const char *text, uint16_t port)
{
	struct endpoint endpoint = bench_endpoint(transport, text, port);

	bench_add_endpoint(service, &endpoint);
}

/* Nobody listens on it now, for TCP or UDP, and the kernel gives it to no client. */
static inline uint16_t bench_port(void)
{
	static unsigned count;

	for (;;) {
		unsigned number = (unsigned)getpid() % 2000 * 10 + count++;
		uint16_t port = (uint16_t)(10000 + number % 20000);
		struct addr addr = bench_addr("127.0.0.1", port);
		int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		bool is_free = bind(tcp, &addr.u.any, addr.length) == 0 &&
			       bind(udp, &addr.u.any, addr.length) == 0;

		(void)close(tcp);
		(void)close(udp);
		if (is_free)
			return port;
	}
}

/* Put @service, whose reference is taken over, on duty with all its listeners. */
static inline struct post *bench_post(struct bench *bench, struct service *service)
{
	struct post *post;

	assert_int_equal(post_new(&bench->engine, service, &post, NULL), 0);
	assert_int_equal(post_reserve(post, service->endpoint_count), 0);
	assert_int_equal(engine_reserve(&bench->engine, 1), 0);
	engine_enlist(&bench->engine, post);
	for (size_t i = 0; i < service->endpoint_count; i++) {
		struct listener *listener = listener_new(&service->endpoints[i]);

		assert_non_null(listener);
		post_attach(post, listener);
		listener_activate(listener);
	}
	service_unref(service);
	return post;
}

/* Take @post off duty with its listeners, as at the end of its service. */
static inline void bench_dismiss(struct bench *bench, struct post *post)
{
	while (post->listener_count > 0)
		listener_free(post->listeners[--post->listener_count]);
	engine_dismiss(&bench->engine, post);
}

/* A socket connected to 127.0.0.1:@port, or a negative errno. */
static inline int bench_connect(int type, uint16_t port)
{
	struct addr to = bench_addr("127.0.0.1", port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	if (connect(fd, &to.u.any, to.length) == -1) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static inline int bench_client(int type, uint16_t port)
{
	int fd = bench_connect(type, port);

	assert_true(fd >= 0);
	return fd;
}

static inline void bench_send(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What comes next on @fd, the loop turning meanwhile; NUL-terminated. 0 at the end. */
static inline size_t bench_receive(struct bench *bench, int fd, char *buffer, size_t size)
{
	ssize_t length;

	for (;;) {
		length = recv(fd, buffer, size - 1, MSG_DONTWAIT);
		if (length != -1)
			break;
		assert_int_equal(errno, EAGAIN);
		assert_true(loop_turn(bench->loop, 10) >= 0);
		assert_true(clock_monotonic_ns() < bench->deadline_ns);
	}
	buffer[length] = '\0';
	return (size_t)length;
}

static inline void bench_expect(struct bench *bench, int fd, const char *text)
{
	char buffer[2048];

	(void)bench_receive(bench, fd, buffer, sizeof(buffer));
	assert_string_equal(buffer, text);
}

#endif
