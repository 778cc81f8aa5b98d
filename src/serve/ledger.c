/* SPDX-License-Identifier: ISC */
/* Shared memory for tallies. Who reads and who writes them is settled by workers.c. */
#include "usherd/serve/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/base/fd.h"

struct page {
	char *id; /* owned */
	size_t sources;
	size_t offset;
	struct tally *tally;
};

struct ledger {
	struct page *pages; /* owned */
	size_t count;
	int fd;       /* owned; -1: another program's memory, which it has mapped */
	char *memory; /* owned, mapped */
	size_t size;
};

/*
 * Where RLIMIT_NOFILE is next to none (2^30 in many containers), a table for as many
 * would take more address space than a system without overcommit gives.
 */
#define LEDGER_SOURCES_MAX ((rlim_t)1 << 20)

#define PAGE_ALIGNMENT     ((size_t)64)

/* Of a packed page: two numbers and an id. */
#define PACKED_PAGE_MIN 17

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

/* Takes @id over, also on failure. */
static int add_page(struct ledger *ledger, char *id, size_t sources)
{
	struct page *page = &ledger->pages[ledger->count];
	size_t size = tally_memory_size(sources);

	if (id == NULL)
		return -ENOMEM;
	page->id = id;
	page->sources = sources;
	page->offset = ledger->size;
	ledger->size += (size + PAGE_ALIGNMENT - 1) / PAGE_ALIGNMENT * PAGE_ALIGNMENT;
	ledger->count++;
	return 0;
}

static struct ledger *allocate(size_t count)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger == NULL)
		return NULL;
	ledger->fd = -1;
	/* Without any page there still is something to be mapped. */
	ledger->size = PAGE_ALIGNMENT;
	ledger->pages = calloc(count + 1, sizeof(*ledger->pages));
	if (ledger->pages != NULL)
		return ledger;
	free(ledger);
	return NULL;
}

/* Without swap reserved: most of it is never touched. */
static int map(struct ledger *ledger, int fd)
{
	void *memory = mmap(NULL, ledger->size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	ledger->memory = memory;
	for (size_t i = 0; i < ledger->count; i++)
		ledger->pages[i].tally =
			(struct tally *)(void *)(ledger->memory +
						 ledger->pages[i].offset);
	return 0;
}

static void place_tallies(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		(void)tally_place(ledger->pages[i].tally, ledger->pages[i].sources);
}

/* Sealed against any other size, so that no worker can make the others fault. */
static int make_memory(struct ledger *ledger)
{
	ledger->fd = memfd_create("usherd-ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (ledger->fd == -1 || ftruncate(ledger->fd, (off_t)ledger->size) == -1 ||
	    fcntl(ledger->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
		    -1)
		return -errno;
	return map(ledger, ledger->fd);
}

int ledger_new(struct service *const *services, size_t count, struct ledger **ret)
{
	struct ledger *ledger = allocate(count);
	int r = 0;

	if (ledger == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_page(ledger, strdup(services[i]->id), most_sources(services[i]));
	if (r == 0)
		r = make_memory(ledger);
	if (r < 0) {
		ledger_free(ledger);
		return r;
	}
	place_tallies(ledger);
	*ret = ledger;
	return 0;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	if (ledger->memory != NULL)
		(void)munmap(ledger->memory, ledger->size);
	for (size_t i = 0; i < ledger->count; i++)
		free(ledger->pages[i].id);
	fd_close(&ledger->fd);
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

/* The successors' mappings stay: what they read there has to be nothing. */
void ledger_clear(struct ledger *ledger)
{
	if (fallocate(ledger->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      (off_t)ledger->size) == -1)
		memset(ledger->memory, 0, ledger->size);
	place_tallies(ledger);
}

int ledger_fd(const struct ledger *ledger)
{
	return ledger->fd;
}

void ledger_pack(const struct ledger *ledger, struct packer *packer)
{
	pack_number(packer, ledger->count);
	for (size_t i = 0; i < ledger->count; i++) {
		pack_text(packer, ledger->pages[i].id);
		pack_number(packer, ledger->pages[i].sources);
	}
}

static int unpack_pages(struct unpacker *unpacker, struct ledger *ledger, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		char *id = unpack_text(unpacker);
		size_t sources = (size_t)unpack_number(unpacker, LEDGER_SOURCES_MAX + 1);

		r = unpacker->failed ? -EBADMSG : 0;
		if (r == 0)
			r = add_page(ledger, id, sources);
		else
			free(id);
	}
	return r;
}

int ledger_unpack(struct unpacker *unpacker, int fd, struct ledger **ret)
{
	size_t count = (size_t)unpack_number(unpacker, unpacker->left / PACKED_PAGE_MIN);
	struct ledger *ledger = allocate(count);
	struct stat status;
	int r;

	if (ledger == NULL)
		return -ENOMEM;
	r = unpack_pages(unpacker, ledger, count);
	if (r == 0 && (fstat(fd, &status) == -1 || (size_t)status.st_size < ledger->size))
		r = -EBADMSG;
	if (r == 0)
		r = map(ledger, fd);
	if (r < 0) {
		ledger_free(ledger);
		return r;
	}
	*ret = ledger;
	return 0;
}
