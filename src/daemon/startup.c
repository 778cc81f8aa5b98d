/* SPDX-License-Identifier: ISC */
/* What has to happen around the daemon's birth and knows nothing of services. */
#include "usherd/daemon/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/units.h"

#define LISTEN_FDS_START 3
#define LISTEN_FDS_MAX   65536

static size_t listen_fds_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	uint64_t number = 0;
	uint64_t count = 0;

	if (pid == NULL || fds == NULL)
		return 0;
	if (units_parse_unsigned(pid, 1, INT32_MAX, &number, NULL) < 0 ||
	    number != (uint64_t)getpid())
		return 0;
	(void)units_parse_unsigned(fds, 0, LISTEN_FDS_MAX, &count, NULL);
	return (size_t)count;
}

static int collect(struct inherited *inherited, size_t count)
{
	inherited->fds = calloc(count + 1, sizeof(*inherited->fds));
	if (inherited->fds == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct stat status;
		int fd = LISTEN_FDS_START + (int)i;

		/* A promised descriptor may be missing; what is no socket is not for us.
		 */
		if (fstat(fd, &status) == -1 || !S_ISSOCK(status.st_mode))
			continue;
		inherited->fds[inherited->count++] = fd;
		(void)fd_set_nonblock(fd, true);
	}
	return 0;
}

int startup_descriptors(struct inherited *ret, struct error *err)
{
	int r = fd_fill_standard();

	memset(ret, 0, sizeof(*ret));
	if (r < 0)
		return error_set_errno(err, r, "cannot open /dev/null");
	r = collect(ret, listen_fds_count());
	if (r < 0)
		return error_set(err, r, "out of memory");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	r = fd_cloexec_from(STDERR_FILENO + 1);
	return r < 0 ? error_set_errno(err, r, "cannot set close-on-exec") : 0;
}

void inherited_done(struct inherited *inherited)
{
	for (size_t i = 0; i < inherited->count; i++)
		fd_close(&inherited->fds[i]);
	free(inherited->fds);
	inherited->fds = NULL;
	inherited->count = 0;
}

/* Is @variable, NAME=VALUE, one of those that are personal? */
static bool is_personal(const char *variable)
{
	static const char *const beginnings[] = {
		"DISPLAY=", "EDITOR=",  "GROUP=", "HOME=", "IFS=",   "LD_",
		"LOGNAME=", "MAIL=",    "PATH=",  "PWD=",  "SHELL=", "SHLVL=",
		"SSH",      "PRINTER=", "TERM",   "TMP",   "USER=",  "VISUAL=",
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	return false;
}

void startup_launder(void)
{
	char **to = environ;

	for (char **from = environ; from != NULL && *from != NULL; from++)
		if (!is_personal(*from))
			*to++ = *from;
	if (to != NULL)
		*to = NULL;
}

/* The parent's wait: one byte means ready, end of file that the child has failed. */
static _Noreturn void await_child(pid_t child, int fd)
{
	char byte;
	ssize_t got;
	int status;

	do
		got = read(fd, &byte, 1);
	while (got == -1 && errno == EINTR);
	if (got == 1)
		_exit(EX_OK);
	while (waitpid(child, &status, 0) == -1 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE);
}

int startup_background(int *ret_ready_fd, struct error *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return error_set_errno(err, -errno, "cannot make a pipe");
	pid = fork();
	if (pid == -1) {
		int r = -errno;

		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return error_set_errno(err, r, "cannot fork");
	}
	if (pid > 0) {
		fd_close(&ends[1]);
		await_child(pid, ends[0]);
	}
	fd_close(&ends[0]);
	(void)setsid();
	*ret_ready_fd = ends[1];
	return 0;
}

void startup_ready(int *ready_fd)
{
	int null;

	if (*ready_fd == -1)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null != -1) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		fd_close(&null);
	}
	if (write(*ready_fd, "R", 1) == -1) {
		/* Nobody waits any more: nobody to tell. */
	}
	fd_close(ready_fd);
}
