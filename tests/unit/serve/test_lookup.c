/* SPDX-License-Identifier: ISC */
/* When a service is looked up, and what is taken for an answer. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "usherd/base/fd.h"
#include "usherd/serve/lookup.h"
#include "usherd/serve/lookups.h"

/* As the process that looks names up sends it. */
struct packet {
	uint8_t target;
	uint8_t count;
	int32_t code;
	char why[64];
	struct addr addresses[HOST_ADDRESSES_MAX];
};

struct scene {
	int asked; /* our end */
	int fd;
	struct target targets[2]; /* the host db:80, and /run/a */
	struct target_list list;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	int pair[2];

	if (scene == NULL ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	scene->asked = pair[0];
	scene->fd = pair[1];
	scene->list = (struct target_list){ .items = scene->targets, .count = 2 };
	scene->targets[0].text = strdup("db:80");
	scene->targets[0].name = strdup("db");
	scene->targets[0].port = 80;
	scene->targets[1].text = strdup("/run/a");
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	fd_close(&scene->asked);
	fd_close(&scene->fd);
	free(scene->targets[0].text);
	free(scene->targets[0].name);
	free(scene->targets[1].text);
	free(scene);
	return 0;
}

static void answer(const struct scene *scene, const struct packet *packet)
{
	assert_int_equal(send(scene->asked, packet, sizeof(*packet), 0), sizeof(*packet));
}

static struct packet found(const char *address, uint16_t port)
{
	struct packet packet = { .target = 0, .count = 1 };

