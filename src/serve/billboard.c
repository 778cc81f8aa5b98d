/* SPDX-License-Identifier: ISC */
/*
 * Each banner has two sheets. The one that is not shown is written, and then it is that
 * one which is shown: a reader is not disturbed unless it takes as long as the time
 * between two changes, which is a second at least.
 */
#include "usherd/serve/billboard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/shared.h"

#define SHEETS 2

struct sheet {
	size_t length;
	char text[BILLBOARD_TEXT_MAX];
};

struct frame {
	atomic_uint shown; /* which of the sheets */
	struct sheet sheets[SHEETS];
};

struct billboard {
	unsigned references;
	struct shared shared; /* struct frame for each banner */
	struct billboard_sight sights[SERVICE_BANNERS];
};

#define FRAMES         (BILLBOARD_ROLL + 1)
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

static unsigned next_of(const struct frame *frame)
{
	return (atomic_load_explicit(&frame->shown, memory_order_relaxed) + 1) % SHEETS;
}

bool billboard_has_roll(const struct post *post)
{
	return post->internal != NULL && (post->internal->needs & INTERNAL_WATCHES) != 0;
}

bool billboard_is_wanted(const struct post *post)
{
	return service_has_banners(post->service) || billboard_has_roll(post);
}

char *billboard_blank(struct billboard *billboard, unsigned number)
{
	struct frame *frame = frame_of(billboard, number);

	return frame->sheets[next_of(frame)].text;
}

void billboard_show(struct billboard *billboard, unsigned number, size_t length)
{
	struct frame *frame = frame_of(billboard, number);
	unsigned next = next_of(frame);

	frame->sheets[next].length = length;
	atomic_store_explicit(&frame->shown, next, memory_order_release);
}

struct billboard_sight *billboard_sight(struct billboard *billboard,
					enum service_banner banner)
{
	return &billboard->sights[banner];
}

/* Whatever the file is, it is not waited for. */
ssize_t billboard_read(const char *path, void *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t length = 0;
	ssize_t count = 0;

	if (fd == -1)
		return -errno;
	while (length < size) {
		count = read(fd, (char *)buffer + length, size - length);
		if (count == -1 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		length += (size_t)count;
	}
	if (count == -1)
		count = -errno;
	fd_close(&fd);
	return count < 0 ? count : (ssize_t)length;
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
	return text_of(billboard, BILLBOARD_ROLL, ret_length);
}
