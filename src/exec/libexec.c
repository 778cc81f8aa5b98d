/* SPDX-License-Identifier: ISC */
/* Finding our own programs. Whoever can write beside usherd could as well replace it. */
#include "usherd/exec/libexec.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* With the slash at its end; empty if it cannot be told. */
static void own_directory(char buffer[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", buffer, PATH_MAX - 1);
	char *slash;

	buffer[length > 0 ? length : 0] = '\0';
	slash = strrchr(buffer, '/');
	if (slash != NULL)
		slash[1] = '\0';
}

static int try(const char *directory, const char *name, char *buffer, size_t size)
{
	if ((size_t)snprintf(buffer, size, "%s%s", directory, name) >= size)
		return -ENAMETOOLONG;
	return access(buffer, X_OK) == -1 ? -errno : 0;
}

int libexec_find(const char *name, char *buffer, size_t size, struct error *err)
{
	char directory[PATH_MAX];
	int r;

	own_directory(directory);
	if (directory[0] != '\0' && try(directory, name, buffer, size) == 0)
		return 0;
	r = try(USHERD_LIBEXECDIR "/", name, buffer, size);
	return r < 0 ? error_set_errno(err, r, "cannot execute '%s'", buffer) : 0;
}
