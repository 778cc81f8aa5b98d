/* SPDX-License-Identifier: ISC */
/* What every unit suite includes: cmocka with the headers it needs first. */
#ifndef USHERD_TEST_H
#define USHERD_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <unistd.h>

/* For a forked child, which has nobody to tell: a failure shows at the other end. */
static inline void child_write(int fd, const void *bytes, size_t size)
{
	if (write(fd, bytes, size) == -1)
		return;
}

static inline void child_read(int fd, void *bytes, size_t size)
{
	if (read(fd, bytes, size) == -1)
		return;
}

#endif
