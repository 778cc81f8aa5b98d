/* SPDX-License-Identifier: ISC */
/* The nodes of UNIX sockets: made safely, replaced when stale, never otherwise. */
#include "net_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "usherd/net/listener.h"

struct place {
	char directory[64];
	char path[96];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return -1;
	(void)snprintf(place->directory, sizeof(place->directory),
		       "/tmp/usherd-unix-XXXXXX");
	if (mkdtemp(place->directory) == NULL) {
		free(place);
		return -1;
	}
	(void)snprintf(place->path, sizeof(place->path), "%s/sock", place->directory);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	(void)unlink(place->path);
	(void)rmdir(place->directory);
	free(place);
	return 0;
}

static mode_t mode_of(const char *path)
{
	struct stat node;

	return lstat(path, &node) == 0 ? node.st_mode : 0;
}

/* The mode that the last chmod(2) has found. */
static mode_t mode_before;

int chmod(const char *path, mode_t mode)
{
	struct stat node;

	mode_before = stat(path, &node) == 0 ? node.st_mode : 0;
	return (int)syscall(SYS_fchmodat, AT_FDCWD, path, mode);
}

static const enum transport both[] = { TRANSPORT_UNIX_STREAM, TRANSPORT_UNIX_DGRAM };

static int type_of(enum transport transport)
{
	return transport == TRANSPORT_UNIX_STREAM ? SOCK_STREAM : SOCK_DGRAM;
}

static void makes_a_node_of_the_mode_asked_for(void **state)
{
	struct place *place = *state;

	for (size_t i = 0; i < 2; i++) {
		struct endpoint endpoint = test_endpoint(both[i], place->path, 0);
		mode_t old = umask(022);
		int client;
		int fd;

		endpoint.mode = 0620;
		assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
		assert_int_equal(umask(old), 022);
		assert_int_equal(mode_of(place->path), S_IFSOCK | 0620);
		assert_int_equal(mode_before, S_IFSOCK);
		assert_true(listener_matches(fd, &endpoint));
		client = test_client(type_of(both[i]), &endpoint.addr);
		assert_true(client >= 0);
		fd_close(&client);
		fd_close(&fd);
		listener_unlink(&endpoint);
		assert_int_equal(mode_of(place->path), 0);
	}
}

static void gives_the_node_its_owner(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_DGRAM, place->path, 0);
	struct stat node;
	int fd;

	SKIP_UNLESS_ROOT();
	endpoint.owner = NOBODY;
	endpoint.group = 12;
	endpoint.mode = 0660;
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(lstat(place->path, &node), 0);
	assert_int_equal(node.st_uid, NOBODY);
	assert_int_equal(node.st_gid, 12);
	assert_int_equal(node.st_mode, S_IFSOCK | 0660);
	endpoint.group = 13;
	endpoint.owner = (uid_t)-1;
	endpoint.mode = 0606;
	assert_int_equal(listener_adjust(fd, &endpoint, NULL), 0);
	assert_int_equal(lstat(place->path, &node), 0);
	assert_int_equal(node.st_uid, NOBODY);
	assert_int_equal(node.st_gid, 13);
	assert_int_equal(node.st_mode, S_IFSOCK | 0606);
	fd_close(&fd);
}

static void replaces_a_stale_node(void **state)
{
	struct place *place = *state;

	for (size_t i = 0; i < 4; i++) {
		/* Of either type, left by either type. */
		struct endpoint left = test_endpoint(both[i % 2], place->path, 0);
		struct endpoint endpoint = test_endpoint(both[i / 2], place->path, 0);
		int client;
		int fd;

		assert_int_equal(listener_open(&left, &fd, NULL), 0);
		fd_close(&fd);
		assert_int_equal(mode_of(place->path) & S_IFMT, S_IFSOCK);
		assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
		client = test_client(type_of(both[i / 2]), &endpoint.addr);
		assert_true(client >= 0);
		fd_close(&client);
		fd_close(&fd);
	}
}

static void leaves_a_live_node_alone(void **state)
{
	struct place *place = *state;

	for (size_t i = 0; i < 4; i++) {
		struct endpoint live = test_endpoint(both[i % 2], place->path, 0);
		struct endpoint endpoint = test_endpoint(both[i / 2], place->path, 0);
		struct error err = { 0 };
		int other = -7;
		int client;
		int fd;

		assert_int_equal(listener_open(&live, &fd, NULL), 0);
		assert_int_equal(listener_open(&endpoint, &other, &err), -EADDRINUSE);
		assert_non_null(strstr(err.text, "another program serves it"));
		assert_non_null(strstr(err.text, place->path));
		assert_int_equal(other, -7);
		client = test_client(type_of(both[i % 2]), &live.addr);
		assert_true(client >= 0);
		fd_close(&client);
		fd_close(&fd);
	}
}

static void leaves_a_live_node_with_a_full_queue_alone(void **state)
{
	struct place *place = *state;
	struct endpoint live = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct endpoint endpoint = live;
	int clients[3];
	int other;
	int fd;

	live.backlog = 1;
	assert_int_equal(listener_open(&live, &fd, NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], &live.addr.u.any, live.addr.length);
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(listener_open(&endpoint, &other, NULL), -EADDRINUSE);
	for (size_t i = 0; i < 3; i++)
		fd_close(&clients[i]);
	fd_close(&fd);
}

