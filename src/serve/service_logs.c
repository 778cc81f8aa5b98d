/* SPDX-License-Identifier: ISC */
/*
 * Routes to places by service. A change is made as a second table of routes; places live
 * as long as a route of either leads to them.
 */
/* Out of memory makes HASH_ADD leave hh.tbl NULL in place of ending the process. */
#define HASH_NONFATAL_OOM 1
#include "usherd/serve/service_logs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "usherd/serve/log_places.h"
#include "usherd/serve/report.h"

/* Of services that have gone, so many are remembered. */
#define RETIRED_MAX 64

struct route {
	char id[EVENT_SERVICE_SIZE];
	struct log_place *place; /* NULL: nowhere */
	bool retired;            /* its service is no longer there */
	UT_hash_handle hh;
};

struct service_logs {
	struct log_places places;
	struct route *routes;
};

struct service_logs_change {
	struct route *routes;
	const struct table *next; /* borrowed */
};

static bool is_served(const struct service *service)
{
	return service != NULL && !service->disable;
}

static uint64_t smaller(uint64_t limit, uint64_t other)
{
	return limit == 0 || (other != 0 && other < limit) ? other : limit;
}

/* The next services include this one. */
static int want(struct service_logs *logs, const struct service *service)
{
	const struct log_type *type = &service->log_type;
	struct log_place *place = log_place_get(&logs->places, type);

	if (place == NULL)
		return -ENOMEM;
	place->wanted = true;
	place->soft_limit = smaller(place->soft_limit, type->soft_limit);
	place->hard_limit = smaller(place->hard_limit, type->hard_limit);
	return 0;
}

static int want_all(struct service_logs *logs, const struct table *next)
{
	int r = 0;

	for (struct log_place *place = logs->places.first; place != NULL;
	     place = place->hh.next) {
		place->wanted = false;
		place->fresh = false;
		place->soft_limit = 0;
		place->hard_limit = 0;
	}
	for (size_t i = 0; r == 0 && i < next->count; i++)
		if (is_served(next->services[i]) &&
		    log_place_is_for(&next->services[i]->log_type))
			r = want(logs, next->services[i]);
	return r;
}

/* What choosing needs to know. */
struct choice {
	struct service_logs *logs;
	const struct table *before;
	int result;
};

static struct service *choose(void *data, struct service *service)
{
	struct choice *choice = data;
	const struct table *before = choice->before;
	const struct log_place *place = NULL;
	struct service *old;

	if (!is_served(service) || !log_place_is_for(&service->log_type))
		return service;
	place = log_place_get(&choice->logs->places, &service->log_type);
	if (place == NULL)
		choice->result = -ENOMEM;
	if (place == NULL || place->log != NULL)
		return service;
	old = before != NULL ? table_find(before, service->id) : NULL;
	report_message(choice->logs->places.reporter, LOG_LEVEL_ERROR,
		       "service '%s': %s; %s", service->id, place->err.text,
		       is_served(old) ? "it stays as it was" : "it is not started");
	if (!is_served(old))
		return NULL;
	if (log_place_is_for(&old->log_type) && want(choice->logs, old) < 0)
		choice->result = -ENOMEM;
	return service_ref(old);
}

static int open_all(struct service_logs *logs, const struct table *before,
		    struct table *next)
{
	struct choice choice = { .logs = logs, .before = before };

	for (struct log_place *place = logs->places.first; place != NULL;
	     place = place->hh.next)
		if (place->wanted && place->log == NULL)
			log_place_open(place);
	table_revise(next, choose, &choice);
	return choice.result;
}

static struct route *find_route(struct route *routes, const char *id)
{
	struct route *route = NULL;

	HASH_FIND_STR(routes, id, route);
	return route;
}

/* NULL when out of memory. */
static struct route *add_route(struct route **routes, const char *id,
			       struct log_place *place)
{
	struct route *route = calloc(1, sizeof(*route));

	if (route == NULL)
		return NULL;
	(void)text_copy(route->id, sizeof(route->id), id);
	route->place = place;
	HASH_ADD_STR(*routes, id, route);
	if (route->hh.tbl == NULL) {
		free(route);
		return NULL;
	}
	if (place != NULL)
		place->routes++;
	return route;
}

