/* SPDX-License-Identifier: ISC */
/* A bench whose in-process services are served by real workers, forked by the
 * supervisor's side of its engine. As root they are confined completely, else as far as
 * that goes. */
#ifndef USHERD_TESTS_SERVE_WORKERS_BENCH_H
#define USHERD_TESTS_SERVE_WORKERS_BENCH_H

#include "duty_bench.h"
#include "usherd/serve/workers.h"

#define NOBODY 65534

static struct workers *workers;

static inline void refresh_soon(struct engine *engine)
{
	(void)engine;
	workers_refresh_soon(workers);
}

static inline int workers_setup(void **state)
{
	struct bench *bench;

	if (bench_setup(state) != 0)
		return -1;
	bench = *state;
	if (workers_new(&bench->engine, geteuid() == 0, &workers) != 0)
		return -1;
	bench->engine.internal_changed = refresh_soon;
	return 0;
}

static inline int workers_teardown(void **state)
{
	workers_free(workers);
	return bench_teardown(state);
}

/* With the rights of nobody, as conf makes it for root. */
static inline struct service *nobody(struct service *service)
{
	struct credentials *credentials = &service->program.credentials;

	if (geteuid() != 0)
		return service;
	credentials->change = true;
	credentials->uid = NOBODY;
	credentials->gid = NOBODY;
	return service;
}

static inline struct service *echo_at(const char *id, enum transport transport,
				      uint16_t port)
{
	struct service *service = nobody(bench_internal(id, "echo"));

	bench_at(service, transport, "127.0.0.1", port);
	return service;
}

/* The worker in the START event, which is also the proof that its report arrived. */
static inline pid_t echo_once(struct bench *bench, int client, const char *text)
{
	size_t before = bench_kind_count(bench, EVENT_START);

	bench_send(client, text);
	bench_expect(bench, client, text);
	UNTIL(bench, bench_kind_count(bench, EVENT_START) > before);
	return bench_last(bench, EVENT_START)->pid;
}

#endif
