/* SPDX-License-Identifier: ISC */
/*
 * Each banner has two sheets. The one that is not shown is written, and then it is that
 * one which is shown: a reader is not disturbed unless it takes as long as the time
 * between two changes, which is a second at least.
 */
#include "usherd/serve/billboard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "usherd/base/shared.h"
#include "usherd/serve/banner.h"
#include "usherd/serve/roll.h"

#define SHEETS 2

struct sheet {
	size_t length;
	char text[BILLBOARD_TEXT_MAX];
};

struct frame {
	atomic_uint shown; /* which of the sheets */
	struct sheet sheets[SHEETS];
};

/* A file as it was when it was read. */
struct sight {
	bool known;
	int trouble; /* errno */
	struct stat status;
};

struct billboard {
	unsigned references;
	struct shared shared; /* struct frame for each banner */
	struct sight sights[SERVICE_BANNERS];
};

/* Behind the banners. */
#define ROLL           SERVICE_BANNERS
#define FRAMES         (ROLL + 1)
#define BILLBOARD_SIZE (FRAMES * sizeof(struct frame))

static struct billboard *allocate(void)
{
	struct billboard *billboard = calloc(1, sizeof(*billboard));

	if (billboard != NULL) {
		billboard->references = 1;
		billboard->shared.fd = -1;
	}
	return billboard;
}

int billboard_new(struct billboard **ret)
{
	struct billboard *billboard = allocate();
	int r;

	if (billboard == NULL)
		return -ENOMEM;
	r = shared_make("usherd-billboard", BILLBOARD_SIZE, &billboard->shared);
	if (r < 0) {
		free(billboard);
		return r;
	}
	*ret = billboard;
	return 0;
}

struct billboard *billboard_ref(struct billboard *billboard)
{
	billboard->references++;
	return billboard;
}

void billboard_unref(struct billboard *billboard)
{
	if (billboard == NULL || --billboard->references > 0)
		return;
	shared_done(&billboard->shared);
	free(billboard);
}

static struct frame *frame_of(const struct billboard *billboard, unsigned number)
{
	return (struct frame *)billboard->shared.memory + number;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* A file that was written within the last seconds may be written once more without
 * showing it: times of files are no finer than some milliseconds. */
static bool is_unchanged(const struct sight *sight, const struct stat *status)
{
	const struct stat *before = &sight->status;

	return sight->known && sight->trouble == 0 && before->st_dev == status->st_dev &&
	       before->st_ino == status->st_ino && before->st_size == status->st_size &&
	       same_time(&before->st_mtim, &status->st_mtim) &&
	       same_time(&before->st_ctim, &status->st_ctim) &&
	       time(NULL) - status->st_ctim.tv_sec > 2;
}

static unsigned next_of(const struct frame *frame)
{
	return (atomic_load_explicit(&frame->shown, memory_order_relaxed) + 1) % SHEETS;
}

/* The length of what is shown now, or a negative errno. */
static ssize_t put_up(struct frame *frame, const char *path)
{
	unsigned next = next_of(frame);
	struct sheet *sheet = &frame->sheets[next];
	ssize_t length = banner_read(path, sheet->text, sizeof(sheet->text));

	sheet->length = length > 0 ? (size_t)length : 0;
	atomic_store_explicit(&frame->shown, next, memory_order_release);
	return length;
}

static void put_up_roll(const struct post *post)
{
	struct frame *frame = frame_of(post->billboard, ROLL);
	unsigned next = next_of(frame);
	struct sheet *sheet = &frame->sheets[next];

	sheet->length = roll_write(post->engine, sheet->text, sizeof(sheet->text));
	atomic_store_explicit(&frame->shown, next, memory_order_release);
}

static bool has_roll(const struct post *post)
{
	return post->internal != NULL && (post->internal->needs & INTERNAL_WATCHES) != 0;
}

bool billboard_is_wanted(const struct post *post)
{
	return service_has_banners(post->service) || has_roll(post);
}

static void refresh(struct post *post, enum service_banner banner)
{
	const char *path = post->service->banners[banner];
	struct sight *sight = &post->billboard->sights[banner];
	struct stat status = { 0 };
	ssize_t length;
	int trouble;

	if (stat(path, &status) == 0 && is_unchanged(sight, &status))
		return;
	length = put_up(frame_of(post->billboard, banner), path);
	trouble = length < 0 ? (int)-length : 0;
	if (trouble != 0 && trouble != sight->trouble)
		report_message(post->engine->reporter, LOG_LEVEL_ERROR,
			       "service '%s': cannot read '%s': %s", post->service->id,
			       path, strerror(trouble));
	*sight = (struct sight){ .known = true, .trouble = trouble, .status = status };
}

void billboard_refresh(struct post *post)
{
	for (unsigned i = 0; i < SERVICE_BANNERS; i++)
		if (post->service->banners[i] != NULL)
			refresh(post, (enum service_banner)i);
	if (has_roll(post))
		put_up_roll(post);
}

static void time_to_look(struct timer *timer)
{
	billboards_tend(timer->data);
}

void billboards_tend(struct engine *engine)
{
	bool any = false;

	for (size_t i = 0; i < engine->post_count; i++) {
		if (engine->posts[i]->billboard == NULL)
			continue;
		any = true;
		billboard_refresh(engine->posts[i]);
	}
	engine->billboards.fired = time_to_look;
	engine->billboards.data = engine;
	/* Out of memory: until the next reload they stay as they are. */
	if (any)
		(void)loop_timer_set(engine->loop, &engine->billboards,
				     loop_now_ns(engine->loop) + BILLBOARD_LOOK_NS);
}

int billboard_leave(struct billboard *billboard)
{
	return billboard->shared.fd == -1 ? 0
					  : shared_give_up_writing(&billboard->shared);
}

int billboard_fd(const struct billboard *billboard)
{
	return billboard->shared.fd;
}

int billboard_open(int fd, struct billboard **ret)
{
	struct billboard *billboard = allocate();
	int r;

	if (billboard == NULL)
		return -ENOMEM;
	r = shared_map(fd, BILLBOARD_SIZE, &billboard->shared);
	if (r < 0) {
		free(billboard);
		return r;
	}
	*ret = billboard;
	return 0;
}

static const void *text_of(const struct billboard *billboard, unsigned number,
			   size_t *ret_length)
{
	const struct frame *frame = frame_of(billboard, number);
	unsigned shown = atomic_load_explicit(&frame->shown, memory_order_acquire);
	const struct sheet *sheet = &frame->sheets[shown % SHEETS];
	size_t length = sheet->length;

	*ret_length = length <= sizeof(sheet->text) ? length : 0;
	return sheet->text;
}

const void *billboard_text(const struct billboard *billboard, enum service_banner banner,
			   size_t *ret_length)
{
	return text_of(billboard, banner, ret_length);
}

const void *billboard_roll(const void *billboard, size_t *ret_length)
{
	return text_of(billboard, ROLL, ret_length);
}
