/* SPDX-License-Identifier: ISC */
/* The first and the last thing that helpers do. */
#include "usherd/serve/helper.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

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

void helper_end(int status)
{
#ifdef USHERD_COVERAGE
	extern void __gcov_dump(void);

	__gcov_dump();
#endif
	_exit(status);
}
