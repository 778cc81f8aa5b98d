/* SPDX-License-Identifier: ISC */
/* Between an in-process service and the books. */
#include "usherd/serve/hosting.h"

#include <stdlib.h>

#include "usherd/serve/record.h"

static void ended(void *data, uint64_t bytes_in, uint64_t bytes_out)
{
	struct serving *serving = data;
	struct engine *engine = serving->post->engine;

	serving_count(serving, bytes_in, bytes_out);
	serving_end(serving, 0, loop_now_ns(engine->loop));
	free(serving);
	engine->serving--;
	if (engine->session_over != NULL)
		engine->session_over(engine);
}

static void complain(struct post *post, const char *what, const struct error *why)
{
	report_throttled(post->engine->reporter, &post->trouble,
			 loop_now_ns(post->engine->loop), LOG_LEVEL_ERROR,
			 "service '%s': %s: %s", post->service->id, what, why->text);
}

static void failed(void *data, const struct error *why)
{
	const struct serving *serving = data;

	serving->post->tally->unreached++;
	complain(serving->post, "no target answers", why);
	record_refusal(serving->post, REASON_UNREACHABLE, &serving->peer);
}

struct session_owner hosting_owner(struct serving *serving)
{
	return (struct session_owner){ .failed = failed,
				       .ended = ended,
				       .data = serving };
}

void hosting_began(struct serving *serving)
{
	serving->post->engine->serving++;
}

/* Its START has been written, and no EXIT will be. */
void hosting_refused(struct serving *serving, const struct error *why)
{
	serving->post->tally->counts.ended++;
	complain(serving->post, "cannot serve a client", why);
	record_refusal(serving->post, REASON_RESOURCES, &serving->peer);
}
