/* SPDX-License-Identifier: ISC */
/* The worker's datagram half: receive, ask the guard, answer. */
#include "usherd/serve/answering.h"

#include <errno.h>

#include "usherd/base/clock.h"
#include "usherd/internal/responder.h"
#include "usherd/net/batch.h"
#include "usherd/serve/admission.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/record.h"

/* Batches taken from one listener before others have their turn. */
#define ANSWER_BATCHES 2

static void answer(struct listener *listener, struct datagram_batch *batch, size_t index)
{
	const struct datagram *request = datagram_batch_at(batch, index);
	struct post *post = listener->post;
	struct builtin_moment moment = { .wall_seconds = clock_wall_seconds() };
	ssize_t length;

	/* A forged sender gets no answer, no line in the log and no share of the limits.
	 */
	if (!responder_may_answer(request) ||
	    responder_ports_sent(post->engine->answered_ports, request))
		return;
	if (!admission_ask(post, &request->peer))
		return;
	/* A line for a datagram, as xinetd has it; there is no session to keep. */
	record_datagram(post, &request->peer);
	length = responder_answer(post->internal->builtin, request,
				  datagram_batch_room(batch, index), DATAGRAM_MAX,
				  &moment);
	if (length >= 0)
		datagram_batch_answer(batch, index, (size_t)length);
}

void answering_ready(struct listener *listener)
{
	struct datagram_batch *batch = listener->post->engine->batch;

	for (int i = 0; i < ANSWER_BATCHES && loop_is_watching(&listener->watch); i++) {
		int count = datagram_batch_receive(batch, listener->fd, &listener->local);

		if (count < 0 && count != -EAGAIN)
			listener_unreadable(listener, count);
		if (count < 0)
			return;
		for (size_t j = 0; j < (size_t)count; j++)
			answer(listener, batch, j);
		(void)datagram_batch_send(batch, listener->fd);
		if (count < DATAGRAM_BATCH)
			return;
	}
}
