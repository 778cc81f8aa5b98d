/* SPDX-License-Identifier: ISC */
/*
 * What passes between worker and supervisor, and what must not. The size of a report is
 * learnt from one that was really sent; nonsense is made by damaging such reports.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"
#include "usherd/base/fd.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/order.h"

#define PACKET_MAX    CHANNEL_PACKET_SIZE
#define RANDOM_ROUNDS 10000
/* More reports than the channel's buffer holds. */
#define FLOOD 200000

struct packet {
	uint8_t bytes[PACKET_MAX];
	size_t size;
};

struct fixture {
	struct reporter reporter; /* first: what the supervisor passes on comes here */
	int supervisor;
	int worker;
	struct channel_reporter channel;
	unsigned events;
	struct event event;
	bool events_valid;
	unsigned messages;
	enum log_level level;
	char text[REPORT_TEXT_SIZE * 2];
	bool messages_valid;
};

static void take_event(struct reporter *reporter, const struct event *event)
{
	struct fixture *fixture = (struct fixture *)reporter;
	char line[EVENT_LINE_SIZE];
	struct text text;

	fixture->events++;
	fixture->event = *event;
	if (!event_is_valid(event)) {
		fixture->events_valid = false;
		return;
	}
	/* A sanitizer would see it go wrong. */
	text_init(&text, line, sizeof(line));
	event_format(event, &text);
}

static void take_message(struct reporter *reporter, enum log_level level,
			 const char *text)
{
	struct fixture *fixture = (struct fixture *)reporter;

	fixture->messages++;
	fixture->level = level;
	if ((unsigned)level > LOG_LEVEL_DEBUG || strlen(text) >= REPORT_TEXT_SIZE)
		fixture->messages_valid = false;
	(void)text_copy(fixture->text, sizeof(fixture->text), text);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (fixture == NULL || channel_open(&fixture->supervisor, &fixture->worker) != 0)
		return -1;
	fixture->reporter.event = take_event;
	fixture->reporter.message = take_message;
	fixture->events_valid = true;
	fixture->messages_valid = true;
	channel_reporter_init(&fixture->channel, fixture->worker);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	fd_close(&fixture->supervisor);
	fd_close(&fixture->worker);
	free(fixture);
	return 0;
}

/* 0 for the order to drain. */
static int read_order(int fd)
{
	struct order order;
	int r = order_receive(fd, &order);

	return r == 0 && order.kind != ORDER_DRAIN ? 1 : r;
}

static int receive(struct fixture *fixture)
{
	return channel_receive(fixture->supervisor, &fixture->reporter);
}

static struct event make_event(void)
{
	struct event event;

	memset(&event, 0, sizeof(event));
	event.kind = EVENT_FAIL;
	event.fields = EVENT_HOST;
	event.pid = 4711;
	event.wait_status = 256;
	event.duration_s = 99;
	(void)text_copy(event.service, sizeof(event.service), "the-echo-service");
	(void)text_copy(event.reason, sizeof(event.reason), "the-reason-of-it");
	(void)addr_parse_ip("192.0.2.7", 4000, &event.peer, NULL);
	return event;
}

/* What the worker has just sent, as bytes. */
static struct packet intercept(struct fixture *fixture)
{
	struct packet packet = { .size = 0 };
	ssize_t length =
		recv(fixture->supervisor, packet.bytes, PACKET_MAX, MSG_DONTWAIT);

	assert_true(length > 0 && length < PACKET_MAX);
	packet.size = (size_t)length;
	return packet;
}

static struct packet event_packet(struct fixture *fixture)
{
	struct event event = make_event();

	report_event(&fixture->channel.reporter, &event);
	return intercept(fixture);
}

static struct packet text_packet(struct fixture *fixture)
{
	report_message(&fixture->channel.reporter, LOG_LEVEL_INFO, "%s",
		       "the-text-of-a-message");
	return intercept(fixture);
}

static int receive_packet(struct fixture *fixture, const struct packet *packet)
{
	assert_int_equal(send(fixture->worker, packet->bytes, packet->size, MSG_NOSIGNAL),
			 packet->size);
	return receive(fixture);
}

