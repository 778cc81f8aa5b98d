/* SPDX-License-Identifier: ISC */
/* Who is held, and when his inquiry begins and ends. The inquiry itself is inquiry.c's.
 */
#include "usherd/serve/inquiries.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "inquiries_internal.h"
#include "usherd/base/clock.h"
#include "usherd/serve/post.h"
#include "usherd/serve/userid_query.h"

/* While no process can be made because another thread is about. */
#define ANOTHER_LOOK_NS (20 * CLOCK_NS_PER_MS)
/* About clients that were refused: processes at once, and in a second. */
#define NOTES_MAX  8
#define NOTES_RATE 10

static uint64_t now_of(const struct inquiries *inquiries)
{
	return loop_now_ns(inquiries->engine->loop);
}

static bool fork_must_wait(const struct inquiries *inquiries)
{
	const struct engine *engine = inquiries->engine;

	return engine->fork_must_wait != NULL && engine->fork_must_wait(engine);
}

static bool same_source(const struct addr *a, const struct addr *b)
{
	struct prefix left, right;

	return prefix_of(a, 32, 64, &left) && prefix_of(b, 32, 64, &right) &&
	       prefix_equal(&left, &right);
}

/* One source alone must not keep all others waiting. */
static bool has_its_share(const struct inquiries *inquiries, const struct addr *peer)
{
	const struct inquiry *other;
	size_t count = 0;

	DL_FOREACH(inquiries->running, other)
		count += same_source(&other->client.connection.peer, peer);
	return count >= INQUIRIES_PER_SOURCE;
}

static struct inquiry *find_next(const struct inquiries *inquiries)
{
	struct inquiry *inquiry;

	if (inquiries->running_count >= INQUIRIES_MAX)
		return NULL;
	DL_FOREACH(inquiries->waiting, inquiry) {
		if (inquiry->datagram &&
		    inquiries->datagrams_running >= INQUIRIES_MAX / 2)
			continue;
		if (!has_its_share(inquiries, &inquiry->client.connection.peer))
			return inquiry;
	}
	return NULL;
}

void inquiries_begin(struct inquiries *inquiries)
{
	struct inquiry *inquiry;

	while ((inquiry = find_next(inquiries)) != NULL) {
		/* Without the timer the next end begins it. */
		if (fork_must_wait(inquiries) &&
		    loop_timer_set(inquiries->engine->loop, &inquiries->retry,
				   now_of(inquiries) + ANOTHER_LOOK_NS) == 0)
			return;
		inquiry_leave_queue(inquiry);
		if (inquiry_begin(inquiry) == 0)
			continue;
		inquiry_refuse(inquiry, REASON_RESOURCES);
		inquiry_free(inquiry);
	}
}

static void retry_fired(struct timer *timer)
{
	inquiries_begin(timer->data);
}

/* Take him over and wait for his turn. 0 or a negative errno. */
static int enqueue(struct inquiries *inquiries, const struct held_client *client,
		   unsigned questions)
{
	struct loop *loop = inquiries->engine->loop;
	struct inquiry *inquiry;
	int r;

	if (inquiries->waiting_count >= INQUIRIES_WAITING ||
	    (client->connection.fd == -1 &&
	     inquiries->datagrams_waiting >= INQUIRIES_WAITING / 2))
		return -EAGAIN;
	inquiry = inquiry_new(inquiries, client->serving->post, &client->connection,
			      questions);
	if (inquiry == NULL)
		return -ENOMEM;
	r = loop_timer_set(loop, &inquiry->timer,
			   now_of(inquiries) +
				   INQUIRY_ACCESS_SECONDS * CLOCK_NS_PER_SECOND);
	if (r == 0 && inquiry->watch.fd != -1)
		r = loop_add(loop, &inquiry->watch);
	if (r < 0) {
		inquiry_free(inquiry);
		return r;
	}
	inquiry->client = *client;
	inquiries->held++;
	DL_APPEND(inquiries->waiting, inquiry);
	inquiries->waiting_count++;
	inquiries->datagrams_waiting += inquiry->datagram;
	return 0;
}

int inquiries_new(struct engine *engine, bool root, const struct inquiries_ends *ends,
		  struct inquiries **ret)
{
	struct inquiries *inquiries = calloc(1, sizeof(*inquiries));

	if (inquiries == NULL)
		return -ENOMEM;
	inquiries->engine = engine;
	inquiries->ends = *ends;
	inquiries->root = root;
	inquiries->retry.fired = retry_fired;
	inquiries->retry.data = inquiries;
	*ret = inquiries;
	return 0;
}

void inquiries_free(struct inquiries *inquiries)
{
	struct inquiry *inquiry, *next;

	if (inquiries == NULL)
		return;
	loop_timer_cancel(&inquiries->retry);
	DL_FOREACH_SAFE(inquiries->waiting, inquiry, next) {
		inquiry_let_go(inquiry);
		inquiry_free(inquiry);
	}
	DL_FOREACH(inquiries->running, inquiry) {
		if (inquiry->client.serving != NULL)
			inquiry_let_go(inquiry);
		loop_timer_cancel(&inquiry->timer);
		(void)kill(inquiry->child.pid, SIGKILL);
		inquiry->inquiries = NULL;
	}
	credentials_done(&inquiries->credentials);
	free(inquiries);
}

