/* SPDX-License-Identifier: ISC */
/* Whose node is at the path of a UNIX socket: ours, or one that came in its place. */
#include "net_test.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include "usherd/net/listener.h"

struct place {
	char directory[64];
	char path[96];
	char other[96];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory),
		       "/tmp/usherd-node-XXXXXX");
	if (mkdtemp(place->directory) == NULL) {
		free(place);
		return -1;
	}
	(void)snprintf(place->path, sizeof(place->path), "%s/sock", place->directory);
	(void)snprintf(place->other, sizeof(place->other), "%s/other", place->directory);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	(void)unlink(place->path);
	(void)unlink(place->other);
	(void)rmdir(place->directory);
	free(place);
	return 0;
}

/* Called once, after the next connect(2). */
static struct {
	void (*call)(const struct place *place);
	const struct place *place;
} after_connect;

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	void (*call)(const struct place *place) = after_connect.call;
	int rc = (int)syscall(SYS_connect, fd, address, length);
	int code = errno;

	after_connect.call = NULL;
	if (call != NULL)
		call(after_connect.place);
	errno = code;
	return rc;
}

static bool exists(const char *path)
{
	struct stat node;

	return lstat(path, &node) == 0;
}

/* Another program's socket at @path: bound, not listening. */
static int bound_at(int type, const char *path)
{
	struct addr addr = test_addr(path, 0);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd != -1 && bind(fd, &addr.u.any, addr.length) == -1)
		fd_close(&fd);
	return fd;
}

static void removes_its_own_node(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct node_identity node;
	int fd;

	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(listener_identify(fd, &endpoint, &node), 0);
	assert_int_not_equal(node.inode, 0);
	endpoint.mode = 0600;
	assert_int_equal(listener_adjust(fd, &endpoint, NULL), 0);
	fd_close(&fd);
	listener_unlink_node(&endpoint, &node);
	assert_false(exists(place->path));
	listener_unlink_node(&endpoint, &node);
}

static void leaves_the_node_of_a_successor_alone(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct node_identity node;
	struct node_identity later;
	int next;
	int fd;

	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(listener_identify(fd, &endpoint, &node), 0);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(listener_open(&endpoint, &next, NULL), 0);
	listener_unlink_node(&endpoint, &node);
	assert_true(exists(place->path));
	fd_close(&fd);
	assert_int_equal(listener_identify(next, &endpoint, &later), 0);
	listener_unlink_node(&endpoint, &later);
	assert_false(exists(place->path));
	fd_close(&next);
}

static void the_same_inode_born_later_is_another_node(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_DGRAM, place->path, 0);
	struct node_identity node;
	int fd;

	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(listener_identify(fd, &endpoint, &node), 0);
	node.born_ns++;
	listener_unlink_node(&endpoint, &node);
	assert_true(exists(place->path));
	node.born_ns--;
	node.inode++;
	listener_unlink_node(&endpoint, &node);
	assert_true(exists(place->path));
	fd_close(&fd);
}

