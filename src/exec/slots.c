/* SPDX-License-Identifier: ISC */
/*
 * The memory of starts under way: who has which slot, and when it is free again. Which
 * child runs there is spawn.c's, what has become of it outcome.c's.
 */
#include "exec_internal.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"
#include "usherd/base/clock.h"
#include "usherd/base/fd.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOT_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SLOT_ASAN 1
#endif
#ifdef SLOT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

/* Room for the deepest step: 4 kB of groups and what an instrumented build adds. */
#define STACK_SIZE ((size_t)64 * 1024)

/* What the stage takes above it; keeps the top aligned. */
#define STAGE_SIZE ((size_t)256)

/* Environments are given room in steps, so that few plans need a larger slot than the
 * one before. */
#define ROOM_STEP   ((size_t)16 * 1024)

#define SLICE_NS    (CLOCK_NS_PER_MS)
#define PATIENCE_NS (50 * CLOCK_NS_PER_MS)
#define HOPELESS_NS CLOCK_NS_PER_SECOND

_Static_assert(sizeof(struct stage) <= STAGE_SIZE, "the stage has its place");
_Static_assert(SLOT_COUNT == 64, "a bit for each slot");

static void unmap(struct slot *slot)
{
	if (slot->memory != NULL)
		(void)munmap(slot->memory, slot->size);
	slot->memory = NULL;
}

/* Private: a worker that is forked later must have no say in our starts. */
static int map(struct slot *slot, size_t room)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = guard + STACK_SIZE + STAGE_SIZE + room;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	if (mprotect(memory, guard, PROT_NONE) == -1) {
		int r = -errno;

		(void)munmap(memory, size);
		return r;
	}
	slot->memory = memory;
	slot->size = size;
	slot->stage = (void *)(memory + guard + STACK_SIZE);
	slot->room = memory + guard + STACK_SIZE + STAGE_SIZE;
	slot->room_size = room;
	return 0;
}

/* What the frames of a child that never returned have left in the sanitizer's map would
 * be taken for errors of the next. */
static void forget_frames(const struct slot *slot)
{
#ifdef SLOT_ASAN
	__asan_unpoison_memory_region((char *)slot->stage - STACK_SIZE, STACK_SIZE);
#else
	(void)slot;
#endif
}

int slot_make_ready(struct slot *slot, size_t room)
{
	int r = 0;

	if (slot->memory != NULL && slot->room_size < room)
		unmap(slot);
	if (slot->memory == NULL)
		r = map(slot, (room / ROOM_STEP + 1) * ROOM_STEP);
	if (r == 0)
		forget_frames(slot);
	return r;
}

void slots_init(struct slots *slots)
{
	*slots = (struct slots){ .free = UINT64_MAX };
	for (size_t i = 0; i < SLOT_COUNT; i++)
		slots->items[i].pipe = -1;
}

static uint64_t bit_of(const struct slots *slots, const struct slot *slot)
{
	return UINT64_C(1) << (slot - slots->items);
}

bool slot_is_left(const struct slot *slot)
{
	struct pollfd entry = { .fd = slot->pipe, .events = POLLIN };

	if (slot->pipe == -1)
		return atomic_load_explicit(&slot->progress->busy,
					    memory_order_acquire) == 0;
	/* Nothing is ever written. */
	return poll(&entry, 1, 0) > 0;
}

static void tell(const struct slot *slot)
{
	struct attempt *attempt = slot->attempt;

	attempt->step = atomic_load(&slot->progress->step);
	attempt->error = atomic_load(&slot->progress->error);
	attempt->slot = NULL;
}

void slots_release(struct slots *slots, struct slot *slot)
{
	if (slot->attempt != NULL)
		tell(slot);
	else
		slots->forsaken--;
	slot->attempt = NULL;
	if (slot->progress != &slot->stage->progress)
		(void)munmap(slot->progress, sizeof(*slot->progress));
	fd_close(&slot->pipe);
	slot->plan->starts--;
	plan_unref(slot->plan);
	slot->plan = NULL;
	slots->free |= bit_of(slots, slot);
}

void slots_forsake(struct slots *slots, struct slot *slot)
{
	if (slot->pipe != -1) {
		/* The child has memory of its own. */
		slots_release(slots, slot);
		return;
	}
	tell(slot);
	slot->attempt = NULL;
	slots->forsaken++;
}

enum child_state child_look(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == -1)
		return CHILD_GONE;
	if (info.si_pid == 0)
		return CHILD_RUNNING;
	return info.si_code == CLD_STOPPED ? CHILD_STOPPED : CHILD_GONE;
}

