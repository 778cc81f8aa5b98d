/* SPDX-License-Identifier: ISC */
/*
 * Pipes for splice(2), kept for the next direction that has something to move. Made when
 * needed, a bounded number; who gets none goes on copying.
 *
 * A wide pipe takes at once all that a socket has received: half the processor time for
 * the same bytes. What is stuck in one is memory of the kernel's, and it allows every
 * user only so much (pipe-user-pages-soft, pipe(7)), so there are few of them. Beyond
 * that the kernel makes pipes of two pages, and copying is faster than those.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay.h"
#include "usherd/base/fd.h"

/* Kept open though nobody needs them now. */
#define IDLE_MAX 32

/* How often nobody asks for one after there was none to be had. */
#define REST_TAKES 256

static struct relay_pipe *open_pipe(void)
{
	struct relay_pipe *pipe = malloc(sizeof(*pipe));
	int ends[2];

	if (pipe == NULL)
		return NULL;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1) {
		free(pipe);
		return NULL;
	}
	*pipe = (struct relay_pipe){ .out = ends[0], .in = ends[1] };
	return pipe;
}

static void discard(struct relay_pipes *pipes, struct relay_pipe *pipe)
{
	fd_close(&pipe->out);
	fd_close(&pipe->in);
	pipes->count--;
	pipes->wide_count -= pipe->wide;
	free(pipe);
}

/* It takes, or has been made to take, @bytes. */
static bool resize(const struct relay_pipe *pipe, int bytes)
{
	return fcntl(pipe->in, F_SETPIPE_SZ, bytes) >= bytes;
}

static struct relay_pipe *make(struct relay_pipes *pipes)
{
	struct relay_pipe *pipe = NULL;

	if (pipes->count < RELAYS_PIPES)
		pipe = open_pipe();
	if (pipe == NULL)
		return NULL;
	pipe->wide =
		pipes->wide_count < RELAY_PIPES_WIDE && resize(pipe, RELAY_PIPE_BYTES);
	pipes->count++;
	pipes->wide_count += pipe->wide;
	if (pipe->wide || resize(pipe, RELAY_PIPE_LEAST))
		return pipe;
	discard(pipes, pipe);
	return NULL;
}

static struct relay_pipe *take_idle(struct relay_pipes *pipes)
{
	struct relay_pipe **first = &pipes->idle[pipes->idle[true] != NULL];
	struct relay_pipe *pipe = *first;

	if (pipe == NULL)
		return NULL;
	*first = pipe->next;
	pipes->idle_count--;
	return pipe;
}

struct relay_pipe *relay_pipes_take(struct relay_pipes *pipes)
{
	struct relay_pipe *pipe = take_idle(pipes);

	if (pipe != NULL)
		return pipe;
	if (pipes->rest > 0) {
		pipes->rest--;
		return NULL;
	}
	pipe = make(pipes);
	if (pipe == NULL)
		pipes->rest = REST_TAKES;
	return pipe;
}

void relay_pipes_give(struct relay_pipes *pipes, struct relay_pipe *pipe, bool empty)
{
	if (!empty || pipes->idle_count >= IDLE_MAX) {
		discard(pipes, pipe);
		return;
	}
	pipe->next = pipes->idle[pipe->wide];
	pipes->idle[pipe->wide] = pipe;
	pipes->idle_count++;
}

void relay_pipes_done(struct relay_pipes *pipes)
{
	struct relay_pipe *pipe;

	while ((pipe = take_idle(pipes)) != NULL)
		discard(pipes, pipe);
}