static void adjusting_touches_no_other_node(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct node_identity node = { .inode = 7 };
	struct error err = { 0 };
	struct stat seen;
	int other;
	int fd;

	SKIP_UNLESS_ROOT();
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(unlink(place->path), 0);
	other = bound_at(SOCK_STREAM, place->path);
	assert_true(other >= 0);
	assert_int_equal(chmod(place->path, 0700), 0);
	endpoint.mode = 0666;
	endpoint.owner = NOBODY;
	assert_int_equal(listener_adjust(fd, &endpoint, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot set owner and mode of"));
	assert_int_equal(listener_identify(fd, &endpoint, &node), -ENOENT);
	assert_int_equal(node.inode, 7);
	assert_int_equal(lstat(place->path, &seen), 0);
	assert_int_equal(seen.st_mode, S_IFSOCK | 0700);
	assert_int_equal(seen.st_uid, 0);
	fd_close(&other);
	fd_close(&fd);
}

static void what_has_no_node_has_no_identity(void **state)
{
	struct endpoint abstract = test_endpoint(TRANSPORT_UNIX_STREAM, "@x", 0);
	struct endpoint tcp = test_endpoint(TRANSPORT_TCP, "127.0.0.1", 7);
	struct endpoint missing = test_endpoint(TRANSPORT_UNIX_STREAM, "/nonexistent", 0);
	struct node_identity node = { .inode = 7 };

	(void)state;
	assert_int_equal(listener_identify(-1, &missing, &node), -ENOENT);
	assert_int_equal(node.inode, 7);
	assert_int_equal(listener_identify(-1, &abstract, &node), 0);
	assert_int_equal(node.inode, 0);
	node.inode = 7;
	assert_int_equal(listener_identify(-1, &tcp, &node), 0);
	assert_int_equal(node.inode, 0);
	listener_unlink_node(&abstract, &node);
	listener_unlink_node(&tcp, &node);
}

static int work_without_rights(void *data)
{
	struct place *place = data;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct node_identity node;
	int next;
	int fd;

	REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(listener_open(&endpoint, &fd, NULL) == 0);
	REQUIRE(listener_identify(fd, &endpoint, &node) == 0 && node.inode != 0);
	endpoint.mode = 0600;
	REQUIRE(listener_adjust(fd, &endpoint, NULL) == 0);
	REQUIRE(unlink(place->path) == 0);
	REQUIRE(listener_open(&endpoint, &next, NULL) == 0);
	listener_unlink_node(&endpoint, &node);
	REQUIRE(exists(place->path));
	REQUIRE(listener_identify(next, &endpoint, &node) == 0);
	listener_unlink_node(&endpoint, &node);
	REQUIRE(!exists(place->path));
	return 0;
}

static void ordinary_users_have_identities_too(void **state)
{
	struct place *place = *state;

	SKIP_UNLESS_ROOT();
	assert_int_equal(chmod(place->directory, 0777), 0);
	assert_int_equal(test_in_child(work_without_rights, place), 0);
}

static void socket_that_does_not_listen_yet_is_not_stale(void **state)
{
	static const enum transport transports[] = { TRANSPORT_UNIX_STREAM,
						     TRANSPORT_UNIX_DGRAM };
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	struct place *place = *state;

	for (size_t i = 0; i < 6; i++) {
		struct endpoint endpoint =
			test_endpoint(transports[i / 3], place->path, 0);
		int other = bound_at(types[i % 3], place->path);
		struct error err = { 0 };
		int fd = -7;

		assert_true(other >= 0);
		assert_int_equal(listener_open(&endpoint, &fd, &err), -EADDRINUSE);
		assert_non_null(strstr(err.text, "another program serves it"));
		assert_true(exists(place->path));
		fd_close(&other);
		assert_int_equal(listener_open(&endpoint, &fd, &err), 0);
		fd_close(&fd);
		assert_int_equal(unlink(place->path), 0);
	}
}

static void come_in_between(const struct place *place)
{
	/* The descriptor stays open: it is live. */
	if (unlink(place->path) == 0)
		(void)bound_at(SOCK_STREAM, place->path);
}

static int open_in_a_race(void *data)
{
	struct place *place = data;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct error err = { 0 };
	int fd = bound_at(SOCK_STREAM, place->path);
	struct addr addr = endpoint.addr;

	REQUIRE(fd >= 0);
	fd_close(&fd);
	after_connect.place = place;
	after_connect.call = come_in_between;
	REQUIRE(listener_open(&endpoint, &fd, &err) == -EADDRINUSE);
	REQUIRE(strstr(err.text, "cannot remove the stale") != NULL);
	REQUIRE(test_client(SOCK_DGRAM, &addr) == -EPROTOTYPE);
	return 0;
}

static void node_that_came_while_probing_stays(void **state)
{
	assert_int_equal(test_in_child(open_in_a_race, *state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(removes_its_own_node, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(leaves_the_node_of_a_successor_alone,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(the_same_inode_born_later_is_another_node,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(adjusting_touches_no_other_node,
						make_place, remove_place),
		cmocka_unit_test(what_has_no_node_has_no_identity),
		cmocka_unit_test_setup_teardown(ordinary_users_have_identities_too,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(
			socket_that_does_not_listen_yet_is_not_stale, make_place,
			remove_place),
		cmocka_unit_test_setup_teardown(node_that_came_while_probing_stays,
						make_place, remove_place),
	};

	return cmocka_run_group_tests_name("net/node", tests, NULL, NULL);
}
