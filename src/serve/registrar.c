/* SPDX-License-Identifier: ISC */
/* When rpcbind is told, and by which process. What it is told is registrations.c's. */
#include "usherd/serve/registrar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "usherd/base/backoff.h"
#include "usherd/base/fd.h"
#include "usherd/base/text.h"
#include "usherd/exec/libexec.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/registrations.h"

#define COMPLAINT_SIZE 256

struct registrar {
	struct engine *engine;
	struct registrations list;
	struct timer timer;
	struct run *run; /* the process that is at work, or NULL */
	unsigned failures;
	bool stopping;
	bool farewell; /* the last orders have been given */
};

struct run {
	struct child child; /* first: a child leads back here */
	struct launch launch;
	struct engine *engine; /* its launches know the run for as long as it is there */
	struct registrar *registrar; /* NULL when it has gone */
	int fd;                      /* owned; what it complains of */
	char complaint[COMPLAINT_SIZE];
};

static void run_free(struct run *run)
{
	fd_close(&run->fd);
	free(run);
}

static int collect_post(struct registrar *registrar, const struct post *post)
{
	unsigned netids = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < post->listener_count; i++) {
		const struct listener *listener = post->listeners[i];

		if (listener_is_bound(listener))
			r = registrations_want(&registrar->list, post->service,
					       &listener->endpoint, &listener->local,
					       &netids);
	}
	return r;
}

/* Out of memory: what could not be added is when it is looked at next. */
static void collect(struct registrar *registrar)
{
	const struct engine *engine = registrar->engine;
	int r = 0;

	registrations_begin(&registrar->list);
	for (size_t i = 0; r == 0 && !registrar->stopping && i < engine->post_count; i++)
		if (service_is_rpc(engine->posts[i]->service))
			r = collect_post(registrar, engine->posts[i]);
	registrations_end(&registrar->list);
}

static void look_again(struct registrar *registrar, uint64_t ns)
{
	struct loop *loop = registrar->engine->loop;

	if (!registrar->stopping)
		(void)loop_timer_set(loop, &registrar->timer, loop_now_ns(loop) + ns);
}

static void succeeded(struct registrar *registrar)
{
	if (registrar->failures > 0 && !registrar->stopping)
		report_message(registrar->engine->reporter, LOG_LEVEL_NOTICE,
			       "rpcbind knows all services again");
	registrar->failures = 0;
	registrations_settle(&registrar->list, true);
	look_again(registrar, REGISTRAR_CHECK_NS);
}

/* Once is enough, until it has worked again. */
static void failed(struct registrar *registrar, const char *why)
{
	registrations_settle(&registrar->list, false);
	/* One that is told to end with all others is followed by the last. */
	if (registrar->stopping && !registrar->farewell)
		return;
	if (registrar->failures++ == 0)
		report_message(registrar->engine->reporter, LOG_LEVEL_ERROR,
			       "cannot register services with rpcbind: %s%s", why,
			       registrar->stopping ? "" : "; trying again");
	look_again(registrar, backoff_ns(registrar->failures, REGISTRAR_RETRY_FIRST_NS,
					 REGISTRAR_RETRY_MAX_NS));
}

/* The first line it has written: there is no more in one that is ours. */
static void read_complaint(struct run *run)
{
	char line[COMPLAINT_SIZE / 4];
	ssize_t length = read(run->fd, line, sizeof(line) - 1);
	char *end;

	if (length <= 0)
		return;
	line[length] = '\0';
	end = strchr(line, '\n');
	if (end != NULL)
		*end = '\0';
	(void)text_escape(run->complaint, sizeof(run->complaint), line);
}

static const char *outcome(struct run *run, int wait_status)
{
	if (wait_status == CHILD_NOT_STARTED)
		return run->complaint;
	if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0)
		return NULL;
	read_complaint(run);
	if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGALRM)
		return "it does not answer in time";
	return run->complaint[0] != '\0' ? run->complaint : REGISTRAR_PROGRAM " failed";
}

static void work(struct registrar *registrar);

static void finish(struct run *run, int wait_status)
{
	struct registrar *registrar = run->registrar;
	const char *why;

	if (registrar == NULL || wait_status == CHILD_FORGOTTEN) {
		if (registrar != NULL)
			registrar->run = NULL;
		run_free(run);
		return;
	}
	registrar->run = NULL;
	why = outcome(run, wait_status);
	if (why == NULL)
		succeeded(registrar);
	else
		failed(registrar, why);
	/* What has changed meanwhile; after a failure that waits, but for the end. */
	if (why == NULL || (registrar->stopping && !registrar->farewell)) {
		collect(registrar);
		if (registrations_pending(&registrar->list))
			work(registrar);
	}
	run_free(run);
}

static void ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct run *run = (struct run *)child;
	struct error err = { 0 };

	(void)now_ns;
	if (wait_status != CHILD_FORGOTTEN &&
	    launches_reaped(&run->engine->launches, &run->launch, wait_status, &err) <
		    0) {
		(void)text_copy(run->complaint, sizeof(run->complaint), err.text);
		wait_status = CHILD_NOT_STARTED;
	}
	finish(run, wait_status);
}

static void settled(struct launch *launch, const struct error *failure)
{
	struct run *run = launch->data;

	/* Without a registrar, the end of the child table is its end. */
	if (failure == NULL || run->registrar == NULL)
		return;
	children_remove(run->registrar->engine->children, &run->child);
	(void)text_copy(run->complaint, sizeof(run->complaint), failure->text);
	finish(run, CHILD_NOT_STARTED);
}

