/* SPDX-License-Identifier: ISC */
/* The supervisor reads the file for each client; a worker, who cannot, has a billboard.
 */
#include "usherd/serve/banner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/internal/stream.h"

_Static_assert(BILLBOARD_TEXT_MAX <= ENGINE_SCRATCH, "a banner has room");

/* Whatever the file is, it is not waited for. */
ssize_t banner_read(const char *path, void *buffer, size_t size)
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

static const void *find_text(struct post *post, enum service_banner banner,
			     size_t *ret_length)
{
	struct engine *engine = post->engine;
	const char *path = post->service->banners[banner];
	ssize_t length;

	*ret_length = 0;
	if (post->billboard != NULL)
		return billboard_text(post->billboard, banner, ret_length);
	if (engine->scratch == NULL)
		return NULL;
	length = banner_read(path, engine->scratch, BILLBOARD_TEXT_MAX);
	if (length < 0)
		report_throttled(engine->reporter, &post->trouble,
				 loop_now_ns(engine->loop), LOG_LEVEL_ERROR,
				 "service '%s': cannot read '%s': %s", post->service->id,
				 path, strerror((int)-length));
	else
		*ret_length = (size_t)length;
	return engine->scratch;
}

bool banner_send(struct post *post, enum service_banner banner, int fd)
{
	size_t length;
	const void *text = find_text(post, banner, &length);

	return length > 0 && stream_send(fd, text, length) > 0;
}
