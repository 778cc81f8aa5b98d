/* SPDX-License-Identifier: ISC */
/* Shared memory for tallies. Who reads and who writes them is settled by workers.c. */
#include "usherd/serve/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

struct page {
	char *id; /* owned */
	struct tally *tally;
	size_t size;
};

struct ledger {
	struct page *pages; /* owned */
	size_t count;
};

/*
 * Where RLIMIT_NOFILE is next to none (2^30 in many containers), a table for as many
 * would take more address space than a system without overcommit gives.
 */
#define LEDGER_SOURCES_MAX ((rlim_t)1 << 20)

/* No worker has more sessions than descriptors, so no more sources. */
static size_t most_sources(const struct service *service)
{
	struct rlimit limit = { .rlim_cur = 1024 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > LEDGER_SOURCES_MAX)
		limit.rlim_cur = LEDGER_SOURCES_MAX;
	if (service->policy.instances < limit.rlim_cur)
		return (size_t)service->policy.instances + 1;
	return (size_t)limit.rlim_cur;
}

static int page_make(struct page *page, const struct service *service)
{
	size_t sources = most_sources(service);
	void *memory;

	page->size = tally_memory_size(sources);
	page->id = strdup(service->id);
	if (page->id == NULL)
		return -ENOMEM;
	/* Without swap reserved: most of it is never touched. */
	memory = mmap(NULL, page->size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	page->tally = tally_place(memory, sources);
	return 0;
}

int ledger_new(struct service *const *services, size_t count, struct ledger **ret)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger == NULL)
		return -ENOMEM;
	ledger->pages = calloc(count + 1, sizeof(*ledger->pages));
	if (ledger->pages == NULL) {
		free(ledger);
		return -ENOMEM;
	}
	for (; ledger->count < count; ledger->count++) {
		if (page_make(&ledger->pages[ledger->count], services[ledger->count]) <
		    0) {
			free(ledger->pages[ledger->count].id);
			ledger_free(ledger);
			return -ENOMEM;
		}
	}
	*ret = ledger;
	return 0;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	for (size_t i = 0; i < ledger->count; i++) {
		(void)munmap(ledger->pages[i].tally, ledger->pages[i].size);
		free(ledger->pages[i].id);
	}
	free(ledger->pages);
	free(ledger);
}

struct tally *ledger_find(const struct ledger *ledger, const char *id)
{
	for (size_t i = 0; i < ledger->count; i++)
		if (strcmp(ledger->pages[i].id, id) == 0)
			return ledger->pages[i].tally;
	return NULL;
}

void ledger_clear(struct ledger *ledger)
{
	/* The successors' mappings stay: what they read there has to be nothing. */
	for (size_t i = 0; i < ledger->count; i++)
		tally_clear(ledger->pages[i].tally);
}