	assert_int_equal(addr_parse_ip(address, port, &packet.addresses[0], NULL), 0);
	return packet;
}

static void addresses_are_taken(void **state)
{
	struct scene *scene = *state;
	struct packet packet = found("192.0.2.7", 80);
	struct lookup_answers answers;
	char text[ADDR_TEXT_SIZE];

	answer(scene, &packet);
	lookup_read(scene->fd, &scene->list, &answers);
	assert_true(answers.items[0].answered);
	assert_int_equal(answers.items[0].code, 0);
	assert_int_equal(answers.items[0].host.count, 1);
	assert_string_equal(addr_format(&answers.items[0].host.addresses[0], text),
			    "192.0.2.7:80");
	assert_false(answers.items[1].answered);
	assert_int_equal(answers.items[1].directory, -1);
	lookup_answers_done(&answers);
}

static void failure_comes_with_its_reason_made_harmless(void **state)
{
	struct scene *scene = *state;
	struct packet packet = { .code = -ENOENT, .why = "no such\nhost" };
	struct lookup_answers answers;

	answer(scene, &packet);
	lookup_read(scene->fd, &scene->list, &answers);
	assert_true(answers.items[0].answered);
	assert_int_equal(answers.items[0].code, -ENOENT);
	assert_null(strchr(answers.items[0].why, '\n'));
	assert_non_null(strstr(answers.items[0].why, "no such"));
	lookup_answers_done(&answers);
}

static void reason_without_an_end_is_cut(void **state)
{
	struct scene *scene = *state;
	struct packet packet = { .code = -ENOENT };
	struct lookup_answers answers;

	memset(packet.why, 'x', sizeof(packet.why));
	answer(scene, &packet);
	lookup_read(scene->fd, &scene->list, &answers);
	assert_int_equal(strlen(answers.items[0].why), sizeof(packet.why) - 1);
	lookup_answers_done(&answers);
}

static void second_answer_is_passed_over(void **state)
{
	struct scene *scene = *state;
	struct packet first = found("192.0.2.7", 80);
	struct packet second = found("192.0.2.8", 80);
	struct lookup_answers answers;

	answer(scene, &first);
	answer(scene, &second);
	lookup_read(scene->fd, &scene->list, &answers);
	assert_true(addr_equal(&answers.items[0].host.addresses[0], &first.addresses[0]));
	lookup_answers_done(&answers);
}

static void assert_passed_over(const struct scene *scene, const struct packet *packet)
{
	struct lookup_answers answers;

	answer(scene, packet);
	lookup_read(scene->fd, &scene->list, &answers);
	for (size_t i = 0; i < TARGETS_MAX; i++)
		assert_false(answers.items[i].answered);
	lookup_answers_done(&answers);
}

static void answers_to_what_was_not_asked_are_passed_over(void **state)
{
	struct scene *scene = *state;
	struct packet packet = found("192.0.2.7", 80);

	packet.target = 2;
	assert_passed_over(scene, &packet);
	packet.target = 255;
	assert_passed_over(scene, &packet);
	/* A path has no address. */
	packet.target = 1;
	assert_passed_over(scene, &packet);
	/* Another port is another service. */
	packet = found("192.0.2.7", 22);
	assert_passed_over(scene, &packet);
}

static void unsound_addresses_are_passed_over(void **state)
{
	struct scene *scene = *state;
	struct packet packet = found("192.0.2.7", 80);

	packet.count = HOST_ADDRESSES_MAX + 1;
	assert_passed_over(scene, &packet);
	packet = found("192.0.2.7", 80);
	packet.addresses[0].length = sizeof(packet.addresses[0].u) + 1;
	assert_passed_over(scene, &packet);
	packet = found("192.0.2.7", 80);
	assert_int_equal(addr_parse_unix("/run/b", &packet.addresses[0], NULL), 0);
	assert_passed_over(scene, &packet);
	packet = found("192.0.2.7", 80);
	packet.code = 1;
	assert_passed_over(scene, &packet);
}

static void packet_of_another_size_is_passed_over(void **state)
{
	struct scene *scene = *state;
	struct packet packet = found("192.0.2.7", 80);
	struct lookup_answers answers;

	assert_int_equal(send(scene->asked, &packet, sizeof(packet) - 1, 0),
			 sizeof(packet) - 1);
	lookup_read(scene->fd, &scene->list, &answers);
	assert_false(answers.items[0].answered);
	lookup_answers_done(&answers);
}

/* A packet about target @target, with a descriptor. */
static void answer_with_descriptor(const struct scene *scene, uint8_t target, int fd)
{
	struct packet packet = { .target = target };
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = { .align = { .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS,
				 .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec part = { .iov_base = &packet, .iov_len = sizeof(packet) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };

	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	assert_int_equal(sendmsg(scene->asked, &message, 0), sizeof(packet));
}

static void directory_of_a_path_is_taken_and_no_other_descriptor_stays(void **state)
{
	struct scene *scene = *state;
	int next = dup(scene->fd);
	struct lookup_answers answers;
	int after;

	close(next);
	answer_with_descriptor(scene, 1, scene->asked);
	answer_with_descriptor(scene, 1, scene->asked);
	answer_with_descriptor(scene, 99, scene->asked);
	lookup_read(scene->fd, &scene->list, &answers);
	assert_true(answers.items[1].answered);
	assert_int_equal(fcntl(answers.items[1].directory, F_GETFD), FD_CLOEXEC);
	lookup_answers_done(&answers);
	after = dup(scene->fd);
	assert_int_equal(after, next);
	close(after);
}

#define NOW (LOOKUPS_IN_USE_NS * 10)

static void names_in_use_are_asked_every_minute(void **state)
{
	struct lookups_state last = { .asked_ns = NOW, .admitted = 5 };
	struct lookups_case now = { .names = true, .active = 1, .admitted = 5 };

	(void)state;
	assert_false(lookups_is_due(&last, &now, NOW + LOOKUPS_IN_USE_NS - 1));
	assert_true(lookups_is_due(&last, &now, NOW + LOOKUPS_IN_USE_NS));
	/* Nobody there now, but somebody was. */
	now.active = 0;
	assert_false(lookups_is_due(&last, &now, NOW + LOOKUPS_IN_USE_NS));
	now.admitted = 6;
	assert_true(lookups_is_due(&last, &now, NOW + LOOKUPS_IN_USE_NS));
	/* Addresses and paths do not change by themselves. */
	now.names = false;
	assert_false(lookups_is_due(&last, &now, NOW + LOOKUPS_IN_USE_NS));
}

static void what_fails_is_asked_again_soon(void **state)
{
	struct lookups_state last = { .asked_ns = NOW, .unreached = 2 };
	struct lookups_case now = { .names = true, .unreached = 2 };

	(void)state;
	assert_false(lookups_is_due(&last, &now, NOW + LOOKUPS_FAILING_NS));
	now.unreached = 3;
	assert_true(lookups_is_due(&last, &now, NOW + LOOKUPS_FAILING_NS));
	assert_false(lookups_is_due(&last, &now, NOW + LOOKUPS_FAILING_NS - 1));
	now = (struct lookups_case){ .names = true, .unknown = true, .unreached = 2 };
	assert_true(lookups_is_due(&last, &now, NOW + LOOKUPS_FAILING_NS));
}

static void nothing_is_asked_twice_at_once(void **state)
{
	struct lookups_state last = { .running = true, .wanted = true };
	struct lookups_case now = { .names = true, .unknown = true, .active = 1 };

	(void)state;
	assert_false(lookups_is_due(&last, &now, NOW));
	last.running = false;
	assert_true(lookups_is_due(&last, &now, NOW));
}

static void reload_asks_for_names_only(void **state)
{
	struct lookups_state last = { .asked_ns = NOW, .wanted = true };
	struct lookups_case now = { .names = true };

	(void)state;
	assert_true(lookups_is_due(&last, &now, NOW));
	now.names = false;
	assert_false(lookups_is_due(&last, &now, NOW + LOOKUPS_IN_USE_NS));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(addresses_are_taken),
		CASE(failure_comes_with_its_reason_made_harmless),
		CASE(reason_without_an_end_is_cut),
		CASE(second_answer_is_passed_over),
		CASE(answers_to_what_was_not_asked_are_passed_over),
		CASE(unsound_addresses_are_passed_over),
		CASE(packet_of_another_size_is_passed_over),
		CASE(directory_of_a_path_is_taken_and_no_other_descriptor_stays),
		cmocka_unit_test(names_in_use_are_asked_every_minute),
		cmocka_unit_test(what_fails_is_asked_again_soon),
		cmocka_unit_test(nothing_is_asked_twice_at_once),
		cmocka_unit_test(reload_asks_for_names_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
