/* SPDX-License-Identifier: ISC */
/* One client who is held: from his inquiry's begin to its end, or to his own. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <utlist.h>

#include "inquiries_internal.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"

/* What a process gets beyond the time that it allows itself. */
#define GRACE_SECONDS 2

static uint64_t now_of(const struct inquiries *inquiries)
{
	return loop_now_ns(inquiries->engine->loop);
}

/* The client is somebody else's now, or nobody's. */
struct held_client inquiry_steal_client(struct inquiry *inquiry)
{
	struct held_client client = inquiry->client;

	if (loop_is_watching(&inquiry->watch))
		loop_remove(&inquiry->watch);
	inquiry->client.serving = NULL;
	inquiry->client.connection.fd = -1;
	inquiry->inquiries->held--;
	return client;
}

void inquiry_free(struct inquiry *inquiry)
{
	loop_timer_cancel(&inquiry->timer);
	fd_close(&inquiry->fd);
	service_unref(inquiry->service);
	post_unref(inquiry->post);
	free(inquiry);
}

void inquiry_let_go(struct inquiry *inquiry)
{
	struct held_client client = inquiry_steal_client(inquiry);

	client.ends->let_go(&client);
}

void inquiry_leave_queue(struct inquiry *inquiry)
{
	DL_DELETE(inquiry->inquiries->waiting, inquiry);
	inquiry->inquiries->waiting_count--;
	inquiry->inquiries->datagrams_waiting -= inquiry->datagram;
}

static void client_gone(struct watch *watch, short revents)
{
	struct inquiry *inquiry = watch->data;

	(void)revents;
	inquiry_let_go(inquiry);
	if (inquiry->fd != -1) {
		(void)kill(inquiry->child.pid, SIGKILL);
		return;
	}
	inquiry_leave_queue(inquiry);
	inquiry_free(inquiry);
}

void inquiry_refuse(struct inquiry *inquiry, enum reason reason)
{
	struct held_client client = inquiry_steal_client(inquiry);

	client.ends->refuse(&client, reason);
}

/* Whatever it has said until now counts; a client who waits for his turn has none. */
static void patience_over(struct timer *timer)
{
	struct inquiry *inquiry = timer->data;

	if (inquiry->fd != -1) {
		(void)kill(inquiry->child.pid, SIGKILL);
		return;
	}
	inquiry_leave_queue(inquiry);
	inquiry_refuse(inquiry, REASON_RESOURCES);
	inquiry_free(inquiry);
}

/* No answer to IDONLY is "no" as well. Recorded by its own event. */
static bool lacks_userid(const struct inquiry *inquiry,
			 const struct inquiry_answers *answers)
{
	enum userid_outcome outcome = answers->userid;

	if ((inquiry->questions & INQUIRY_USERID) == 0)
		return false;
	if ((answers->answered & INQUIRY_USERID) == 0)
		outcome = USERID_TIMEOUT;
	if (outcome == USERID_KNOWN)
		record_userid(inquiry->post, answers->text);
	if (outcome == USERID_KNOWN || (inquiry->service->flags & SERVICE_IDONLY) == 0)
		return false;
	record_no_userid(inquiry->post, userid_word(outcome),
			 &inquiry->client.connection.peer);
	return true;
}

/* Datagrams come in numbers: not each of them is a reason for a process. */
static void learn(struct inquiry *inquiry, const struct inquiry_answers *answers,
		  enum reason reason)
{
	struct inquiries *inquiries = inquiry->inquiries;
	const struct addr *peer = &inquiry->client.connection.peer;

	if (inquiry->client.serving == NULL || inquiry->post->service != inquiry->service)
		return;
	if ((answers->answered & INQUIRY_NAME) != 0 ||
	    (inquiry->datagram && reason == REASON_ADDRESS))
		known_names_put(&inquiries->known, inquiry->service, peer,
				reason != REASON_ADDRESS, now_of(inquiries));
	if (inquiry->datagram && reason == REASON_LIBWRAP)
		known_names_put(&inquiries->unwrapped, inquiry->service, peer, false,
				now_of(inquiries));
}

