/* SPDX-License-Identifier: ISC */
/* Logs by what they are called. Who writes where is service_logs.c's. */
/* Out of memory makes HASH_ADD leave hh.tbl NULL in place of ending the process. */
#define HASH_NONFATAL_OOM 1
#include "usherd/serve/log_places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool log_place_is_for(const struct log_type *type)
{
	return type->kind == LOG_TYPE_FILE || type->kind == LOG_TYPE_SYSLOG;
}

/* NULL when out of memory. */
static char *make_key(const struct log_type *type)
{
	char *key = NULL;
	int length;

	if (type->kind == LOG_TYPE_FILE)
		length = asprintf(&key, "file %s", type->path);
	else
		length = asprintf(&key, "syslog %d %d", type->facility, type->severity);
	return length < 0 ? NULL : key;
}

static int make_target(const struct log_type *type, struct log_target *ret)
{
	const struct log_target target = {
		.kind = type->kind == LOG_TYPE_FILE ? LOG_TO_FILE : LOG_TO_SYSLOG,
		.facility = type->facility,
		.path = type->path,
		.of_services = true,
		.severity = type->severity,
	};

	return log_target_copy(&target, ret);
}

static const char *name_of(const struct log_place *place)
{
	return place->target.path != NULL ? place->target.path : "syslog";
}

static void tell(void *data, enum log_level level, const char *text)
{
	const struct log_place *place = data;

	report_message(place->places->reporter, level, "service log '%s': %s",
		       name_of(place), text);
}

static void place_free(struct log_place *place)
{
	log_pump_stop(&place->pump);
	log_free(place->log);
	log_target_done(&place->target);
	free(place->key);
	free(place);
}

/* Takes @key. NULL when out of memory. */
static struct log_place *place_new(struct log_places *places, const struct log_type *type,
				   char *key)
{
	struct log_place *place = calloc(1, sizeof(*place));

	if (place == NULL || make_target(type, &place->target) < 0) {
		free(place);
		free(key);
		return NULL;
	}
	place->key = key;
	place->places = places;
	HASH_ADD_KEYPTR(hh, places->first, place->key, strlen(place->key), place);
	if (place->hh.tbl != NULL)
		return place;
	place_free(place);
	return NULL;
}

struct log_place *log_place_get(struct log_places *places, const struct log_type *type)
{
	char *key = make_key(type);
	struct log_place *place = NULL;

	if (key == NULL)
		return NULL;
	HASH_FIND(hh, places->first, key, strlen(key), place);
	if (place == NULL)
		return place_new(places, type, key);
	free(key);
	return place;
}

void log_place_open(struct log_place *place)
{
	struct log_places *places = place->places;

	place->fresh = true;
	place->target.soft_limit = place->soft_limit;
	place->target.hard_limit = place->hard_limit;
	if (log_new(&place->target, places->ident, LOG_LEVEL_INFO, &place->log,
		    &place->err) < 0)
		return;
	log_on_notice(place->log, tell, place);
	log_pump_start(&place->pump, places->loop, place->log);
}

void log_place_reopen(struct log_place *place)
{
	struct error err = { 0 };

	if (log_reopen(place->log, &place->target, &err) < 0)
		report_message(place->places->reporter, LOG_LEVEL_ERROR,
			       "%s; it stays open as it was", err.text);
}

void log_places_sweep(struct log_places *places)
{
	struct log_place *place, *next;

	HASH_ITER(hh, places->first, place, next) {
		if (place->routes > 0)
			continue;
		/* NOLINTBEGIN(clang-analyzer-unix.Malloc): the freed one is not in it */
		HASH_DEL(places->first, place);
		/* NOLINTEND(clang-analyzer-unix.Malloc) */
		place_free(place);
	}
}
