/* SPDX-License-Identifier: ISC */
/*
 * The story of one stream client. Datagrams are in flows.c, answering.c and forwarding.c,
 * wait = yes in wait.c; who may come in is admission.c's.
 */
#include "usherd/serve/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "usherd/base/fd.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/banner.h"
#include "usherd/serve/denials.h"
#include "usherd/serve/hosting.h"
#include "usherd/serve/inquiries.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"
#include "usherd/serve/serving.h"
#include "usherd/serve/stderr_pipe.h"

static void child_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct serving *serving = (struct serving *)child;

	serving_end(serving, wait_status, now_ns);
	free(serving);
}

/* A program with the connection on its standard descriptors. */
static int start_program(struct serving *serving, enum transport transport,
			 struct connection *connection)
{
	struct post *post = serving->post;
	struct invocation invocation = { .fd = connection->fd,
					 .stderr_fd = stderr_pipe_fd(post->stderr_pipe),
					 .transport = transport,
					 .peer = &connection->peer,
					 .local = &connection->local };

	return serving_spawn(serving, &invocation, child_ended);
}

static int start_session(struct serving *serving, struct connection *connection)
{
	const struct post *post = serving->post;
	struct session_owner owner = hosting_owner(serving);
	struct error err = { 0 };
	int r;

	serving_started(serving);
	r = post->internal->stream(post->state, connection, &owner, &err);
	if (r < 0) {
		hosting_refused(serving, &err);
		return r;
	}
	hosting_began(serving);
	connection->fd = -1;
	return 0;
}

/* A place for the client, or NULL if it was refused. */
static struct serving *admit(struct post *post, const struct addr *peer)
{
	struct serving *serving;
	struct source_key place;

	if (!admission_take(post, peer, &place))
		return NULL;
	serving = malloc(sizeof(*serving));
	if (serving == NULL) {
		admission_release(post, &place);
		record_refusal(post, REASON_RESOURCES, peer);
		return NULL;
	}
	serving_occupy(serving, post, peer, &place);
	return serving;
}

/* One client on its way. */
struct arrival {
	enum transport transport;
	struct connection *connection;
	const struct courtesy *courtesy;
	unsigned tries; /* that have failed */
	bool told;      /* it has been said something */
};

/* Once, however often its program is tried. False: it could not be told what it has to
 * know. */
static bool welcome(const struct serving *serving, struct arrival *arrival)
{
	struct post *post = serving->post;
	int fd = arrival->connection->fd;

	if (arrival->tries > 0)
		return true;
	if (arrival->courtesy != NULL && !arrival->courtesy->welcome(post, fd)) {
		record_refusal(post, REASON_RESOURCES, &arrival->connection->peer);
		return false;
	}
	arrival->told |= banner_say(post, SERVICE_BANNER_SUCCESS, fd);
	return true;
}

static int start(struct serving *serving, struct arrival *arrival)
{
	const struct post *post = serving->post;

	if (!welcome(serving, arrival))
		return -EPIPE;
	if (post->internal != NULL)
		return start_session(serving, arrival->connection);
	serving->patient = (post->service->flags & SERVICE_NORETRY) == 0 &&
			   arrival->tries + 1 < RETRY_TRIES &&
			   post->engine->retries.count < RETRIES_MAX;
	return start_program(serving, arrival->transport, arrival->connection);
}

/* What it is told has to arrive; who is told nothing is closed at once. */
static void turn_away(struct post *post, struct arrival *arrival)
{
	int *fd = &arrival->connection->fd;

	if (banner_say(post, SERVICE_BANNER_FAIL, *fd) || arrival->told)
		farewell_take(&post->engine->farewells, fd);
}

static void refused(struct post *post, struct arrival *arrival)
{
	const struct addr *peer = &arrival->connection->peer;

	/* Who is kept out of a sensor by its own lists has not asked for it. */
	if (post->service->policy.trap && guard_welcomes(&post->service->policy, peer))
		denials_put(post, peer);
	if (arrival->courtesy != NULL)
		arrival->told = arrival->courtesy->refuse(arrival->connection->fd);
	turn_away(post, arrival);
}

static void dispatch_again(struct post *post, enum transport transport,
			   struct connection *connection, unsigned tries);

static void not_started(struct serving *serving, struct arrival *arrival)
{
	struct post *post = post_ref(serving->post);
	bool postponed = serving->postponed;

	serving_cancel(serving);
	free(serving);
	if (postponed &&
	    retries_keep(&post->engine->retries, post, arrival->transport,
			 arrival->connection, arrival->tries + 1, dispatch_again) < 0)
		record_refusal(post, REASON_FORK, &arrival->connection->peer);
	if (arrival->connection->fd != -1)
		turn_away(post, arrival);
	post_unref(post);
}

