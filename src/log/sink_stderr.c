/* SPDX-License-Identifier: ISC */
/*
 * Lines to standard error. The descriptor is inherited and shared with whoever started
 * us, so its flags are not ours to change: it is asked first whether it takes bytes.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log_internal.h"

/* poll(2) says "writable" of a pipe that takes PIPE_BUF bytes: so much cannot block. */
static int ask(void)
{
	struct pollfd entry = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&entry, 1, 0) == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	if (entry.revents & POLLNVAL)
		return -EBADF;
	/* A pipe nobody reads (writing would raise SIGPIPE), a terminal hung up. */
	if (entry.revents & (POLLERR | POLLHUP))
		return -EPIPE;
	return entry.revents & POLLOUT ? 0 : -EAGAIN;
}

ssize_t log_stderr_write(const char *bytes, size_t length)
{
	ssize_t written;
	int result;

	/* A socket (what systemd gives) needs no asking, and takes a whole line. */
	written = send(STDERR_FILENO, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (written != -1)
		return written;
	if (errno != ENOTSOCK)
		return errno == EINTR ? -EAGAIN : -errno;
	result = ask();
	if (result < 0)
		return result;
	written = write(STDERR_FILENO, bytes, length < PIPE_BUF ? length : PIPE_BUF);
	if (written == -1)
		return errno == EINTR ? -EAGAIN : -errno;
	return written;
}

static int stderr_open(struct log_sink *sink, const struct log_target *target,
		       struct error *err)
{
	(void)target;
	(void)err;
	sink->fd = STDERR_FILENO;
	return 0;
}

static void stderr_close(struct log_sink *sink)
{
	sink->fd = -1;
}

static void stderr_frame(struct log_sink *sink, const struct log_record *record,
			 struct text *line)
{
	(void)sink;
	if (!record->is_event) {
		text_add(line, log_level_word(record->level));
		text_add(line, ": ");
	}
	text_add_bytes(line, record->text, record->length);
	text_add(line, "\n");
}

static ssize_t stderr_write(struct log_sink *sink, const char *bytes, size_t length)
{
	(void)sink;
	return log_stderr_write(bytes, length);
}

/* A reader that is gone does not come back, and a full disk behind a redirection is not
 * worth waking for each second. */
static bool stderr_may_recover(int code)
{
	return code == -EAGAIN;
}

const struct log_sink_ops log_sink_stderr = {
	.open = stderr_open,
	.close = stderr_close,
	.frame = stderr_frame,
	.write = stderr_write,
	.may_recover = stderr_may_recover,
	.is_stream = true,
};
