/* SPDX-License-Identifier: ISC */
/*
 * The bytes of one direction: read here, written there, and held in between only while
 * the other side does not take them. Nothing is read while anything is held, so a
 * direction holds at most one buffer or one pipe full.
 *
 * Copying comes first, because most connections are short and a pipe is two more calls
 * for the same bytes. A direction that goes on filling the buffer is spliced. Urgent data
 * stays in its place in the stream: SO_OOBINLINE is set by who opens the sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "relay.h"

/* What a step says to its turn beyond a number of bytes. */
#define STEP_END     0
#define STEP_NOTHING (-EAGAIN)

struct turn {
	struct pump *pump;
	struct relays *relays;
	int from;
	int to;
	bool hung_up;
	bool filled; /* the last read filled the buffer */
	size_t read;
	size_t written;
};

static ssize_t result_of(ssize_t count)
{
	if (count != -1)
		return count;
	return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

/*
 * Before the second thing that is said: the first is never held back (RFC 896), and many
 * connections say no more than one.
 */
static void speak(struct pump *pump, int to)
{
	int yes = 1;

	if (pump->prompt)
		return;
	if (pump->spoken) {
		(void)setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		pump->prompt = true;
	}
	pump->spoken = true;
}

static ssize_t transmit(struct turn *turn, const uint8_t *data, size_t size, int flags)
{
	ssize_t count;

	speak(turn->pump, turn->to);
	count = result_of(
		send(turn->to, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | flags));
	if (count > 0)
		turn->written += (size_t)count;
	return count == -EAGAIN ? 0 : count;
}

static int keep(struct pump *pump, const uint8_t *data, size_t size)
{
	pump->pending = malloc(size);
	if (pump->pending == NULL)
		return -ENOMEM;
	memcpy(pump->pending, data, size);
	pump->pending_start = 0;
	pump->pending_end = (uint32_t)size;
	return 0;
}

static void read_some(struct turn *turn, size_t count)
{
	turn->read += count;
	turn->pump->bytes += count;
}

/*
 * One buffer full. Bytes read, STEP_END, STEP_NOTHING, or another negative errno of the
 * source; one of the destination is left to the next flush, for which the bytes are kept.
 */
static ssize_t step_copy(struct turn *turn)
{
	uint8_t *scratch = turn->relays->scratch;
	ssize_t count =
		result_of(recv(turn->from, scratch, RELAY_COPY_BYTES, MSG_DONTWAIT));
	size_t sent;
	ssize_t r;

	if (count <= 0)
		return count;
	read_some(turn, (size_t)count);
	turn->filled = count == RELAY_COPY_BYTES;
	/* The last bytes and the end fit one packet. */
	r = transmit(turn, scratch, (size_t)count,
		     turn->hung_up && !turn->filled ? MSG_MORE : 0);
	sent = r > 0 ? (size_t)r : 0;
	if (sent < (size_t)count &&
	    keep(turn->pump, scratch + sent, (size_t)count - sent) < 0)
		return -ENOMEM;
	return count;
}

/*
 * recv(2) and send(2) are told not to block, and clients' sockets stay as accept(2) made
 * them; splice(2) asks the socket itself. Fails for none that got this far.
 */
static void begin_bulk(struct turn *turn)
{
	int yes = 1;

	if (!turn->pump->ready) {
		(void)ioctl(turn->from, FIONBIO, &yes);
		(void)ioctl(turn->to, FIONBIO, &yes);
	}
	turn->pump->ready = true;
	turn->pump->bulk = true;
}

/* One pipe full; results as above. Copies where there is no pipe. */
static ssize_t step_splice(struct turn *turn)
{
	struct pump *pump = turn->pump;
	ssize_t count;

	if (pump->pipe == NULL)
		pump->pipe = relay_pipes_take(&turn->relays->pipes);
	if (pump->pipe == NULL)
		return step_copy(turn);
	count = result_of(splice(turn->from, NULL, pump->pipe->in, NULL, RELAY_PIPE_BYTES,
				 SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
	/* At urgent data splice(2) finds nothing for ever, or takes it for the end if the
	 * end is in the queue behind it, too; see tcp_read_sock() in the kernel. */
	if (count == STEP_END || (count == STEP_NOTHING && turn->read == 0))
		return step_copy(turn);
	if (count > 0) {
		pump->inside = (size_t)count;
		read_some(turn, (size_t)count);
	}
	return count;
}

/* 0 when nothing is held any more, -EAGAIN while something is, or the destination's
 * error. */
static int flush_pending(struct turn *turn)
{
	struct pump *pump = turn->pump;
	ssize_t count = transmit(turn, pump->pending + pump->pending_start,
				 pump->pending_end - pump->pending_start, 0);

	if (count < 0)
		return (int)count;
	pump->pending_start += (uint32_t)count;
	if (pump->pending_start < pump->pending_end)
		return -EAGAIN;
	free(pump->pending);
	pump->pending = NULL;
	return 0;
}

/* Never asked for more than is inside: kernels before 6.5 then wait for the rest. */
static int flush_pipe(struct turn *turn)
{
	struct pump *pump = turn->pump;

	while (pump->inside > 0) {
		ssize_t count;

		speak(pump, turn->to);
		count = result_of(splice(pump->pipe->out, NULL, turn->to, NULL,
					 pump->inside,
					 SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
		if (count <= 0)
			return count == 0 ? -EPIPE : (int)count;
		pump->inside -= (size_t)count;
		turn->written += (size_t)count;
	}
	return 0;
}

static int flush(struct turn *turn)
{
	if (turn->pump->pending != NULL)
		return flush_pending(turn);
	return flush_pipe(turn);
}

static enum pump_result run(struct turn *turn)
{
	struct pump *pump = turn->pump;

	for (int step = 0;; step++) {
		int r = flush(turn);
		ssize_t count;

		if (r < 0)
			return r == -EAGAIN ? PUMP_WAITS : PUMP_BROKEN;
		if (pump->ended)
			return PUMP_ENDED;
		/* A short read has emptied the socket, unless its end is there, too. */
		if (step == RELAY_TURN_STEPS || turn->read >= RELAY_TURN_BYTES ||
		    (step > 0 && !pump->bulk && !turn->filled && !turn->hung_up))
			return PUMP_WAITS;
		turn->filled = false;
		count = pump->bulk ? step_splice(turn) : step_copy(turn);
		if (count == STEP_NOTHING)
			return PUMP_WAITS;
		if (count < 0)
			return PUMP_RESET;
		pump->ended = count == STEP_END;
		if (relay_is_bulk(false, pump->bytes, 0, turn->filled))
			begin_bulk(turn);
	}
}

enum pump_result pump_turn(struct pump *pump, struct relays *relays, int from, int to,
			   bool hung_up, bool *ret_moved)
{
	struct turn turn = {
		.pump = pump, .relays = relays, .from = from, .to = to, .hung_up = hung_up
	};
	enum pump_result result = run(&turn);

	/* What is held is the other side's fault: it says nothing of the source. */
	if (pump_held(pump) == 0)
		pump->bulk =
			relay_is_bulk(pump->bulk, pump->bytes, turn.read, turn.filled);
	if (pump->pipe != NULL && pump->inside == 0) {
		relay_pipes_give(&relays->pipes, pump->pipe, true);
		pump->pipe = NULL;
	}
	*ret_moved = turn.read > 0 || turn.written > 0;
	return result;
}

struct relay_state pump_state(const struct pump *pump)
{
	return (struct relay_state){ .over = pump->ended || pump->over,
				     .holding = pump_held(pump) > 0 };
}

size_t pump_held(const struct pump *pump)
{
	size_t pending =
		pump->pending != NULL ? pump->pending_end - pump->pending_start : 0;

	return pending + pump->inside;
}

void pump_drop(struct pump *pump, struct relays *relays)
{
	free(pump->pending);
	pump->pending = NULL;
	if (pump->pipe != NULL)
		relay_pipes_give(&relays->pipes, pump->pipe, pump->inside == 0);
	pump->pipe = NULL;
	pump->inside = 0;
}

int relays_new(struct loop *loop, struct relays **ret)
{
	struct relays *relays = malloc(sizeof(*relays));

	if (relays == NULL)
		return -ENOMEM;
	relays->loop = loop;
	relays->pipes = (struct relay_pipes){ .count = 0 };
	*ret = relays;
	return 0;
}

void relays_free(struct relays *relays)
{
	if (relays == NULL)
		return;
	relay_pipes_done(&relays->pipes);
	free(relays);
}

size_t relays_pipes(const struct relays *relays)
{
	return relays->pipes.count;
}
