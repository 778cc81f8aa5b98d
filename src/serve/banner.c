/* SPDX-License-Identifier: ISC */
/* The supervisor reads the file for each client; a worker, who cannot, has a billboard.
 */
#include "usherd/serve/banner.h"

#include <string.h>

#include "usherd/internal/stream.h"
#include "usherd/serve/billboard.h"

_Static_assert(BILLBOARD_TEXT_MAX <= ENGINE_SCRATCH, "a banner has room");

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
	length = billboard_read(path, engine->scratch, BILLBOARD_TEXT_MAX);
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
