/* SPDX-License-Identifier: ISC */
/* What root opens for somebody it opens with their rights, and stays root. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/exec/open_as.h"

#define SOMEBODY 54321
#define TEAM     54322

static char top[] = "/tmp/usherd-test-XXXXXX";
static char inside[64];

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	(void)snprintf(inside, sizeof(inside), "%s/inside", top);
	return mkdir(inside, 0755);
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(inside) == 0 ? rmdir(top) : -1;
}

static int open_inside(const struct credentials *credentials)
{
	struct error err = { 0 };
	int fd = -1;
	int r = open_as_directory(credentials, inside, &fd, &err);

	assert_true((r == 0) == (fd != -1));
	assert_true((r == 0) == (err.text[0] == '\0'));
	if (fd != -1) {
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		(void)close(fd);
	}
	return r;
}

static void goes_where_the_user_may_go_and_no_further(void **state)
{
	gid_t team[] = { TEAM };
	struct credentials user = { .change = true, .uid = SOMEBODY, .gid = SOMEBODY };
	gid_t before[64], after[64];
	int count = getgroups(64, before);

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(top, 0700), 0);
	assert_int_equal(open_inside(&user), -EACCES);
	assert_int_equal(chmod(top, 0711), 0);
	assert_int_equal(open_inside(&user), 0);
	/* By a supplementary group. */
	assert_int_equal(chown(top, 0, TEAM), 0);
	assert_int_equal(chmod(top, 0710), 0);
	assert_int_equal(open_inside(&user), -EACCES);
	user.groups = team;
	user.group_count = 1;
	assert_int_equal(open_inside(&user), 0);
	assert_int_equal(geteuid(), 0);
	assert_int_equal(getegid(), 0);
	assert_int_equal(getgroups(64, after), count);
	assert_memory_equal(before, after, (size_t)count * sizeof(gid_t));
	/* Capabilities, too: nobody else could do this. */
	assert_int_equal(chmod(top, 0), 0);
	assert_int_equal(access(inside, F_OK), 0);
	assert_int_equal(chmod(top, 0755), 0);
}

static void without_a_change_of_ids_it_just_opens(void **state)
{
	const struct credentials same = { .change = false };
	struct error err = { 0 };
	int fd = -1;

	(void)state;
	assert_int_equal(open_inside(&same), 0);
	assert_int_equal(open_as_directory(&same, "/etc/passwd", &fd, &err), -ENOTDIR);
	assert_string_equal(err.text, "cannot open '/etc/passwd': Not a directory");
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_where_the_user_may_go_and_no_further),
		cmocka_unit_test(without_a_change_of_ids_it_just_opens),
	};

	return cmocka_run_group_tests_name("exec/open_as", tests, setup, teardown);
}
