/* SPDX-License-Identifier: ISC */
/* What becomes of a client that was handed over. The packets are transfer.c's. */
#include "usherd/serve/mux.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "usherd/base/fd.h"
#include "usherd/base/hash.h"
#include "usherd/serve/dispatch.h"
#include "usherd/serve/inquiry.h"
#include "usherd/serve/post.h"
#include "usherd/serve/transfer.h"

/* Clients taken before others have their turn. */
#define MUX_BATCH 16

/* More than a socket holds. */
#define MUX_ALL 1024

/* RFC 1078: "+" and "-" with a text for people. */
static const char welcome[] = "+Go\r\n";
static const char refusal[] = "-not available\r\n";

static bool say(int fd, const char *text)
{
	size_t length = strlen(text);

	return send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

static bool say_welcome(const struct post *post, int fd)
{
	/* With TCPMUX the service says so itself. */
	return (post->service->types & SERVICE_TCPMUXPLUS) == 0 || say(fd, welcome);
}

static bool say_refusal(int fd)
{
	return say(fd, refusal);
}

static void refuse(struct engine *engine, int *fd)
{
	if (say_refusal(*fd))
		farewell_take(&engine->farewells, fd);
}

static const struct courtesy courtesy = { .welcome = say_welcome, .refuse = say_refusal };

/* For those whom the supervisor has let in: it has said what is to be said. */
static bool say_nothing(const struct post *post, int fd)
{
	(void)post;
	(void)fd;
	return true;
}

static bool refuse_silently(int fd)
{
	(void)fd;
	return false;
}

static const struct courtesy silence = { .welcome = say_nothing,
					 .refuse = refuse_silently };

/* Clients of in-process services are asked whether they live; those of a program, which
 * may have other ideas, are not. */
static void forget_keepalive(int fd)
{
	int no = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &no, sizeof(no));
}

/* It could when the worker was started. While usherd stops nobody is asked about any
 * more. */
static bool can_be_served(const struct engine *engine, const struct service *service)
{
	return service_is_multiplexed(service) &&
	       (engine->sessions != NULL || engine->inquiries != NULL ||
		!inquiry_concerns(service));
}

static void serve(struct engine *engine, struct transfer *transfer)
{
	struct connection *connection = &transfer->connection;
	struct post *post = engine_find(engine, transfer->service);
	bool here;

	if (engine->sessions != NULL && post != NULL && inquiry_concerns(post->service)) {
		/* The supervisor has found out about him, and said what is to be said. */
		(void)dispatch_connection(post, transfer->transport, connection,
					  &silence);
		return;
	}
	if (post == NULL || !can_be_served(engine, post->service)) {
		refuse(engine, &connection->fd);
		return;
	}
	if (post->internal == NULL)
		forget_keepalive(connection->fd);
	here = post->internal == NULL || engine->sessions != NULL ||
	       inquiry_concerns(post->service);
	if (here)
		(void)dispatch_connection(post, transfer->transport, connection,
					  &courtesy);
	else if (engine->hand_on == NULL ||
		 engine->hand_on(engine, post->service->id, connection->fd) < 0)
		refuse(engine, &connection->fd);
}

/* 0: there may be more; -EAGAIN: none now; else why there are none. */
static int take_one(struct mux *mux)
{
	struct engine *engine = mux->engine;
	struct transfer transfer;
	int r = transfer_receive(mux->watch.fd, &transfer);

	if (r == -EMFILE)
		report_throttled(engine->reporter, &engine->short_of_resources,
				 loop_now_ns(engine->loop), LOG_LEVEL_ERROR,
				 "a client was lost on its way through tcpmux: %s",
				 strerror(-r));
	/* Its client was quick to leave. */
	if (r == -EMFILE || r == -ENOTCONN)
		return 0;
	if (r < 0)
		return r;
	if (mux->deaf) {
		fd_close(&transfer.connection.fd);
		return -EBADMSG;
	}
	serve(engine, &transfer);
	fd_close(&transfer.connection.fd);
	return 0;
}

static void stop_listening(struct mux *mux, int why)
{
	loop_remove(&mux->watch);
	if (why == -EBADMSG && mux->nonsense != NULL)
		mux->nonsense(mux);
}

static void mux_ready(struct watch *watch, short revents)
{
	struct mux *mux = watch->data;
	int r = 0;

	(void)revents;
	for (int i = 0; r == 0 && i < MUX_BATCH; i++)
		r = take_one(mux);
	if (r < 0 && r != -EAGAIN)
		stop_listening(mux, r);
}

int mux_start(struct mux *mux, struct engine *engine, int fd)
{
	int r;

	mux->watch.fd = fd;
	mux->watch.events = POLLIN;
	mux->watch.ready = mux_ready;
	mux->watch.data = mux;
	r = loop_add(engine->loop, &mux->watch);
	if (r < 0)
		return r;
	mux->engine = engine;
	return 0;
}

int mux_open(struct mux *mux, struct engine *engine, int *ret_other)
{
	int end, other;
	int r = transfer_open(&end, &other);

	if (r < 0)
		return r;
	r = mux_start(mux, engine, end);
	if (r < 0) {
		fd_close(&end);
		fd_close(&other);
		return r;
	}
	*ret_other = other;
	return 0;
}

/* As many as fit into the socket: the other end may send more all the while. */
void mux_take(struct mux *mux)
{
	int r = 0;

	if (mux->engine == NULL)
		return;
	for (int i = 0; r == 0 && i < MUX_ALL; i++)
		r = take_one(mux);
}

void mux_done(struct mux *mux)
{
	if (mux->engine == NULL)
		return;
	loop_remove(&mux->watch);
	fd_close(&mux->watch.fd);
	mux->engine = NULL;
}

int mux_give(struct mux *mux, const char *service, int fd)
{
	if (mux->engine == NULL)
		return -ENOTCONN;
	return transfer_send(mux->watch.fd, service, fd);
}

static int compare_names(const void *a, const void *b)
{
	const struct service *left = *(const struct service *const *)a;
	const struct service *right = *(const struct service *const *)b;

	return strcasecmp(left->name, right->name);
}

static int give_to(const struct internal_mux *targets, size_t index, int fd)
{
	return mux_give(targets->data, targets->services[index]->id, fd);
}

int mux_targets(const struct engine *engine, struct mux *mux, struct internal_mux *ret)
{
	struct internal_mux targets = { .hand_over = give_to, .data = mux };

	targets.services = (const struct service **)calloc(engine->post_count + 1,
							   sizeof(struct service *));
	if (targets.services == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < engine->post_count; i++)
		if (service_is_multiplexed(engine->posts[i]->service))
			targets.services[targets.count++] = engine->posts[i]->service;
	if (targets.count > 0)
		qsort((void *)targets.services, targets.count, sizeof(struct service *),
		      compare_names);
	*ret = targets;
	return 0;
}

void mux_targets_done(struct internal_mux *targets)
{
	free((void *)targets->services);
	*targets = (struct internal_mux){ 0 };
}

uint64_t mux_sign(const struct engine *engine, uint64_t hash)
{
	for (size_t i = 0; i < engine->post_count; i++) {
		const struct service *service = engine->posts[i]->service;

		if (!service_is_multiplexed(service))
			continue;
		hash = hash_add(hash, service->id, strlen(service->id) + 1);
		hash = hash_add(hash, service->name, strlen(service->name) + 1);
	}
	return hash;
}
