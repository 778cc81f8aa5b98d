/* SPDX-License-Identifier: ISC */
/* The first and the last thing that helpers do. */
#include "usherd/serve/helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/exec/confine.h"

/* The supervisor's signals are blocked, and it ignores some. */
static void default_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void helper_settle(const int *fds, size_t count, unsigned seconds)
{
	int kept[HELPER_FDS_MAX];

	assert(count <= HELPER_FDS_MAX);
	default_signals();
	(void)alarm(seconds);
	/* Out of the way first: one may stand where another is to be. */
	for (size_t i = 0; i < count; i++) {
		kept[i] = fcntl(fds[i], F_DUPFD, HELPER_FD + HELPER_FDS_MAX);
		if (kept[i] == -1)
			_exit(EX_OSERR);
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(kept[i], HELPER_FD + (int)i) == -1)
			_exit(EX_OSERR);
	if (close_range(HELPER_FD + (unsigned)count, ~0U, 0) == -1 && errno != ENOSYS)
		_exit(EX_OSERR);
}

void helper_confine(const struct credentials *credentials, bool root)
{
	const struct confinement confinement = {
		.credentials = credentials,
		.root = root,
		.resolves = true,
#ifdef USHERD_COVERAGE
		.instrumented = true,
#endif
	};

	if (confine_worker(&confinement, NULL) < 0)
		_exit(EX_NOPERM);
}

int helper_fork(helper_run *run, const void *plan, int *ret_fd, pid_t *ret_pid)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return -errno;
	pid = fork();
	if (pid == 0) {
		run(plan, ends[1]);
		helper_end(EX_OK);
	}
	fd_close(&ends[1]);
	if (pid == -1) {
		int r = -errno;

		fd_close(&ends[0]);
		return r;
	}
	*ret_fd = ends[0];
	*ret_pid = pid;
	return 0;
}

void helper_end(int status)
{
#ifdef USHERD_COVERAGE
	extern void __gcov_dump(void);

	__gcov_dump();
#endif
	_exit(status);
}
