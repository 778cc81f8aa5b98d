/* SPDX-License-Identifier: ISC */
/*
 * Signals as readiness of one descriptor: blocked for the process and read from a
 * signalfd(2), so nothing ever runs in a signal handler.
 */
#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loop_internal.h"
#include "usherd/base/fd.h"

/* Read in one turn; what is left keeps the descriptor readable for the next. */
#define SIGNALS_BATCH 16

int signals_open(struct signals *signals, const sigset_t *set, struct error *err)
{
	int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd == -1)
		return error_set_errno(err, -errno, "cannot open a signal descriptor");
	if (sigprocmask(SIG_BLOCK, set, NULL) == -1) {
		int code = -errno;

		fd_close(&fd);
		return error_set_errno(err, code, "cannot block signals");
	}
	signals->fd = fd;
	return 0;
}

void signals_deliver(struct signals *signals)
{
	struct signalfd_siginfo pending[SIGNALS_BATCH];
	ssize_t length = read(signals->fd, pending, sizeof(pending));

	/* EAGAIN, EINTR: nothing lost, poll(2) will say so again. */
	if (length == -1)
		return;
	for (size_t i = 0; i < (size_t)length / sizeof(pending[0]); i++)
		signals->arrived((int)pending[i].ssi_signo, signals->data);
}