static void opens_ends_that_neither_block_nor_leak(void **state)
{
	struct fixture *fixture = *state;
	int ends[] = { fixture->supervisor, fixture->worker };

	for (int i = 0; i < 2; i++) {
		assert_int_equal(fcntl(ends[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		assert_int_equal(fcntl(ends[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	}
}

static void carries_an_event_unchanged(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();

	report_event(&fixture->channel.reporter, &event);
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->events, 1);
	assert_memory_equal(&fixture->event, &event, sizeof(event));
	assert_int_equal(receive(fixture), -EAGAIN);
}

static void carries_events_of_every_kind_and_peer(void **state)
{
	struct fixture *fixture = *state;
	static const char *const peers[] = { "", "192.0.2.1", "2001:db8::1", "/run/x",
					     "@name" };

	for (int kind = EVENT_START; kind <= EVENT_BYTES; kind++) {
		for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
			struct event event = make_event();

			memset(&event.peer, 0, sizeof(event.peer));
			if (addr_parse_ip(peers[i], 1, &event.peer, NULL) < 0)
				(void)addr_parse_unix(peers[i], &event.peer, NULL);
			event.kind = (enum event_kind)kind;
			if (kind == EVENT_BYTES) {
				event.bytes_in = 12;
				event.bytes_out = UINT64_MAX;
			}
			report_event(&fixture->channel.reporter, &event);
			assert_int_equal(receive(fixture), 0);
			assert_memory_equal(&fixture->event, &event, sizeof(event));
		}
	}
	assert_true(fixture->events_valid);
}

static void carries_a_message_with_its_level(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		report_message(&fixture->channel.reporter, (enum log_level)level,
			       "level %u", level);
		assert_int_equal(receive(fixture), 0);
		assert_int_equal(fixture->level, level);
	}
	assert_string_equal(fixture->text, "level 4");
	assert_int_equal(fixture->messages, 5);
}

static void cuts_a_message_that_is_too_long(void **state)
{
	struct fixture *fixture = *state;
	char text[REPORT_TEXT_SIZE * 2];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fixture->channel.reporter.message(&fixture->channel.reporter, LOG_LEVEL_ERROR,
					  text);
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(strlen(fixture->text), REPORT_TEXT_SIZE - 1);
}

static void says_so_when_there_is_none(void **state)
{
	assert_int_equal(receive(*state), -EAGAIN);
}

static void delivers_what_a_worker_sent_before_it_closed(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();

	report_event(&fixture->channel.reporter, &event);
	fd_close(&fixture->worker);
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(receive(fixture), -EPIPE);
	assert_int_equal(receive(fixture), -EPIPE);
}

static void refuses_reports_of_the_wrong_size(void **state)
{
	struct fixture *fixture = *state;
	struct packet packet = event_packet(fixture);
	const size_t sizes[] = { 1, 4, 8, packet.size / 2, packet.size - 1 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		packet.size = sizes[i];
		assert_int_equal(receive_packet(fixture, &packet), -EBADMSG);
	}
	assert_int_equal(fixture->events + fixture->messages, 0);
}

/* A packet without content is not the end of the file that it looks like. */
static void takes_an_empty_report_for_nonsense(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(send(fixture->worker, "", 0, MSG_NOSIGNAL), 0);
	assert_int_equal(receive(fixture), -EBADMSG);
}

/* Bytes of a report that must not have just any value; see wire.c. */
enum place {
	PLACE_KIND = 2,
	PLACE_LEVEL = 3,
	PLACE_EVENT_KIND = 24,
	PLACE_SERVICE_LENGTH = 25,
	PLACE_REASON_LENGTH = 26,
	PLACE_PEER_LENGTH = 27,
};

static void refuses_values_that_no_report_has(void **state)
{
	static const struct {
		bool event;
		enum place place;
		uint8_t value;
	} cases[] = {
		{ true, PLACE_KIND, 0 },
		{ true, PLACE_KIND, 3 },
		{ false, PLACE_KIND, 255 },
		{ false, PLACE_LEVEL, LOG_LEVEL_DEBUG + 1 },
		{ false, PLACE_LEVEL, 255 },
		{ true, PLACE_EVENT_KIND, EVENT_BYTES },
		{ true, PLACE_EVENT_KIND, EVENT_NOID + 1 },
		{ true, PLACE_EVENT_KIND, 255 },
		{ true, PLACE_SERVICE_LENGTH, EVENT_SERVICE_SIZE },
		{ true, PLACE_SERVICE_LENGTH, 255 },
		{ true, PLACE_REASON_LENGTH, EVENT_REASON_SIZE },
		{ true, PLACE_PEER_LENGTH, sizeof(((struct addr *)NULL)->u) + 1 },
		{ true, PLACE_PEER_LENGTH, 255 },
	};
	struct fixture *fixture = *state;
	const struct packet event = event_packet(fixture);
	const struct packet text = text_packet(fixture);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet packet = cases[i].event ? event : text;

		packet.bytes[cases[i].place] = cases[i].value;
		assert_int_equal(receive_packet(fixture, &packet), -EBADMSG);
	}
	assert_int_equal(fixture->events + fixture->messages, 0);
}

static void refuses_a_packet_that_goes_wrong_later(void **state)
{
	struct fixture *fixture = *state;
	struct packet packet = event_packet(fixture);

	packet.bytes[packet.size++] = 1;
	assert_int_equal(receive_packet(fixture, &packet), -EBADMSG);
	assert_int_equal(fixture->events, 1);
}

static void sends_what_comes_close_together_in_one_packet(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();
	struct loop *loop;

	assert_int_equal(loop_new(&loop, NULL), 0);
	channel_gather(&fixture->channel, loop);
	for (int i = 0; i < 10; i++)
		report_event(&fixture->channel.reporter, &event);
	assert_int_equal(receive(fixture), -EAGAIN);
	while (fixture->events == 0) {
		assert_int_equal(loop_turn(loop, -1), 0);
		(void)receive(fixture);
	}
	assert_int_equal(fixture->events, 10);
	assert_int_equal(receive(fixture), -EAGAIN);
	loop_free(loop);
}

static void lets_no_message_wait(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();
	struct loop *loop;

	assert_int_equal(loop_new(&loop, NULL), 0);
	channel_gather(&fixture->channel, loop);
	report_event(&fixture->channel.reporter, &event);
	report_message(&fixture->channel.reporter, LOG_LEVEL_INFO, "%s", "now");
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->events, 1);
	assert_string_equal(fixture->text, "now");
	loop_free(loop);
}

static void sends_a_full_packet_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();
	struct loop *loop;

	assert_int_equal(loop_new(&loop, NULL), 0);
	channel_gather(&fixture->channel, loop);
	for (int i = 0; i < CHANNEL_PACKET_SIZE / 64; i++)
		report_event(&fixture->channel.reporter, &event);
	assert_int_equal(receive(fixture), 0);
	assert_true(fixture->events > 50);
	channel_flush(&fixture->channel);
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->events, CHANNEL_PACKET_SIZE / 64);
	loop_free(loop);
}