static void never_removes_what_is_no_socket(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct error err = { 0 };
	int fd = open(place->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int other = -7;

	fd_close(&fd);
	assert_int_equal(listener_open(&endpoint, &other, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "a file that is no socket is there"));
	assert_int_equal(mode_of(place->path), S_IFREG | 0600);
	listener_unlink(&endpoint);
	assert_int_equal(mode_of(place->path), S_IFREG | 0600);
	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(symlink("nowhere", place->path), 0);
	assert_int_equal(listener_open(&endpoint, &other, &err), -EADDRINUSE);
	assert_true(S_ISLNK(mode_of(place->path)));
	assert_int_equal(listener_adjust(-1, &endpoint, &err), -ENOTSOCK);
	assert_true(S_ISLNK(mode_of(place->path)));
}

static void missing_directory_is_transient(void **state)
{
	struct endpoint endpoint =
		test_endpoint(TRANSPORT_UNIX_STREAM, "/nonexistent/x/sock", 0);
	struct error err = { 0 };
	int fd;
	int rc = listener_open(&endpoint, &fd, &err);

	(void)state;
	assert_int_equal(rc, -ENOENT);
	assert_true(listener_error_is_transient(rc));
	assert_string_equal(err.text, "cannot bind 'unix /nonexistent/x/sock': "
				      "No such file or directory");
	assert_int_equal(listener_adjust(-1, &endpoint, &err), -ENOENT);
}

static void serves_the_abstract_namespace(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@usherd-test-%d", (int)getpid());
	for (size_t i = 0; i < 2; i++) {
		struct endpoint endpoint = test_endpoint(both[i], name, 0);
		struct error err = { 0 };
		int other;
		int fd;

		assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
		assert_true(listener_matches(fd, &endpoint));
		assert_int_equal(listener_adjust(fd, &endpoint, NULL), 0);
		assert_int_equal(listener_open(&endpoint, &other, &err), -EADDRINUSE);
		assert_non_null(strstr(err.text, name));
		listener_unlink(&endpoint);
		fd_close(&fd);
	}
}

static void longest_path_works(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint;
	char path[108];
	size_t length;
	int fd;

	length = (size_t)snprintf(path, sizeof(path), "%s/", place->directory);
	memset(path + length, 'a', sizeof(path) - 1 - length);
	path[sizeof(path) - 1] = '\0';
	endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, path, 0);
	assert_int_equal(endpoint.addr.u.any.sa_family, AF_UNIX);
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_true(listener_matches(fd, &endpoint));
	fd_close(&fd);
	listener_unlink(&endpoint);
	assert_int_equal(mode_of(path), 0);
}

static int open_without_rights(void *data)
{
	struct place *place = data;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	struct error err = { 0 };
	int fd;

	REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(listener_open(&endpoint, &fd, &err) == -EACCES);
	REQUIRE(strstr(err.text, "cannot tell whether it is in use") != NULL);
	return 0;
}

static void node_that_cannot_be_probed_stays(void **state)
{
	struct place *place = *state;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_STREAM, place->path, 0);
	int fd;

	SKIP_UNLESS_ROOT();
	endpoint.mode = 0600;
	assert_int_equal(chmod(place->directory, 0777), 0);
	assert_int_equal(listener_open(&endpoint, &fd, NULL), 0);
	assert_int_equal(test_in_child(open_without_rights, place), 0);
	assert_int_equal(mode_of(place->path), S_IFSOCK | 0600);
	fd_close(&fd);
}

static int open_for_another_owner(void *data)
{
	struct place *place = data;
	struct endpoint endpoint = test_endpoint(TRANSPORT_UNIX_DGRAM, place->path, 0);
	struct error err = { 0 };
	int fd;

	REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	endpoint.owner = 0;
	REQUIRE(listener_open(&endpoint, &fd, &err) == -EPERM);
	REQUIRE(strstr(err.text, "cannot set owner and mode of") != NULL);
	REQUIRE(mode_of(place->path) == 0);
	endpoint.owner = NOBODY;
	REQUIRE(listener_open(&endpoint, &fd, &err) == 0);
	return 0;
}

static void half_made_node_is_removed_again(void **state)
{
	struct place *place = *state;

	SKIP_UNLESS_ROOT();
	assert_int_equal(chmod(place->directory, 0777), 0);
	assert_int_equal(test_in_child(open_for_another_owner, place), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_a_node_of_the_mode_asked_for,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(gives_the_node_its_owner, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(replaces_a_stale_node, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(leaves_a_live_node_alone, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(
			leaves_a_live_node_with_a_full_queue_alone, make_place,
			remove_place),
		cmocka_unit_test_setup_teardown(never_removes_what_is_no_socket,
						make_place, remove_place),
		cmocka_unit_test(missing_directory_is_transient),
		cmocka_unit_test(serves_the_abstract_namespace),
		cmocka_unit_test_setup_teardown(longest_path_works, make_place,
						remove_place),
		cmocka_unit_test_setup_teardown(node_that_cannot_be_probed_stays,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(half_made_node_is_removed_again,
						make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
