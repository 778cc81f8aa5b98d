/* SPDX-License-Identifier: ISC */
/* The worker's datagram half: receive, ask the guard, answer. */
#include "usherd/serve/answering.h"

#include <errno.h>

#include "usherd/base/clock.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/record.h"
#include "usherd/serve/responder.h"

/* Datagrams taken from one listener before others have their turn. */
#define ANSWER_BATCH 64

static void answer(struct listener *listener, const struct datagram *request)
{
	struct post *post = listener->post;
	struct builtin_moment moment = { .wall_seconds = clock_wall_seconds() };

	/* A forged sender gets no answer, no line in the log and no share of the limits.
	 */
	if (!responder_may_answer(request) ||
	    responder_ports_sent(post->engine->answered_ports, request))
		return;
	if (!admission_ask(post, &request->peer))
		return;
	/* A line for a datagram, as xinetd has it; there is no session to keep. */
	if (record_may_log(post, &post->answers, "datagrams"))
		record_start(post, post->engine->pid, &request->peer);
	(void)responder_answer(listener->fd, post->builtin, request, post->engine->reply,
			       ENGINE_SCRATCH, &moment);
}

void answering_ready(struct listener *listener)
{
	struct engine *engine = listener->post->engine;
	struct datagram request;

	for (int i = 0; i < ANSWER_BATCH && loop_is_watching(&listener->watch); i++) {
		int r = datagram_receive(listener->fd, &listener->local, engine->scratch,
					 ENGINE_SCRATCH, &request);

		if (r < 0 && r != -EAGAIN)
			listener_unreadable(listener, r);
		if (r < 0)
			return;
		answer(listener, &request);
	}
}