static void damage(struct packet *packet, unsigned round)
{
	unsigned count = 1 + (unsigned)random() % 16;

	for (unsigned i = 0; i < count; i++)
		packet->bytes[(size_t)random() % packet->size] = (uint8_t)random();
	if (round % 4 == 0)
		packet->size = (size_t)random() % (packet->size * 2) + 1;
}

static void survives_random_bytes(void **state)
{
	struct fixture *fixture = *state;
	const struct packet good[] = { event_packet(fixture), text_packet(fixture) };

	srandom(20);
	for (unsigned round = 0; round < RANDOM_ROUNDS; round++) {
		struct packet packet = good[round % 2];
		int r;

		if (round % 3 == 0)
			/* What is before is how long it is and what kind. */
			for (size_t i = 4; i < packet.size; i++)
				packet.bytes[i] = (uint8_t)random();
		else
			damage(&packet, round);
		r = receive_packet(fixture, &packet);
		assert_true(r == 0 || r == -EBADMSG);
	}
	assert_true(fixture->events_valid);
	assert_true(fixture->messages_valid);
	assert_true(fixture->events > 0);
	assert_true(fixture->messages > 0);
	assert_int_equal(receive(fixture), -EAGAIN);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* Strangers' descriptors must not pile up in the supervisor. */
static void takes_no_descriptors(void **state)
{
	struct fixture *fixture = *state;
	struct packet packet = event_packet(fixture);
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec part = { .iov_base = packet.bytes, .iov_len = packet.size };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int sent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int next;

	assert_int_not_equal(sent, -1);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &sent, sizeof(int));
	next = fcntl(sent, F_DUPFD_CLOEXEC, 0);
	(void)close(next);
	assert_int_equal(sendmsg(fixture->worker, &message, MSG_NOSIGNAL), packet.size);
	(void)receive(fixture);
	assert_false(is_open(next));
	(void)close(sent);
}

static unsigned fill(struct fixture *fixture)
{
	struct event event = make_event();
	unsigned sent = 0;

	while (sent < FLOOD && fixture->channel.lost == 0) {
		report_event(&fixture->channel.reporter, &event);
		sent++;
	}
	assert_int_equal(fixture->channel.lost, 1);
	return sent - 1;
}

