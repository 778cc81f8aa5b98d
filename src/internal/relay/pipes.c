/* SPDX-License-Identifier: ISC */
/*
 * Pipes for splice(2), kept for the next direction that has something to move. Made when
 * needed, a bounded number; who gets none goes on copying.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay.h"
#include "usherd/base/fd.h"

/* Kept open though nobody needs them now. */
#define IDLE_MAX 32

static struct relay_pipe *make(void)
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
	free(pipe);
	pipes->count--;
}

struct relay_pipe *relay_pipes_take(struct relay_pipes *pipes)
{
	struct relay_pipe *pipe = pipes->idle;

	if (pipe != NULL) {
		pipes->idle = pipe->next;
		pipes->idle_count--;
		return pipe;
	}
	if (pipes->count >= RELAYS_PIPES)
		return NULL;
	pipe = make();
	if (pipe != NULL)
		pipes->count++;
	return pipe;
}

void relay_pipes_give(struct relay_pipes *pipes, struct relay_pipe *pipe, bool empty)
{
	if (!empty || pipes->idle_count >= IDLE_MAX) {
		discard(pipes, pipe);
		return;
	}
	pipe->next = pipes->idle;
	pipes->idle = pipe;
	pipes->idle_count++;
}

void relay_pipes_done(struct relay_pipes *pipes)
{
	struct relay_pipe *pipe;

	while ((pipe = pipes->idle) != NULL) {
		pipes->idle = pipe->next;
		discard(pipes, pipe);
	}
	pipes->idle_count = 0;
}
