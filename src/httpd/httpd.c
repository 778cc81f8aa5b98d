/* SPDX-License-Identifier: ISC */
/*
 * libmicrohttpd on our loop: it has no listener, no thread and no descriptor that we do
 * not give it, and waits in an epoll set which is one watch of the loop. What a request
 * is answered with is answer.c's affair.
 */
#include "usherd/httpd/httpd.h"

#include <errno.h>
#include <linux/tcp.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "usherd/base/clock.h"
#include "usherd/httpd/answer.h"
#include "usherd/httpd/site.h"

/* The guard has its limits; the library's own must not be what is met first. */
#define CONNECTIONS_MAX 1000000U

struct httpd;

/* One connection. */
struct visit {
	struct visit *prev, *next; /* in httpd->visits, then in httpd->ended */
	struct httpd *httpd;       /* borrowed */
	struct session_owner owner;
	struct timer deadline; /* of the head of a request */
	struct watch
		leaving; /* the client's end of the stream; the library's descriptor */
	uint64_t bytes_in;
	uint64_t bytes_out;
	bool answered; /* at least one request */
	bool busy;     /* with another one */
};

struct httpd {
	struct loop *loop; /* borrowed */
	struct site site;
	struct MHD_Daemon *daemon; /* owned */
	struct watch watch;        /* its epoll set */
	struct timer timer;        /* when it wants to be run in any case */
	struct visit *visits;      /* owned, each */
	struct visit *ended;       /* likewise: closed, but not told yet */
	struct visit *arriving;    /* in MHD_add_connection() */
	uint64_t idle_ns;
	bool draining;
};

/* A visit ends within the library, where its owner must not come in again. */
static void tell_ended(struct httpd *httpd)
{
	struct visit *visit;

	while ((visit = httpd->ended) != NULL) {
		struct session_owner owner = visit->owner;
		uint64_t bytes_in = visit->bytes_in;
		uint64_t bytes_out = visit->bytes_out;

		DL_DELETE(httpd->ended, visit);
		free(visit);
		owner.ended(owner.data, bytes_in, bytes_out);
	}
}

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
	tell_ended(httpd);
	plan_next_run(httpd);
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

/* The library finds the end of the stream and closes. What has come already is answered
 * before that. */
static void hurry(struct visit *visit)
{
	loop_remove(&visit->leaving);
	(void)shutdown(visit->leaving.fd, SHUT_RD);
}

/*
 * The library (0.9.75) waits for edges, and takes a read that did not fill its buffer for
 * the last there is to come: an end of the stream that came with the last bytes it would
 * not see. Our own shutdown makes another edge.
 */
static void client_left(struct watch *watch, short revents)
{
	(void)revents;
	hurry(watch->data);
}

static void deadline_passed(struct timer *timer)
{
	hurry(timer->data);
}

static void await_request(struct visit *visit)
{
	struct httpd *httpd = visit->httpd;

	visit->busy = false;
	if (httpd->draining && visit->answered)
		hurry(visit);
	else
		(void)loop_timer_set(httpd->loop, &visit->deadline,
				     loop_now_ns(httpd->loop) + httpd->idle_ns);
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

static void end_visit(struct visit *visit)
{
	struct httpd *httpd = visit->httpd;

	loop_timer_cancel(&visit->deadline);
	loop_remove(&visit->leaving);
	DL_DELETE(httpd->visits, visit);
	DL_APPEND(httpd->ended, visit);
}

static void connection_changed(void *data, struct MHD_Connection *connection,
			       void **context, enum MHD_ConnectionNotificationCode code)
{
	struct httpd *httpd = data;
	struct visit *visit = *context;

	(void)connection;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = httpd->arriving;
		return;
	}
	if (visit == NULL)
		return;
	count_bytes(visit);
	end_visit(visit);
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
		await_request(visit);
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

static void head_arrived(struct visit *visit)
{
	visit->answered = true;
	visit->busy = true;
	loop_timer_cancel(&visit->deadline);
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
				   .last = httpd->draining };

	(void)version;
	(void)upload;
	if (visit == NULL || *upload_size > 0)
		return MHD_NO;
	if (*context == NULL) {
		*context = visit;
		head_arrived(visit);
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
	unsigned idle_s = (unsigned)((httpd->idle_ns + CLOCK_NS_PER_SECOND - 1) /
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
	tell_ended(httpd);
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
	httpd->idle_ns =
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
	struct visit *visit;

	httpd->draining = true;
	DL_FOREACH(httpd->visits, visit) {
		if (visit->answered && !visit->busy)
			hurry(visit);
	}
}

/* The library closes the descriptor whatever comes of it, so from there on a failure is a
 * visit that ends. */
static void let_in(struct httpd *httpd, struct visit *visit,
		   const struct connection *connection)
{
	httpd->arriving = visit;
	if (MHD_add_connection(httpd->daemon, connection->fd, &connection->peer.u.any,
			       connection->peer.length) == MHD_YES) {
		await_request(visit);
		/* Without it the end comes with the deadline. */
		(void)loop_add(httpd->loop, &visit->leaving);
		return;
	}
	end_visit(visit);
	(void)loop_timer_set(httpd->loop, &httpd->timer, loop_now_ns(httpd->loop));
}

static int httpd_stream(void *state, const struct connection *connection,
			const struct session_owner *owner, struct error *err)
{
	struct httpd *httpd = state;
	struct visit *visit = calloc(1, sizeof(*visit));

	if (visit == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	visit->httpd = httpd;
	visit->owner = *owner;
	visit->leaving.fd = connection->fd;
	visit->leaving.events = POLLRDHUP;
	visit->leaving.ready = client_left;
	visit->leaving.data = visit;
	visit->deadline.fired = deadline_passed;
	visit->deadline.data = visit;
	DL_APPEND(httpd->visits, visit);
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