void inquiries_refresh(struct inquiries *inquiries, const struct credentials *credentials)
{
	/* Workers have no groups beside their own. */
	inquiries->credentials = (struct credentials){ .change = credentials->change,
						       .uid = credentials->uid,
						       .gid = credentials->gid };
	memset(&inquiries->known, 0, sizeof(inquiries->known));
	memset(&inquiries->unwrapped, 0, sizeof(inquiries->unwrapped));
}

/* About the port of ident servers nobody is asked: two of them could go on for ever. */
static bool has_userid(const struct connection *connection)
{
	return connection->fd != -1 && addr_family(&connection->peer) != AF_UNIX &&
	       addr_family(&connection->peer) != AF_UNSPEC &&
	       addr_port(&connection->local) != USERID_PORT;
}

static bool are_there_rules(struct inquiries *inquiries)
{
	return inquiries == NULL || hosts_rules_there(&inquiries->hosts);
}

/* What has been found out of late about the name. */
static enum known_answer recall_name(const struct post *post, const struct addr *peer)
{
	const struct inquiries *inquiries = post->engine->inquiries;

	return inquiries == NULL ? KNOWN_NOTHING
				 : known_names_get(&inquiries->known, post->service, peer,
						   now_of(inquiries));
}

enum reason inquiries_recall(const struct post *post, const struct addr *peer)
{
	const struct inquiries *inquiries = post->engine->inquiries;

	if (recall_name(post, peer) == KNOWN_UNWELCOME)
		return REASON_ADDRESS;
	if (inquiries != NULL &&
	    known_names_get(&inquiries->unwrapped, post->service, peer,
			    now_of(inquiries)) == KNOWN_UNWELCOME)
		return REASON_LIBWRAP;
	return REASON_NONE;
}

unsigned inquiries_questions(const struct post *post, const struct connection *connection)
{
	const struct service *service = post->service;
	const struct policy *policy = &service->policy;
	unsigned questions = 0;

	if ((policy->only_from.names.count > 0 || policy->no_access.names.count > 0) &&
	    !guard_welcomes(policy, &connection->peer) &&
	    recall_name(post, &connection->peer) != KNOWN_WELCOME)
		questions |= INQUIRY_NAME;
	if (service_is_wrapped(service) && are_there_rules(post->engine->inquiries))
		questions |= INQUIRY_LIBWRAP;
	if ((service->log_on_success & EVENT_USERID) != 0 &&
	    (service->protocols & SERVICE_TCP) != 0 && has_userid(connection))
		questions |= INQUIRY_USERID;
	return questions;
}

void inquiries_hold(struct inquiries *inquiries, const struct held_client *client)
{
	const struct post *post = client->serving->post;
	unsigned questions = inquiries_questions(post, &client->connection);
	enum known_answer known = recall_name(post, &client->connection.peer);
	struct held_client own = *client;

	if (own.ends == NULL)
		own.ends = &inquiries->ends;
	if (known == KNOWN_UNWELCOME && (questions & INQUIRY_NAME) != 0)
		own.ends->refuse(&own, REASON_ADDRESS);
	else if (questions == 0)
		own.ends->serve(&own);
	else if (enqueue(inquiries, &own, questions) < 0)
		own.ends->refuse(&own, REASON_RESOURCES);
	else
		inquiries_begin(inquiries);
}

/* Whoever is refused comes again, in numbers. */
static bool may_note(struct inquiries *inquiries)
{
	uint64_t now_ns = now_of(inquiries);

	if (now_ns - inquiries->notes_ns >= CLOCK_NS_PER_SECOND) {
		inquiries->notes_ns = now_ns;
		inquiries->notes = 0;
	}
	return inquiries->running_count < NOTES_MAX && inquiries->notes++ < NOTES_RATE &&
	       !fork_must_wait(inquiries);
}

bool inquiries_note_refused(struct inquiries *inquiries, struct post *post,
			    const struct connection *connection)
{
	struct inquiry *inquiry;

	if ((post->service->log_on_failure & EVENT_USERID) == 0 ||
	    (post->service->protocols & SERVICE_TCP) == 0 || !has_userid(connection) ||
	    !may_note(inquiries))
		return false;
	inquiry = inquiry_new(inquiries, post, connection, INQUIRY_USERID);
	if (inquiry == NULL)
		return false;
	if (inquiry_begin(inquiry) < 0) {
		inquiry_free(inquiry);
		return false;
	}
	inquiry->client.connection.fd = -1;
	return true;
}

size_t inquiries_count(const struct inquiries *inquiries)
{
	return inquiries->held;
}
