/* SPDX-License-Identifier: ISC */
/* What a new worker has from its supervisor and is not to keep: signals, descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/serve/watching.h"
#include "usherd/serve/worker.h"

/* The supervisor blocks and handles signals its own way; a worker is simply ended by
 * them, but not by those meant for the foreground process group. */
static void default_signals(void)
{
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int compare_fds(const void *a, const void *b)
{
	const int *left = a;
	const int *right = b;

	return (*left > *right) - (*left < *right);
}

static void close_gap(int first, int last)
{
	if (first <= last && close_range((unsigned)first, (unsigned)last, 0) == -1)
		for (int fd = first; fd <= last && fd < sysconf(_SC_OPEN_MAX); fd++)
			(void)close(fd);
}

/* Close everything from 3 up but the way to the supervisor and the listeners. */
static int close_others(const struct worker_plan *plan, int channel)
{
	size_t count = 2;
	int next = STDERR_FILENO + 1;
	int *kept;

	for (size_t i = 0; i < plan->post_count; i++)
		count += plan->posts[i]->listener_count;
	kept = calloc(count, sizeof(*kept));
	if (kept == NULL)
		return -ENOMEM;
	count = 0;
	kept[count++] = channel;
	if (plan->transfer != -1)
		kept[count++] = plan->transfer;
	for (size_t i = 0; i < plan->post_count; i++)
		for (size_t j = 0; j < plan->posts[i]->listener_count; j++)
			if (listener_is_lent(plan->posts[i]->listeners[j]))
				kept[count++] = plan->posts[i]->listeners[j]->fd;
	qsort(kept, count, sizeof(*kept), compare_fds);
	for (size_t i = 0; i < count; i++) {
		close_gap(next, kept[i] - 1);
		next = kept[i] + 1;
	}
	close_gap(next, INT_MAX);
	free(kept);
	return 0;
}

/* Standard input and output lead nowhere; error stays for a dying libc. */
static int quiet_standard(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1)
		return -errno;
	if (dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1) {
		int r = -errno;

		fd_close(&null);
		return r;
	}
	fd_close(&null);
	return 0;
}

int worker_let_go(const struct worker_plan *plan, int channel)
{
	int r;

	default_signals();
	r = close_others(plan, channel);
	return r == 0 ? quiet_standard() : r;
}