/* Refused without a place. Who that was is asked while his connection is still there. */
static void not_admitted(struct post *post, struct arrival *arrival)
{
	struct connection *connection = arrival->connection;
	struct inquiries *inquiries = post->engine->inquiries;
	bool noted =
		inquiries != NULL && inquiries_note_refused(inquiries, post, connection);

	refused(post, arrival);
	/* The process that asks keeps it open, and he is not to wait for that. */
	if (noted && connection->fd != -1)
		(void)shutdown(connection->fd, SHUT_WR);
}

/* Is he held until more is known of him? Then all of him has been taken over. */
static bool hold(struct serving *serving, struct arrival *arrival)
{
	const struct post *post = serving->post;
	struct inquiries *inquiries = post->engine->inquiries;
	const struct held_client client = { .serving = serving,
					    .connection = *arrival->connection,
					    .courtesy = arrival->courtesy,
					    .tries = arrival->tries,
					    .told = arrival->told };

	/* In-process sessions are not for the supervisor, even without a question. */
	if (inquiries == NULL || (post->internal == NULL &&
				  inquiries_questions(post, arrival->connection) == 0))
		return false;
	arrival->connection->fd = -1;
	inquiries_hold(inquiries, &client);
	return true;
}

static struct arrival arrival_of(struct held_client *client)
{
	return (struct arrival){ .transport = TRANSPORT_TCP,
				 .connection = &client->connection,
				 .courtesy = client->courtesy,
				 .tries = client->tries,
				 .told = client->told };
}

void dispatch_unwanted(struct held_client *client, enum reason reason)
{
	struct post *post = post_ref(client->serving->post);
	struct arrival arrival = arrival_of(client);

	serving_cancel(client->serving);
	free(client->serving);
	if (reason != REASON_NONE)
		record_refusal(post, reason, &client->connection.peer);
	refused(post, &arrival);
	fd_close(&client->connection.fd);
	post_unref(post);
}

void dispatch_let_go(struct held_client *client)
{
	serving_cancel(client->serving);
	free(client->serving);
	fd_close(&client->connection.fd);
}

/* To a worker, where he takes a place of his own. */
static void hand_on(struct held_client *client)
{
	const struct post *post = client->serving->post;
	struct engine *engine = post->engine;
	int fd = client->connection.fd;

	/* All else he is told there. */
	if ((client->courtesy != NULL && !client->courtesy->welcome(post, fd)) ||
	    engine->hand_on == NULL ||
	    engine->hand_on(engine, post->service->id, fd) < 0) {
		dispatch_unwanted(client, REASON_RESOURCES);
		return;
	}
	dispatch_let_go(client);
}

/* A reload may have taken the service out, or have made something else of it. */
static bool serves_connections(const struct post *post)
{
	return engine_find(post->engine, post->service->id) == post &&
	       (post->internal != NULL || (post->plan != NULL && !post->service->wait));
}

void dispatch_held(struct held_client *client)
{
	const struct post *post = client->serving->post;
	struct arrival arrival = arrival_of(client);

	if (!serves_connections(post)) {
		dispatch_unwanted(client, REASON_RESOURCES);
		return;
	}
	if (post->internal != NULL && post->engine->sessions == NULL) {
		hand_on(client);
		return;
	}
	if (start(client->serving, &arrival) < 0)
		not_started(client->serving, &arrival);
	fd_close(&client->connection.fd);
}

static bool dispatch_arrival(struct post *post, struct arrival *arrival)
{
	struct serving *serving = admit(post, &arrival->connection->peer);

	if (serving == NULL) {
		not_admitted(post, arrival);
		return false;
	}
	if (!hold(serving, arrival) && start(serving, arrival) < 0)
		not_started(serving, arrival);
	return true;
}

/* All checks again: much may have changed meanwhile, the service among it. */
static void dispatch_again(struct post *post, enum transport transport,
			   struct connection *connection, unsigned tries)
{
	struct arrival arrival = { .transport = transport,
				   .connection = connection,
				   .tries = tries,
				   .told = service_has_banners(post->service) };

	if (engine_find(post->engine, post->service->id) == post &&
	    post->internal == NULL && !post->service->wait) {
		(void)dispatch_arrival(post, &arrival);
		return;
	}
	record_refusal(post, REASON_FORK, &connection->peer);
	turn_away(post, &arrival);
}

bool dispatch_connection(struct post *post, enum transport transport,
			 struct connection *connection, const struct courtesy *courtesy)
{
	struct arrival arrival = { .transport = transport,
				   .connection = connection,
				   .courtesy = courtesy };

	/* At once: later the client may have closed its side, and it could not be done.
	 */
	if (post->internal == NULL)
		connection_unmap(connection);
	/* Who comes through another service has been greeted by that. */
	if (courtesy == NULL)
		arrival.told = banner_say(post, SERVICE_BANNER_GREETING, connection->fd);
	return dispatch_arrival(post, &arrival);
}