/* A program like any other, but that nobody has configured it. It keeps the rights of
 * the supervisor, since rpcbind asks who registers, and gives up the others itself. */
static int make_plan(struct engine *engine, struct plan **ret, struct error *err)
{
	struct service *service = service_new();
	char path[PATH_MAX];
	int r;

	if (service == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	r = libexec_find(REGISTRAR_PROGRAM, path, sizeof(path), err);
	if (r == 0) {
		service->program.path = strdup(path);
		service->program.passenv_given = true;
		service->program.stderr_target = STDERR_LOG;
		r = service->program.path != NULL
			    ? plan_new(service, engine->environment, TECHNIQUE_SHARED,
				       ret, err)
			    : error_set(err, -ENOMEM, "out of memory");
	}
	service_unref(service);
	return r;
}

/* The orders as a file that has no name: as long as they may be, nobody waits. */
static int write_orders(struct registrations *list, int *ret_fd, struct error *err)
{
	int fd = memfd_create("usherd-rpc", MFD_CLOEXEC);
	int copy = fd != -1 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	FILE *out = copy != -1 ? fdopen(copy, "w") : NULL;
	bool bad;

	if (out == NULL) {
		int r = error_set_errno(err, -errno, "cannot write orders");

		fd_close(&copy);
		fd_close(&fd);
		return r;
	}
	registrations_write(list, out);
	bad = ferror(out) != 0;
	if (fclose(out) == EOF || bad || lseek(fd, 0, SEEK_SET) == -1) {
		fd_close(&fd);
		return error_set(err, -EIO, "cannot write orders");
	}
	*ret_fd = fd;
	return 0;
}

static int spawn(struct registrar *registrar, struct run *run, int orders, int complaints,
		 struct error *err)
{
	struct engine *engine = registrar->engine;
	const struct invocation invocation = { .fd = orders,
					       .stderr_fd = complaints,
					       .transport = TRANSPORT_UNIX_STREAM };
	struct plan *plan = NULL;
	int r = make_plan(engine, &plan, err);

	if (r < 0)
		return r;
	r = spawn_begin(engine->spawner, plan, &invocation, &run->launch.attempt, err);
	plan_unref(plan);
	if (r < 0)
		return r;
	run->child.pid = run->launch.attempt.pid;
	run->child.ended = ended;
	r = children_add(engine->children, &run->child);
	if (r < 0) {
		(void)kill(run->child.pid, SIGKILL);
		spawn_abandon(&run->launch.attempt);
		return error_set(err, r, "out of memory");
	}
	run->launch.settled = settled;
	run->launch.data = run;
	launches_add(&engine->launches, &run->launch);
	return 0;
}

static int start(struct registrar *registrar, struct error *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int ends[2] = { -1, -1 };
	int orders = -1;
	int r = 0;

	if (run == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	run->engine = registrar->engine;
	run->registrar = registrar;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		r = error_set_errno(err, -errno, "cannot make a pipe");
	run->fd = ends[0];
	if (r == 0)
		r = write_orders(&registrar->list, &orders, err);
	if (r == 0)
		r = spawn(registrar, run, orders, ends[1], err);
	fd_close(&orders);
	fd_close(&ends[1]);
	if (r < 0)
		run_free(run);
	else
		registrar->run = run;
	return r;
}

static void work(struct registrar *registrar)
{
	struct error err = { 0 };

	registrar->farewell = registrar->stopping;
	if (registrar->run == NULL && registrar->list.count > 0 &&
	    start(registrar, &err) < 0)
		failed(registrar, err.text);
}

static void timer_fired(struct timer *timer)
{
	struct registrar *registrar = timer->data;

	/* Its end comes first, and looks at what there is then. */
	if (registrar->run != NULL)
		return;
	collect(registrar);
	work(registrar);
}

int registrar_new(struct engine *engine, struct registrar **ret)
{
	struct registrar *registrar = calloc(1, sizeof(*registrar));

	if (registrar == NULL)
		return -ENOMEM;
	registrar->engine = engine;
	registrar->timer.fired = timer_fired;
	registrar->timer.data = registrar;
	*ret = registrar;
	return 0;
}

void registrar_free(struct registrar *registrar)
{
	if (registrar == NULL)
		return;
	loop_timer_cancel(&registrar->timer);
	if (registrar->run != NULL)
		registrar->run->registrar = NULL;
	registrations_done(&registrar->list);
	free(registrar);
}

void registrar_refresh(struct registrar *registrar)
{
	look_again(registrar, 0);
}

/* Nobody will be there to hear of its end. What it has sent already rpcbind reads first,
 * since it takes its clients in the order they come in. */
static void abandon_run(struct registrar *registrar)
{
	if (registrar->run == NULL)
		return;
	(void)kill(registrar->run->child.pid, SIGKILL);
	registrar->run->registrar = NULL;
	registrar->run = NULL;
}

void registrar_stop(struct registrar *registrar, bool at_once)
{
	registrar->stopping = true;
	loop_timer_cancel(&registrar->timer);
	if (at_once)
		abandon_run(registrar);
	if (registrar->run != NULL)
		return;
	collect(registrar);
	work(registrar);
}
