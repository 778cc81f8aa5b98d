/* SPDX-License-Identifier: ISC */
/*
 * libmicrohttpd on our loop: it has no listener, no thread and no descriptor that we do
 * not give it, and waits in an epoll set which is one watch of the loop. What a request
 * is answered with is answer.c's affair.
 */
#include "usherd/httpd/httpd.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/httpd/answer.h"
#include "usherd/httpd/site.h"
#include "usherd/httpd/visit.h"

/* The guard has its limits; the library's own must not be what is met first. */
#define CONNECTIONS_MAX 1000000U

struct httpd;

struct httpd {
	struct loop *loop; /* borrowed */
	struct site site;
	struct MHD_Daemon *daemon; /* owned */
	struct watch watch;        /* its epoll set */
	struct timer timer;        /* when it wants to be run in any case */
	struct visits visits;
	struct visit *arriving; /* in MHD_add_connection(), until the library knows it */
};

/* It may have work left that no descriptor tells of, and connections that are due. */
static void plan_next_run(struct httpd *httpd)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	if (MHD_get_timeout(httpd->daemon, &wait_ms) == MHD_NO) {
		loop_timer_cancel(&httpd->timer);
		return;
	}
	(void)loop_timer_set(httpd->loop, &httpd->timer,
			     loop_now_ns(httpd->loop) +
				     (uint64_t)wait_ms * CLOCK_NS_PER_MS);
}

static void run(struct httpd *httpd)
{
	(void)MHD_run(httpd->daemon);
	visits_settle(&httpd->visits);
	plan_next_run(httpd);
}

static void run_for_visits(void *data)
{
	run(data);
}

static void set_ready(struct watch *watch, short revents)
{
	(void)revents;
	run(watch->data);
}

static void run_due(struct timer *timer)
{
	run(timer->data);
}

static void connection_changed(void *data, struct MHD_Connection *connection,
			       void **context, enum MHD_ConnectionNotificationCode code)
{
	struct httpd *httpd = data;
	struct visit *visit = *context;

	(void)connection;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = httpd->arriving;
		httpd->arriving = NULL;
	} else if (visit != NULL) {
		visit_end(visit, true);
	}
}

static struct visit *visit_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

static void request_completed(void *data, struct MHD_Connection *connection,
			      void **context, enum MHD_RequestTerminationCode code)
{
	struct visit *visit = visit_of(connection);

	(void)data;
	(void)context;
	(void)code;
	if (visit != NULL)
		visit_answered(visit);
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (length != NULL && length[strspn(length, "0")] != '\0')
		return true;
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/*
 * Called when the head of a request has come, and again when all of it has; the answer is
 * given then, or the library would close the connection after it. So it does after a
 * body, which nobody has asked for and nobody is going to read.
 */
static enum MHD_Result request_arrived(void *data, struct MHD_Connection *connection,
				       const char *target, const char *method,
				       const char *version, const char *upload,
				       size_t *upload_size, void **context)
{
	struct httpd *httpd = data;
	struct visit *visit = visit_of(connection);
	struct request request = { .connection = connection,
				   .method = method,
				   .target = target,
				   .last = httpd->visits.draining };

	(void)version;
	(void)upload;
	if (visit == NULL || *upload_size > 0)
		return MHD_NO;
	if (*context == NULL) {
		*context = visit;
		visit_head_arrived(visit);
		if (!has_body(connection))
			return MHD_YES;
	}
	return answer_request(&httpd->site, &request);
}

/* The target is wanted as it was written; path.c undoes its encoding. */
static size_t leave_encoded(void *data, struct MHD_Connection *connection, char *text)
{
	(void)data;
	(void)connection;
	return strlen(text);
}

static int start_daemon(struct httpd *httpd)
{
	unsigned idle_s = (unsigned)((httpd->visits.idle_ns + CLOCK_NS_PER_SECOND - 1) /
				     CLOCK_NS_PER_SECOND);
	const union MHD_DaemonInfo *info;

	/* clang-format off */
	httpd->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		request_arrived, httpd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTPD_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, httpd,
		MHD_OPTION_NOTIFY_CONNECTION, connection_changed, httpd,
		MHD_OPTION_NOTIFY_COMPLETED, request_completed, httpd,
		MHD_OPTION_END);
	/* clang-format on */
	if (httpd->daemon == NULL)
		return -ENOMEM;
	info = MHD_get_daemon_info(httpd->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return -ENOSYS;
	httpd->watch.fd = info->epoll_fd;
	httpd->watch.events = POLLIN;
	return loop_add(httpd->loop, &httpd->watch);
}

static void httpd_close(void *state)
{
	struct httpd *httpd = state;

	loop_remove(&httpd->watch);
	if (httpd->daemon != NULL)
		MHD_stop_daemon(httpd->daemon);
	loop_timer_cancel(&httpd->timer);
	visits_settle(&httpd->visits);
	site_close(&httpd->site);
	free(httpd);
}

static int httpd_open(const struct internal *internal, const struct internal_setup *setup,
		      void **ret_state, struct error *err)
{
	const struct service *service = setup->service;
	struct httpd *httpd = calloc(1, sizeof(*httpd));
	int r;

	(void)internal;
	if (httpd == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	httpd->loop = setup->loop;
	httpd->visits.loop = setup->loop;
	httpd->visits.run = run_for_visits;
	httpd->visits.data = httpd;
	httpd->visits.idle_ns =
		service->idle_timeout_ns > 0 ? service->idle_timeout_ns : HTTPD_IDLE_NS;
	httpd->watch.ready = set_ready;
	httpd->watch.data = httpd;
	httpd->timer.fired = run_due;
	httpd->timer.data = httpd;
	httpd->site.root = -1;
	r = site_open(service, &httpd->site, err);
	if (r == 0) {
		r = start_daemon(httpd);
		if (r < 0)
			(void)error_set_errno(err, r, "cannot start the HTTP server");
	}
	if (r < 0) {
		error_prefix(err, "service '%s'", service->id);
		httpd_close(httpd);
		return r;
	}
	*ret_state = httpd;
	return 0;
}

static int httpd_directory(const void *state)
{
	return ((const struct httpd *)state)->site.root;
}

static void httpd_drain(void *state)
{
	struct httpd *httpd = state;

	visits_drain(&httpd->visits);
}

/* The library closes the descriptor whatever comes of it, so from there on a failure is a
 * visit that ends; the library may have announced and ended it itself by then. */
static void let_in(struct httpd *httpd, struct visit *visit,
		   const struct connection *connection)
{
	httpd->arriving = visit;
	if (MHD_add_connection(httpd->daemon, connection->fd, &connection->peer.u.any,
			       connection->peer.length) == MHD_YES) {
		visit_greet(visit);
		return;
	}
	if (httpd->arriving != NULL)
		visit_end(visit, false);
	httpd->arriving = NULL;
	(void)loop_timer_set(httpd->loop, &httpd->timer, loop_now_ns(httpd->loop));
}

static int httpd_stream(void *state, const struct connection *connection,
			const struct session_owner *owner, struct error *err)
{
	struct httpd *httpd = state;
	struct visit *visit = visit_begin(&httpd->visits, connection, owner);

	if (visit == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	let_in(httpd, visit, connection);
	return 0;
}

static const struct internal http = { .name = "http",
				      .rfc = "RFC 9110",
				      .open = httpd_open,
				      .directory = httpd_directory,
				      .drain = httpd_drain,
				      .close = httpd_close,
				      .stream = httpd_stream };

const struct internal *httpd_find(const char *name)
{
	return strcmp(name, http.name) == 0 ? &http : NULL;
}