/* A reload has changed the service meanwhile: what was asked was another's question. */
static void ask_anew(struct inquiry *inquiry)
{
	struct inquiries *inquiries = inquiry->inquiries;
	struct held_client client;

	if (guard_rejects(&inquiry->post->service->policy,
			  &inquiry->client.connection.peer)) {
		inquiry_refuse(inquiry, REASON_ADDRESS);
		return;
	}
	client = inquiry_steal_client(inquiry);
	inquiries_hold(inquiries, &client);
}

static void conclude(struct inquiry *inquiry, const struct inquiry_answers *answers)
{
	enum reason reason = inquiry_verdict(inquiry->questions, answers);
	struct held_client client;

	learn(inquiry, answers, reason);
	if (inquiry->client.serving == NULL) {
		if (answers->answered == INQUIRY_USERID &&
		    answers->userid == USERID_KNOWN)
			record_userid(inquiry->post, answers->text);
	} else if (reason != REASON_NONE) {
		inquiry_refuse(inquiry, reason);
	} else if (lacks_userid(inquiry, answers)) {
		inquiry_refuse(inquiry, REASON_NONE);
	} else if (inquiry->post->service != inquiry->service) {
		ask_anew(inquiry);
	} else {
		client = inquiry_steal_client(inquiry);
		client.ends->serve(&client);
	}
}

static void inquiry_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct inquiry *inquiry = (struct inquiry *)child;
	struct inquiries *inquiries = inquiry->inquiries;
	struct inquiry_answers answers;

	(void)now_ns;
	if (inquiries == NULL || wait_status == CHILD_FORGOTTEN) {
		inquiry_free(inquiry);
		return;
	}
	DL_DELETE(inquiries->running, inquiry);
	inquiries->running_count--;
	inquiries->datagrams_running -= inquiry->datagram;
	inquiry_read(inquiry->fd, inquiry->questions, &answers);
	conclude(inquiry, &answers);
	inquiry_free(inquiry);
	inquiries_begin(inquiries);
}

int inquiry_begin(struct inquiry *inquiry)
{
	struct inquiries *inquiries = inquiry->inquiries;
	struct engine *engine = inquiries->engine;
	unsigned seconds = INQUIRY_ACCESS_SECONDS + GRACE_SECONDS;
	struct inquiry_plan plan = { .service = inquiry->service,
				     .connection = &inquiry->client.connection,
				     .questions = inquiry->questions,
				     .credentials = &inquiries->credentials,
				     .root = inquiries->root };
	int r;

	if ((inquiry->questions & INQUIRY_USERID) != 0)
		seconds += INQUIRY_USERID_SECONDS;
	r = loop_timer_set(engine->loop, &inquiry->timer,
			   now_of(inquiries) + seconds * CLOCK_NS_PER_SECOND);
	if (r == 0)
		r = inquiry_fork(&plan, &inquiry->fd, &inquiry->child.pid);
	if (r < 0)
		return r;
	r = children_add(engine->children, &inquiry->child);
	if (r < 0) {
		(void)kill(inquiry->child.pid, SIGKILL);
		fd_close(&inquiry->fd);
		return r;
	}
	DL_APPEND(inquiries->running, inquiry);
	inquiries->running_count++;
	inquiries->datagrams_running += inquiry->datagram;
	return 0;
}

struct inquiry *inquiry_new(struct inquiries *inquiries, struct post *post,
			    const struct connection *connection, unsigned questions)
{
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));

	if (inquiry == NULL)
		return NULL;
	inquiry->child.ended = inquiry_ended;
	inquiry->inquiries = inquiries;
	inquiry->client.connection = *connection;
	inquiry->post = post_ref(post);
	inquiry->service = service_ref(post->service);
	inquiry->questions = questions;
	inquiry->datagram = connection->fd == -1;
	inquiry->fd = -1;
	inquiry->timer.fired = patience_over;
	inquiry->timer.data = inquiry;
	inquiry->watch.fd = connection->fd;
	/* His last byte is not his end: he may well wait for what he is answered. */
	inquiry->watch.events = POLLHUP;
	inquiry->watch.ready = client_gone;
	inquiry->watch.data = inquiry;
	return inquiry;
}
