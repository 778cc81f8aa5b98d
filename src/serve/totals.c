/* SPDX-License-Identifier: ISC */
/* There may be thousands of pages and of posts, and few or all of them may be new. */
#include "usherd/serve/totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve_internal.h"

/* A post by its id. */
struct entry {
	const char *id; /* borrowed */
	size_t place;   /* among the engine's posts */
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a;
	const struct entry *right = b;

	return strcmp(left->id, right->id);
}

/* To be freed by the caller; NULL: no memory. */
static struct entry *make_index(const struct engine *engine)
{
	struct entry *entries = calloc(engine->post_count + 1, sizeof(*entries));

	if (entries == NULL)
		return NULL;
	for (size_t i = 0; i < engine->post_count; i++)
		entries[i] = (struct entry){ engine->posts[i]->service->id, i };
	qsort(entries, engine->post_count, sizeof(*entries), compare_entries);
	return entries;
}

/* Call @take for every page whose service is there. */
static void walk(const struct engine *engine, const struct entry *index,
		 const struct ledger *ledger, unsigned slot,
		 void (*take)(void *data, size_t place, const struct counts *counts),
		 void *data)
{
	struct entry wanted = { 0 };
	const struct tally *tally;

	for (size_t i = 0; (tally = ledger_page(ledger, i, slot, &wanted.id)) != NULL;
	     i++) {
		const struct entry *found = bsearch(&wanted, index, engine->post_count,
						    sizeof(*index), compare_entries);

		if (found != NULL)
			take(data, found->place, &tally->counts);
	}
}

static void keep(void *data, size_t place, const struct counts *counts)
{
	struct post *const *posts = data;
	struct counts last = *counts;

	counts_close(&last);
	counts_add(&posts[place]->own_tally.counts, &last);
}

void totals_keep(struct engine *engine, const struct ledger *ledger, unsigned slot)
{
	struct entry *index = make_index(engine);

	if (index != NULL)
		walk(engine, index, ledger, slot, keep, (void *)engine->posts);
	else
		report_message(engine->reporter, LOG_LEVEL_ERROR,
			       "out of memory: what a worker counted is lost");
	free(index);
}

static void sum_up(void *data, size_t place, const struct counts *counts)
{
	struct counts *sums = data;

	counts_add(&sums[place], counts);
}

int totals_collect(const struct engine *engine, const struct workers *workers,
		   struct counts **ret)
{
	struct counts *sums = calloc(engine->post_count + 1, sizeof(*sums));
	struct entry *index = make_index(engine);

	if (sums == NULL || index == NULL) {
		free(sums);
		free(index);
		return -ENOMEM;
	}
	for (size_t i = 0; i < engine->post_count; i++)
		counts_add(&sums[i], &engine->posts[i]->own_tally.counts);
	for (const struct worker *worker = workers->first; worker != NULL;
	     worker = worker->next)
		walk(engine, index, worker->crew->ledger, worker->slot, sum_up, sums);
	free(index);
	*ret = sums;
	return 0;
}
