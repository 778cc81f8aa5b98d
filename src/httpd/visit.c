/* SPDX-License-Identifier: ISC */
#include "usherd/httpd/visit.h"

#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

/* Seen off as soon as the library has read what came. */
static void part(struct visit *visit)
{
	struct visits *visits = visit->visits;

	if (visit->parting)
		return;
	visit->parting = true;
	loop_remove(&visit->leaving);
	DL_DELETE(visits->present, visit);
	DL_APPEND(visits->parting, visit);
}

static void client_left(struct watch *watch, short revents)
{
	struct visit *visit = watch->data;
	const struct visits *visits = visit->visits;

	(void)revents;
	part(visit);
	visits->run(visits->data);
}

/* The rest of the head may be there by now: the library looks before the visit is cut. */
static void deadline_passed(struct timer *timer)
{
	struct visit *visit = timer->data;
	const struct visits *visits = visit->visits;

	visit->overdue = true;
	part(visit);
	visits->run(visits->data);
}

static void await_request(struct visit *visit)
{
	const struct visits *visits = visit->visits;

	(void)loop_timer_set(visits->loop, &visit->deadline,
			     loop_now_ns(visits->loop) + visits->idle_ns);
}

static bool has_unread(const struct visit *visit)
{
	char byte;

	return recv(visit->leaving.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Each shutdown makes an edge; one is enough, as there is nothing to be read before it.
 * Should a client that is not at its end send more right then, its deadline remains. */
static void see_off(struct visits *visits)
{
	struct visit *visit;
	struct visit *next;

	DL_FOREACH_SAFE(visits->parting, visit, next) {
		if (visit->busy || (!visit->overdue && has_unread(visit)))
			continue;
		(void)shutdown(visit->leaving.fd, visit->overdue ? SHUT_RDWR : SHUT_RD);
		visit->parting = false;
		DL_DELETE(visits->parting, visit);
		DL_APPEND(visits->present, visit);
	}
}

static void tell_ended(struct visits *visits)
{
	struct visit *visit;

	while ((visit = visits->ended) != NULL) {
		struct session_owner owner = visit->owner;
		uint64_t bytes_in = visit->bytes_in;
		uint64_t bytes_out = visit->bytes_out;

		DL_DELETE(visits->ended, visit);
		free(visit);
		owner.ended(owner.data, bytes_in, bytes_out);
	}
}

/* As the kernel counts, so that resent heads and refused bodies are in it, too. */
static void count_bytes(struct visit *visit)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(visit->leaving.fd, IPPROTO_TCP, TCP_INFO, &info, &length) == -1)
		return;
	visit->bytes_in = info.tcpi_bytes_received;
	visit->bytes_out = info.tcpi_bytes_acked;
}

struct visit *visit_begin(struct visits *visits, const struct connection *connection,
			  const struct session_owner *owner)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (visit == NULL)
		return NULL;
	visit->visits = visits;
	visit->owner = *owner;
	visit->leaving.fd = connection->fd;
	visit->leaving.events = POLLRDHUP;
	visit->leaving.ready = client_left;
	visit->leaving.data = visit;
	visit->deadline.fired = deadline_passed;
	visit->deadline.data = visit;
	DL_APPEND(visits->present, visit);
	return visit;
}

void visit_greet(struct visit *visit)
{
	await_request(visit);
	/* Without it the end comes with the deadline. */
	(void)loop_add(visit->visits->loop, &visit->leaving);
}

void visit_head_arrived(struct visit *visit)
{
	visit->answered = true;
	visit->busy = true;
	visit->overdue = false;
	loop_timer_cancel(&visit->deadline);
}

void visit_answered(struct visit *visit)
{
	visit->busy = false;
	await_request(visit);
	if (visit->visits->draining)
		part(visit);
}

void visit_end(struct visit *visit, bool open)
{
	struct visits *visits = visit->visits;

	if (open)
		count_bytes(visit);
	loop_timer_cancel(&visit->deadline);
	loop_remove(&visit->leaving);
	if (visit->parting)
		DL_DELETE(visits->parting, visit);
	else
		DL_DELETE(visits->present, visit);
	DL_APPEND(visits->ended, visit);
}

void visits_settle(struct visits *visits)
{
	see_off(visits);
	tell_ended(visits);
}

void visits_drain(struct visits *visits)
{
	struct visit *visit;
	struct visit *next;

	visits->draining = true;
	DL_FOREACH_SAFE(visits->present, visit, next) {
		if (visit->answered && !visit->busy)
			part(visit);
	}
	see_off(visits);
}
