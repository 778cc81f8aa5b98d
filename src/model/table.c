/* SPDX-License-Identifier: ISC */
/*
 * The set of services with the settings around it. Services are found by id through an
 * open hash with at least half of its slots free; when services are removed it is made
 * anew.
 */
#include "usherd/model/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/hash.h"
#include "usherd/base/units.h"

#define FIRST_SLOT_COUNT 16

/* The slot that holds @id, or the free one where it belongs. */
static struct service **find_slot(struct service **slots, size_t slot_count,
				  const char *id)
{
	size_t i = (size_t)hash_add(HASH_START, id, strlen(id)) & (slot_count - 1);

	while (slots[i] != NULL && strcmp(slots[i]->id, id) != 0)
		i = (i + 1) & (slot_count - 1);
	return &slots[i];
}

/* Make room for one more service in array and slots. */
static int reserve(struct table *table)
{
	size_t slot_count =
		table->slot_count == 0 ? FIRST_SLOT_COUNT : table->slot_count * 2;
	struct service **services;
	struct service **slots;

	if (table->count < table->slot_count / 2)
		return 0;
	services =
		reallocarray(table->services, slot_count / 2, sizeof(struct service *));
	if (services == NULL)
		return -ENOMEM;
	table->services = services;
	slots = calloc(slot_count, sizeof(struct service *));
	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		*find_slot(slots, slot_count, services[i]->id) = services[i];
	free(table->slots);
	table->slots = slots;
	table->slot_count = slot_count;
	return 0;
}

static void settings_done(struct settings *settings)
{
	free(settings->log);
	free(settings->pidfile);
	free(settings->worker_user);
	credentials_done(&settings->worker);
}

struct table *table_new(void)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->settings.max_children = UNITS_UNLIMITED;
	table->settings.workers = 1;
	table->settings.stop = STOP_TERMINATE;
	table->settings.stop_grace_ns = 5 * CLOCK_NS_PER_SECOND;
	return table;
}

void table_free(struct table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		service_unref(table->services[i]);
	free(table->services);
	free(table->slots);
	strings_done(&table->refused);
	settings_done(&table->settings);
	free(table);
}

int table_add(struct table *table, struct service *service)
{
	struct service **slot;

	if (reserve(table) != 0) {
		service_unref(service);
		return -ENOMEM;
	}
	table->services[table->count++] = service;
	slot = find_slot(table->slots, table->slot_count, service->id);
	if (*slot == NULL)
		*slot = service;
	return 0;
}

struct service *table_find(const struct table *table, const char *id)
{
	if (table->slot_count == 0)
		return NULL;
	return *find_slot(table->slots, table->slot_count, id);
}

static bool clash(const struct service *a, const struct service *b)
{
	for (size_t i = 0; i < a->endpoint_count; i++)
		for (size_t k = 0; k < b->endpoint_count; k++)
			if (endpoint_clashes(&a->endpoints[i], &b->endpoints[k]))
				return true;
	return false;
}

/* May it be there beside the others? One of the same id makes way if it is off. */
static bool has_room_for(const struct table *table, const struct service *service)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct service *other = table->services[i];

		if (!other->disable &&
		    (strcmp(other->id, service->id) == 0 || clash(other, service)))
			return false;
	}
	return true;
}

static int put_back(struct table *table, struct service *service)
{
	struct service *off = table_find(table, service->id);

	if (off == NULL)
		return table_add(table, service_ref(service));
	*find_slot(table->slots, table->slot_count, off->id) = service;
	for (size_t i = 0; i < table->count; i++)
		if (table->services[i] == off)
			table->services[i] = service_ref(service);
	service_unref(off);
	return 0;
}

int table_retain(struct table *table, const struct table *before)
{
	int count = 0;

	for (size_t i = 0; i < table->refused.count; i++) {
		struct service *service = table_find(before, table->refused.items[i]);
		int r;

		if (service == NULL || service->disable || !has_room_for(table, service))
			continue;
		r = put_back(table, service);
		if (r < 0)
			return r;
		count++;
	}
	return count;
}

void table_revise(struct table *table,
		  struct service *(*choose)(void *data, struct service *service),
		  void *data)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		struct service *own = table->services[i];
		struct service *chosen = choose(data, own);

		if (chosen != own)
			service_unref(own);
		if (chosen != NULL)
			table->services[kept++] = chosen;
	}
	table->count = kept;
	if (table->slots != NULL)
		memset((void *)table->slots, 0,
		       table->slot_count * sizeof(*table->slots));
	for (size_t i = 0; i < kept; i++) {
		struct service **slot = find_slot(table->slots, table->slot_count,
						  table->services[i]->id);

		if (*slot == NULL)
			*slot = table->services[i];
	}
}

void table_share(struct table *table, const struct table *before)
{
	for (size_t i = 0; i < table->count; i++) {
		struct service *own = table->services[i];
		struct service **slot =
			find_slot(table->slots, table->slot_count, own->id);
		struct service *other = table_find(before, own->id);

		/* Of two with one id the second is in no slot. */
		if (*slot != own || other == NULL || !service_is_same(own, other))
			continue;
		table->services[i] = service_ref(other);
		*slot = other;
		service_unref(own);
	}
}
