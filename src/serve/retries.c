/* SPDX-License-Identifier: ISC */
/* Who waits for a process. What happens when one is tried again is dispatch.c's. */
#include "usherd/serve/retries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "usherd/base/fd.h"
#include "usherd/serve/post.h"
#include "usherd/serve/record.h"

struct retry {
	struct retry *prev, *next;    /* by at_ns: all wait as long */
	struct post *post;            /* counted */
	struct connection connection; /* owned */
	enum transport transport;
	unsigned tries;
	uint64_t at_ns;
	retry_again *again;
};

static void take_out(struct retries *retries, struct retry *retry)
{
	DL_DELETE(retries->first, retry);
	retries->count--;
}

static void release(struct retry *retry)
{
	fd_close(&retry->connection.fd);
	post_unref(retry->post);
	free(retry);
}

static void refuse_all(struct retries *retries)
{
	while (retries->first != NULL) {
		struct retry *retry = retries->first;

		take_out(retries, retry);
		record_refusal(retry->post, REASON_FORK, &retry->connection.peer);
		release(retry);
	}
}

static void arm(struct retries *retries)
{
	if (retries->first == NULL)
		loop_timer_cancel(&retries->timer);
	else if (loop_timer_set(retries->loop, &retries->timer, retries->first->at_ns) <
		 0)
		/* Nobody would tell when it is their turn. */
		refuse_all(retries);
}

static void time_has_come(struct timer *timer)
{
	struct retries *retries = timer->data;
	uint64_t now_ns = loop_now_ns(retries->loop);

	while (retries->first != NULL && retries->first->at_ns <= now_ns) {
		struct retry *retry = retries->first;

		take_out(retries, retry);
		retry->again(retry->post, retry->transport, &retry->connection,
			     retry->tries);
		release(retry);
	}
	arm(retries);
}

void retries_init(struct retries *retries, struct loop *loop)
{
	memset(retries, 0, sizeof(*retries));
	retries->loop = loop;
	retries->timer.fired = time_has_come;
	retries->timer.data = retries;
}

void retries_done(struct retries *retries)
{
	refuse_all(retries);
	loop_timer_cancel(&retries->timer);
}

int retries_keep(struct retries *retries, struct post *post, enum transport transport,
		 struct connection *connection, unsigned tries, retry_again *again)
{
	struct retry *retry;

	if (retries->count == RETRIES_MAX)
		return -ENOSPC;
	retry = malloc(sizeof(*retry));
	if (retry == NULL)
		return -ENOMEM;
	*retry = (struct retry){ .post = post_ref(post),
				 .connection = *connection,
				 .transport = transport,
				 .tries = tries,
				 .at_ns = loop_now_ns(retries->loop) + RETRY_NS,
				 .again = again };
	connection->fd = -1;
	DL_APPEND(retries->first, retry);
	retries->count++;
	if (!loop_timer_is_armed(&retries->timer))
		arm(retries);
	return 0;
}
