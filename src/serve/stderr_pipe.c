/* SPDX-License-Identifier: ISC */
/* Reading what programs complain about. The lines are limited like any other line that
 * somebody else can cause at will. */
#include "usherd/serve/stderr_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/serve/record.h"

struct stderr_pipe {
	struct post *post; /* borrowed: the post owns the pipe */
	struct watch watch;
	int write_fd; /* owned */
	char line[STDERR_LINE_SIZE];
	size_t length;
	struct line_budget budget;
};

static void write_line(struct stderr_pipe *pipe)
{
	char buffer[STDERR_LINE_SIZE * 4 + 1];
	struct text text;

	if (pipe->length > 0 && record_may_log(pipe->post, &pipe->budget, "lines")) {
		text_init(&text, buffer, sizeof(buffer));
		text_add_escaped(&text, pipe->line, pipe->length);
		report_message(pipe->post->engine->reporter, LOG_LEVEL_NOTICE,
			       "service '%s': %s", pipe->post->service->id, buffer);
	}
	pipe->length = 0;
}

static void take_bytes(struct stderr_pipe *pipe, const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n' || pipe->length == sizeof(pipe->line))
			write_line(pipe);
		if (bytes[i] != '\n')
			pipe->line[pipe->length++] = bytes[i];
	}
}

static bool read_some(struct stderr_pipe *pipe)
{
	char bytes[4096];
	ssize_t count = read(pipe->watch.fd, bytes, sizeof(bytes));

	if (count > 0)
		take_bytes(pipe, bytes, (size_t)count);
	return count > 0;
}

static void pipe_ready(struct watch *watch, short revents)
{
	(void)revents;
	(void)read_some(watch->data);
}

int stderr_pipe_new(struct post *post, struct stderr_pipe **ret, struct error *err)
{
	struct stderr_pipe *pipe = calloc(1, sizeof(*pipe));
	int ends[2];
	int r;

	if (pipe == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	if (pipe2(ends, O_CLOEXEC) == -1) {
		r = -errno;
		free(pipe);
		return error_set_errno(err, r, "cannot make a pipe for stderr");
	}
	pipe->post = post;
	pipe->write_fd = ends[1];
	pipe->watch.fd = ends[0];
	pipe->watch.events = POLLIN;
	pipe->watch.ready = pipe_ready;
	pipe->watch.data = pipe;
	/* Only our end: the programs' end stays blocking. */
	r = fd_set_nonblock(ends[0], true);
	if (r == 0)
		r = loop_add(post->engine->loop, &pipe->watch);
	if (r < 0) {
		stderr_pipe_free(pipe);
		return error_set_errno(err, r, "cannot watch the pipe for stderr");
	}
	*ret = pipe;
	return 0;
}

void stderr_pipe_free(struct stderr_pipe *pipe)
{
	if (pipe == NULL)
		return;
	/* Last words; bounded by what a pipe holds (64 KiB, pipe(7)). */
	for (int i = 0; i < 16 && read_some(pipe); i++)
		;
	write_line(pipe);
	loop_remove(&pipe->watch);
	fd_close(&pipe->watch.fd);
	fd_close(&pipe->write_fd);
	free(pipe);
}

struct stderr_pipe *stderr_pipe_move(struct stderr_pipe *pipe, struct post *post)
{
	if (pipe != NULL)
		pipe->post = post;
	return pipe;
}

int stderr_pipe_fd(const struct stderr_pipe *pipe)
{
	return pipe != NULL ? pipe->write_fd : -1;
}
