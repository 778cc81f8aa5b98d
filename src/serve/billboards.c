/* SPDX-License-Identifier: ISC */
/* Files and what runs, onto the billboards. */
#include "usherd/serve/billboards.h"

#include <string.h>
#include <time.h>

#include "usherd/serve/billboard.h"
#include "usherd/serve/roll.h"

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* A file that was written within the last seconds may be written once more without
 * showing it: times of files are no finer than some milliseconds. */
static bool is_unchanged(const struct billboard_sight *sight, const struct stat *status)
{
	const struct stat *before = &sight->status;

	return sight->known && sight->trouble == 0 && before->st_dev == status->st_dev &&
	       before->st_ino == status->st_ino && before->st_size == status->st_size &&
	       same_time(&before->st_mtim, &status->st_mtim) &&
	       same_time(&before->st_ctim, &status->st_ctim) &&
	       time(NULL) - status->st_ctim.tv_sec > 2;
}

/* The length of what is shown now, or a negative errno. */
static ssize_t put_up(struct billboard *billboard, enum service_banner banner,
		      const char *path)
{
	ssize_t length = billboard_read(path, billboard_blank(billboard, banner),
					BILLBOARD_TEXT_MAX);

	billboard_show(billboard, banner, length > 0 ? (size_t)length : 0);
	return length;
}

static void put_up_roll(const struct post *post)
{
	char *blank = billboard_blank(post->billboard, BILLBOARD_ROLL);

	billboard_show(post->billboard, BILLBOARD_ROLL,
		       roll_write(post->engine, blank, BILLBOARD_TEXT_MAX));
}

static void refresh(struct post *post, enum service_banner banner)
{
	const char *path = post->service->banners[banner];
	struct billboard_sight *sight = billboard_sight(post->billboard, banner);
	struct stat status = { 0 };
	ssize_t length;
	int trouble;

	if (stat(path, &status) == 0 && is_unchanged(sight, &status))
		return;
	length = put_up(post->billboard, banner, path);
	trouble = length < 0 ? (int)-length : 0;
	if (trouble != 0 && trouble != sight->trouble)
		report_message(post->engine->reporter, LOG_LEVEL_ERROR,
			       "service '%s': cannot read '%s': %s", post->service->id,
			       path, strerror(trouble));
	*sight = (struct billboard_sight){ .known = true,
					   .trouble = trouble,
					   .status = status };
}

void billboards_refresh(struct post *post)
{
	for (unsigned i = 0; i < SERVICE_BANNERS; i++)
		if (post->service->banners[i] != NULL)
			refresh(post, (enum service_banner)i);
	if (billboard_has_roll(post))
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
		billboards_refresh(engine->posts[i]);
	}
	engine->billboards.fired = time_to_look;
	engine->billboards.data = engine;
	/* Out of memory: until the next reload they stay as they are. */
	if (any)
		(void)loop_timer_set(engine->loop, &engine->billboards,
				     loop_now_ns(engine->loop) + BILLBOARDS_LOOK_NS);
}