static void counts_what_a_busy_supervisor_does_not_take(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();
	unsigned held = fill(fixture);

	assert_true(held > 100);
	report_event(&fixture->channel.reporter, &event);
	report_message(&fixture->channel.reporter, LOG_LEVEL_ERROR, "%s", "lost, too");
	assert_int_equal(fixture->channel.lost, 3);
	for (unsigned i = 0; i < held; i++)
		assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->events, held);
	assert_int_equal(receive(fixture), -EAGAIN);
	report_event(&fixture->channel.reporter, &event);
	assert_int_equal(fixture->channel.lost, 0);
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->messages, 1);
	assert_int_equal(fixture->level, LOG_LEVEL_WARNING);
	assert_non_null(strstr(fixture->text, "3 reports were lost"));
	assert_int_equal(receive(fixture), 0);
	assert_int_equal(fixture->events, held + 1);
	assert_int_equal(receive(fixture), -EAGAIN);
}

static void tells_of_losses_before_a_message_as_well(void **state)
{
	struct fixture *fixture = *state;
	unsigned held = fill(fixture);

	for (unsigned i = 0; i < held; i++)
		assert_int_equal(receive(fixture), 0);
	report_message(&fixture->channel.reporter, LOG_LEVEL_INFO, "%s", "here again");
	assert_int_equal(receive(fixture), 0);
	assert_non_null(strstr(fixture->text, "1 reports were lost"));
	assert_int_equal(receive(fixture), 0);
	assert_string_equal(fixture->text, "here again");
}

static void outlives_a_supervisor_that_has_gone(void **state)
{
	struct fixture *fixture = *state;
	struct event event = make_event();

	(void)signal(SIGPIPE, SIG_DFL);
	fd_close(&fixture->supervisor);
	report_event(&fixture->channel.reporter, &event);
	report_message(&fixture->channel.reporter, LOG_LEVEL_INFO, "%s", "anybody?");
	assert_int_equal(fixture->channel.lost, 2);
	assert_int_equal(read_order(fixture->worker), -EPIPE);
}

static void carries_the_order_to_drain(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_order(fixture->worker), -EAGAIN);
	assert_int_equal(order_drain(fixture->supervisor), 0);
	assert_int_equal(read_order(fixture->worker), 0);
	assert_int_equal(read_order(fixture->worker), -EAGAIN);
}

static void ignores_orders_it_does_not_know(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(send(fixture->supervisor, "?", 1, MSG_NOSIGNAL), 1);
	assert_int_equal(send(fixture->supervisor, "xyz", 3, MSG_NOSIGNAL), 3);
	assert_int_equal(order_drain(fixture->supervisor), 0);
	assert_int_equal(read_order(fixture->worker), -EAGAIN);
	assert_int_equal(read_order(fixture->worker), -EAGAIN);
	assert_int_equal(read_order(fixture->worker), 0);
}

static void cannot_order_a_worker_that_has_gone(void **state)
{
	struct fixture *fixture = *state;

	(void)signal(SIGPIPE, SIG_DFL);
	fd_close(&fixture->worker);
	assert_true(order_drain(fixture->supervisor) < 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(opens_ends_that_neither_block_nor_leak),
		CASE(carries_an_event_unchanged),
		CASE(carries_events_of_every_kind_and_peer),
		CASE(carries_a_message_with_its_level),
		CASE(cuts_a_message_that_is_too_long),
		CASE(says_so_when_there_is_none),
		CASE(delivers_what_a_worker_sent_before_it_closed),
		CASE(refuses_reports_of_the_wrong_size),
		CASE(takes_an_empty_report_for_nonsense),
		CASE(refuses_values_that_no_report_has),
		CASE(refuses_a_packet_that_goes_wrong_later),
		CASE(sends_what_comes_close_together_in_one_packet),
		CASE(lets_no_message_wait),
		CASE(sends_a_full_packet_at_once),
		CASE(survives_random_bytes),
		CASE(takes_no_descriptors),
		CASE(counts_what_a_busy_supervisor_does_not_take),
		CASE(tells_of_losses_before_a_message_as_well),
		CASE(outlives_a_supervisor_that_has_gone),
		CASE(carries_the_order_to_drain),
		CASE(ignores_orders_it_does_not_know),
		CASE(cannot_order_a_worker_that_has_gone),
	};

	return cmocka_run_group_tests_name("serve/channel", tests, NULL, NULL);
}
