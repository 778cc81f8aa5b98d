/* SPDX-License-Identifier: ISC */
/*
 * Shared memory for tallies. Who reads and who writes them is settled by workers.c.
 *
 * It begins with the lock. With several slots the arrivals of each service follow, which
 * outlive every single worker, and in any case those by source; then the slots, alike.
 */
#include "usherd/serve/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/model/table.h"

struct page {
	char *id; /* owned */
	size_t sources;
	size_t offset; /* in each slot */
	size_t rates;  /* where they are, from the begin; 0: there are none */
};

struct ledger {
	struct page *pages; /* owned */
	size_t count;
	unsigned slots;
	size_t head;      /* bytes before the first slot */
	size_t slot_size; /* bytes of each slot */
	size_t size;
	int fd;       /* owned; -1: another program's memory, which it has mapped */
	char *memory; /* owned, mapped */
};

/*
 * Where RLIMIT_NOFILE is next to none (2^30 in many containers), a table for as many
 * would take more address space than a system without overcommit gives.
 */
#define LEDGER_SOURCES_MAX ((rlim_t)1 << 20)

#define PAGE_ALIGNMENT     ((size_t)64)

_Static_assert(sizeof(pthread_mutex_t) <= PAGE_ALIGNMENT, "the lock has its line");

/* Of a packed page: three numbers, one of them an id's length. */
#define PACKED_PAGE_MIN 24

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

static size_t align(size_t size)
{
	return (size + PAGE_ALIGNMENT - 1) / PAGE_ALIGNMENT * PAGE_ALIGNMENT;
}

/* Takes @id over, also on failure. */
static int add_page(struct ledger *ledger, char *id, size_t sources, bool rates)
{
	struct page *page = &ledger->pages[ledger->count];

	if (id == NULL)
		return -ENOMEM;
	page->id = id;
	page->sources = sources;
	page->offset = ledger->slot_size;
	ledger->slot_size += align(tally_memory_size(sources));
	ledger->count++;
	if (!rates)
		return 0;
	page->rates = ledger->head;
	return __builtin_add_overflow(ledger->head, align(rates_memory_size()),
				      &ledger->head)
		       ? -ENOMEM
		       : 0;
}

static struct ledger *allocate(size_t count, unsigned slots)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger == NULL)
		return NULL;
	ledger->fd = -1;
	ledger->slots = slots;
	/* Without any page there still is something to be mapped. */
	ledger->head = PAGE_ALIGNMENT;
	if (slots > 1)
		ledger->head += align(count * sizeof(struct arrivals));
	ledger->pages = calloc(count + 1, sizeof(*ledger->pages));
	if (ledger->pages != NULL)
		return ledger;
	free(ledger);
	return NULL;
}

/* Of all pages. 0 or -ENOMEM: no address space has so much. */
static int measure(struct ledger *ledger)
{
	if (__builtin_mul_overflow(ledger->slot_size, (size_t)ledger->slots,
				   &ledger->size) ||
	    __builtin_add_overflow(ledger->size, ledger->head, &ledger->size) ||
	    ledger->size > SIZE_MAX / 2)
		return -ENOMEM;
	return 0;
}

