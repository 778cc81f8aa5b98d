/* SPDX-License-Identifier: ISC */
/* One writer; readers that cannot become one. */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/shared.h"

#define SIZE 5000

static struct shared make(void)
{
	struct shared shared;

	assert_int_equal(shared_make("test", SIZE, &shared), 0);
	return shared;
}

static void begins_empty_and_shows_what_is_written(void **state)
{
	struct shared writer = make();
	struct shared reader;

	(void)state;
	assert_int_equal(((char *)writer.memory)[SIZE - 1], 0);
	assert_int_equal(shared_map(writer.fd, SIZE, &reader), 0);
	assert_int_equal(reader.fd, -1);
	(void)memcpy(writer.memory, "hello", 6);
	assert_string_equal((char *)reader.memory, "hello");
	shared_done(&reader);
	shared_done(&writer);
	shared_done(&writer);
	assert_null(writer.memory);
	assert_int_equal(writer.fd, -1);
}

static void can_neither_be_written_nor_resized_by_who_has_the_descriptor(void **state)
{
	struct shared shared = make();

	(void)state;
	assert_ptr_equal(
		mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, shared.fd, 0),
		MAP_FAILED);
	assert_int_equal(write(shared.fd, "x", 1), -1);
	assert_int_equal(ftruncate(shared.fd, 0), -1);
	shared_done(&shared);
}

static void refuses_memory_that_is_too_small(void **state)
{
	struct shared shared = make();
	struct shared other;

	(void)state;
	assert_int_equal(shared_map(shared.fd, SIZE + 1, &other), -EBADMSG);
	assert_int_equal(shared_map(-1, SIZE, &other), -EBADF);
	shared_done(&shared);
}

static void a_child_that_gives_up_writing_can_only_read(void **state)
{
	struct shared shared = make();
	int status;
	pid_t pid;

	(void)state;
	(void)memcpy(shared.memory, "one", 4);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (shared_give_up_writing(&shared) != 0 || shared.fd != -1 ||
		    strcmp(shared.memory, "one") != 0 ||
		    mprotect(shared.memory, SIZE, PROT_READ | PROT_WRITE) == 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)memcpy(shared.memory, "two", 4);
	shared_done(&shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_empty_and_shows_what_is_written),
		cmocka_unit_test(
			can_neither_be_written_nor_resized_by_who_has_the_descriptor),
		cmocka_unit_test(refuses_memory_that_is_too_small),
		cmocka_unit_test(a_child_that_gives_up_writing_can_only_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