/* With @thorough also those whose word the kernel does not zero: a system call each. */
static void release_left(struct slots *slots, bool thorough)
{
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		struct slot *slot = &slots->items[i];

		if (slot->plan != NULL &&
		    (slot_is_left(slot) ||
		     (thorough && child_look(slot->pid) == CHILD_GONE)))
			slots_release(slots, slot);
	}
}

/* Until the child has left the slot, for a slice at most. */
static void wait_slice(const struct slot *slot)
{
	const struct timespec slice = { .tv_nsec = SLICE_NS };
	struct pollfd entry = { .fd = slot->pipe, .events = POLLIN };
	int busy;

	if (slot->pipe != -1) {
		if (poll(&entry, 1, (int)(SLICE_NS / CLOCK_NS_PER_MS)) == -1)
			(void)nanosleep(&slice, NULL); /* ENOMEM: without news */
		return;
	}
	busy = atomic_load(&slot->progress->busy);
	/* Not FUTEX_PRIVATE: the kernel's wake at the child's exec is none. The result
	 * says nothing that the word does not. */
	if (busy != 0)
		(void)RAW_CALL(SYS_futex, &slot->progress->busy, FUTEX_WAIT, busy,
			       &slice);
}

/* The start, of @plan if not NULL, that has been under way longest; NULL if there is
 * none. */
static const struct slot *find_oldest(const struct slots *slots, const struct plan *plan)
{
	const struct slot *oldest = NULL;

	for (size_t i = 0; i < SLOT_COUNT; i++) {
		const struct slot *slot = &slots->items[i];

		if (slot->plan == NULL || (plan != NULL && slot->plan != plan))
			continue;
		if (oldest == NULL || slot->began_ns < oldest->began_ns)
			oldest = slot;
	}
	return oldest;
}

static bool may_take(const struct slots *slots, const struct plan *plan)
{
	return slots->free != 0 && plan->starts < SLOT_PLAN_MAX;
}

/* Children that are held up by something else are waited for in vain, and the loop has
 * others to serve: not again for a while. */
static int make_way(struct slots *slots, const struct plan *plan)
{
	const struct plan *only = plan->starts >= SLOT_PLAN_MAX ? plan : NULL;
	uint64_t now_ns = clock_monotonic_ns();
	bool hopeful = now_ns >= slots->hopeless_until_ns;
	uint64_t end_ns = hopeful ? now_ns + PATIENCE_NS : now_ns;

	for (;;) {
		release_left(slots, true);
		if (may_take(slots, plan))
			return 0;
		now_ns = clock_monotonic_ns();
		if (now_ns >= end_ns)
			break;
		wait_slice(find_oldest(slots, only));
	}
	if (hopeful)
		slots->hopeless_until_ns = now_ns + HOPELESS_NS;
	return -EAGAIN;
}

int slots_take(struct slots *slots, struct plan *plan, struct attempt *attempt,
	       struct slot **ret)
{
	struct slot *slot;
	int r = 0;

	if (slots->forsaken > 0)
		release_left(slots, false);
	if (!may_take(slots, plan))
		r = make_way(slots, plan);
	if (r < 0)
		return r;
	slot = &slots->items[__builtin_ctzll(slots->free)];
	r = slot_make_ready(slot, plan_environment_size(plan));
	if (r < 0)
		return r;
	slots->free &= ~bit_of(slots, slot);
	plan->starts++;
	slot->plan = plan_ref(plan);
	slot->attempt = attempt;
	slot->pid = 0;
	slot->progress = &slot->stage->progress;
	atomic_init(&slot->progress->step, 0);
	atomic_init(&slot->progress->error, 0);
	atomic_init(&slot->progress->busy, 0);
	slot->began_ns = clock_monotonic_ns();
	*attempt = (struct attempt){ .slots = slots,
				     .slot = slot,
				     .began_ns = slot->began_ns };
	*ret = slot;
	return 0;
}

void slots_drain(struct slots *slots, unsigned ms)
{
	uint64_t end_ns = clock_monotonic_ns() + ms * CLOCK_NS_PER_MS;

	for (;;) {
		const struct slot *oldest;

		release_left(slots, true);
		oldest = find_oldest(slots, NULL);
		if (oldest == NULL || clock_monotonic_ns() >= end_ns)
			return;
		wait_slice(oldest);
	}
}

/* For ever: a child may go on with it after our end. */
static void leave_behind(const struct slot *slot)
{
#ifdef SLOT_ASAN
	__lsan_ignore_object(slot->plan);
#else
	(void)slot;
#endif
}

void slots_done(struct slots *slots)
{
	release_left(slots, true);
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		if (slots->items[i].plan == NULL)
			unmap(&slots->items[i]);
		else
			leave_behind(&slots->items[i]);
	}
}