static void free_routes(struct route *routes)
{
	struct route *route, *next;

	HASH_ITER(hh, routes, route, next) {
		/* NOLINTBEGIN(clang-analyzer-unix.Malloc): the freed one is not in it */
		HASH_DEL(routes, route);
		/* NOLINTEND(clang-analyzer-unix.Malloc) */
		if (route->place != NULL)
			route->place->routes--;
		free(route);
	}
}

static int make_routes(struct service_logs *logs, struct service_logs_change *change)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < change->next->count; i++) {
		const struct service *service = change->next->services[i];
		struct log_place *place = NULL;

		if (!is_served(service) || service->log_type.kind == LOG_TYPE_MAIN ||
		    find_route(change->routes, service->id) != NULL)
			continue;
		if (log_place_is_for(&service->log_type)) {
			place = log_place_get(&logs->places, &service->log_type);
			r = place != NULL ? 0 : -ENOMEM;
		}
		if (r == 0 && add_route(&change->routes, service->id, place) == NULL)
			r = -ENOMEM;
	}
	return r;
}

int service_logs_new(struct loop *loop, struct reporter *reporter, const char *ident,
		     struct service_logs **ret)
{
	struct service_logs *logs = calloc(1, sizeof(*logs));

	if (logs == NULL)
		return -ENOMEM;
	logs->places = (struct log_places){ loop, reporter, ident, NULL };
	*ret = logs;
	return 0;
}

void service_logs_free(struct service_logs *logs)
{
	if (logs == NULL)
		return;
	free_routes(logs->routes);
	log_places_sweep(&logs->places);
	free(logs);
}

int service_logs_prepare(struct service_logs *logs, const struct table *before,
			 struct table *next, struct service_logs_change **ret)
{
	struct service_logs_change *change = calloc(1, sizeof(*change));
	int r;

	if (change == NULL)
		return -ENOMEM;
	change->next = next;
	r = want_all(logs, next);
	if (r == 0)
		r = open_all(logs, before, next);
	if (r == 0)
		r = make_routes(logs, change);
	if (r < 0)
		service_logs_abandon(logs, change);
	else
		*ret = change;
	return r;
}

static bool has_gone(const struct route *route, const struct service_logs_change *change)
{
	return !is_served(table_find(change->next, route->id));
}

/* Of those that have gone now, or before, all but the first *@skip. */
static void retire(const struct route *routes, bool before,
		   struct service_logs_change *change, size_t *skip)
{
	for (const struct route *route = routes; route != NULL; route = route->hh.next) {
		struct route *added;

		if (route->retired != before || !has_gone(route, change))
			continue;
		if (*skip > 0) {
			(*skip)--;
			continue;
		}
		added = add_route(&change->routes, route->id, route->place);
		if (added != NULL)
			added->retired = true;
	}
}

/* Sessions of services that are no longer there may end a long time later. Those that
 * went first are forgotten first. */
static void retire_all(const struct service_logs *logs,
		       struct service_logs_change *change)
{
	size_t gone = 0;
	size_t skip;

	for (const struct route *route = logs->routes; route != NULL;
	     route = route->hh.next)
		gone += has_gone(route, change);
	skip = gone > RETIRED_MAX ? gone - RETIRED_MAX : 0;
	retire(logs->routes, true, change, &skip);
	retire(logs->routes, false, change, &skip);
}

void service_logs_commit(struct service_logs *logs, struct service_logs_change *change)
{
	retire_all(logs, change);
	free_routes(logs->routes);
	logs->routes = change->routes;
	free(change);
	log_places_sweep(&logs->places);
	for (struct log_place *place = logs->places.first; place != NULL;
	     place = place->hh.next) {
		if (place->wanted) {
			place->target.soft_limit = place->soft_limit;
			place->target.hard_limit = place->hard_limit;
		}
		if (!place->fresh)
			log_place_reopen(place);
	}
}

void service_logs_abandon(struct service_logs *logs, struct service_logs_change *change)
{
	if (change == NULL)
		return;
	free_routes(change->routes);
	free(change);
	log_places_sweep(&logs->places);
}

void service_logs_reopen(struct service_logs *logs)
{
	for (struct log_place *place = logs->places.first; place != NULL;
	     place = place->hh.next)
		log_place_reopen(place);
}

struct log *service_logs_find(const struct service_logs *logs, const char *id,
			      struct log *otherwise)
{
	const struct route *route;

	if (logs->routes == NULL)
		return otherwise;
	route = find_route(logs->routes, id);
	if (route == NULL)
		return otherwise;
	return route->place != NULL ? route->place->log : NULL;
}