/* Without swap reserved: most of it is never touched. */
static int map(struct ledger *ledger, int fd)
{
	void *memory = mmap(NULL, ledger->size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	ledger->memory = memory;
	return 0;
}

static struct tally *tally_at(const struct ledger *ledger, size_t page, unsigned slot)
{
	return (struct tally *)(void *)(ledger->memory + ledger->head +
					slot * ledger->slot_size +
					ledger->pages[page].offset);
}

static void place_tallies(struct ledger *ledger, unsigned slot)
{
	for (size_t i = 0; i < ledger->count; i++)
		(void)tally_place(tally_at(ledger, i, slot), ledger->pages[i].sources);
}

static pthread_mutex_t *lock_of(const struct ledger *ledger)
{
	return (pthread_mutex_t *)(void *)ledger->memory;
}

static int make_lock(struct ledger *ledger)
{
	pthread_mutexattr_t attributes;
	int r = pthread_mutexattr_init(&attributes);

	if (r != 0)
		return -r;
	r = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (r == 0)
		r = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (r == 0)
		r = pthread_mutex_init(lock_of(ledger), &attributes);
	(void)pthread_mutexattr_destroy(&attributes);
	return -r;
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

int ledger_new(struct service *const *services, size_t count, unsigned slots,
	       struct ledger **ret)
{
	struct ledger *ledger = allocate(count, slots);
	int r = 0;

	if (ledger == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = add_page(ledger, strdup(services[i]->id), most_sources(services[i]),
			     rates_wanted(&services[i]->policy));
	if (r == 0)
		r = measure(ledger);
	if (r == 0)
		r = make_memory(ledger);
	if (r == 0 && slots > 1)
		r = make_lock(ledger);
	if (r < 0) {
		ledger_free(ledger);
		return r;
	}
	for (unsigned i = 0; i < slots; i++)
		place_tallies(ledger, i);
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

unsigned ledger_slots(const struct ledger *ledger)
{
	return ledger->slots;
}

/* ledger->count: none of them. */
static size_t find_page(const struct ledger *ledger, const char *id)
{
	size_t i = 0;

	while (i < ledger->count && strcmp(ledger->pages[i].id, id) != 0)
		i++;
	return i;
}

struct tally *ledger_find(const struct ledger *ledger, const char *id, unsigned slot)
{
	size_t page = find_page(ledger, id);

	return page < ledger->count && slot < ledger->slots ? tally_at(ledger, page, slot)
							    : NULL;
}

struct arrivals *ledger_arrivals(const struct ledger *ledger, const char *id)
{
	size_t page = find_page(ledger, id);
	struct arrivals *arrivals =
		(struct arrivals *)(void *)(ledger->memory + PAGE_ALIGNMENT);

	if (page == ledger->count)
		return NULL;
	return ledger->slots > 1 ? &arrivals[page] : &tally_at(ledger, page, 0)->arrivals;
}

struct rates *ledger_rates(const struct ledger *ledger, const char *id)
{
	size_t page = find_page(ledger, id);

	if (page == ledger->count || ledger->pages[page].rates == 0)
		return NULL;
	return (struct rates *)(void *)(ledger->memory + ledger->pages[page].rates);
}

const struct tally *ledger_page(const struct ledger *ledger, size_t index, unsigned slot,
				const char **ret_id)
{
	if (index >= ledger->count || slot >= ledger->slots)
		return NULL;
	*ret_id = ledger->pages[index].id;
	return tally_at(ledger, index, slot);
}

/*
 * The mappings of the others stay: what they read there has to be nothing. They may be
 * reading: of a dead worker's sessions any number is as good as none.
 */
void ledger_clear(struct ledger *ledger, unsigned slot)
{
	size_t begin = ledger->head + slot * ledger->slot_size;

	if (ledger->slot_size > 0 &&
	    fallocate(ledger->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)begin, (off_t)ledger->slot_size) == -1)
		memset(ledger->memory + begin, 0, ledger->slot_size);
	place_tallies(ledger, slot);
}

/*
 * A worker that died with the lock has left its own slot half done, which is cleared when
 * its end is known, or at worst one arrival uncounted: there is nothing to be repaired.
 */
bool ledger_lock(struct ledger *ledger)
{
	int r;

	if (ledger->slots == 1)
		return true;
	r = pthread_mutex_lock(lock_of(ledger));
	if (r == EOWNERDEAD)
		r = pthread_mutex_consistent(lock_of(ledger));
	return r == 0;
}

void ledger_unlock(struct ledger *ledger)
{
	if (ledger->slots > 1)
		(void)pthread_mutex_unlock(lock_of(ledger));
}

int ledger_fd(const struct ledger *ledger)
{
	return ledger->fd;
}

void ledger_pack(const struct ledger *ledger, struct packer *packer)
{
	pack_number(packer, ledger->slots);
	pack_number(packer, ledger->count);
	for (size_t i = 0; i < ledger->count; i++) {
		pack_text(packer, ledger->pages[i].id);
		pack_number(packer, ledger->pages[i].sources);
		pack_number(packer, ledger->pages[i].rates != 0);
	}
}

static int unpack_pages(struct unpacker *unpacker, struct ledger *ledger, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		char *id = unpack_text(unpacker);
		size_t sources = (size_t)unpack_number(unpacker, LEDGER_SOURCES_MAX + 1);
		bool rates = unpack_number(unpacker, 1) != 0;

		r = unpacker->failed ? -EBADMSG : 0;
		if (r == 0)
			r = add_page(ledger, id, sources, rates);
		else
			free(id);
	}
	return r;
}

int ledger_unpack(struct unpacker *unpacker, int fd, struct ledger **ret)
{
	unsigned slots = (unsigned)unpack_number(unpacker, WORKERS_MAX);
	size_t count = (size_t)unpack_number(unpacker, unpacker->left / PACKED_PAGE_MIN);
	struct ledger *ledger;
	struct stat status;
	int r;

	if (unpacker->failed || slots == 0)
		return -EBADMSG;
	ledger = allocate(count, slots);
	if (ledger == NULL)
		return -ENOMEM;
	r = unpack_pages(unpacker, ledger, count);
	if (r == 0)
		r = measure(ledger);
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
