/* SPDX-License-Identifier: ISC */
/*
 * What has to be found out about one client before he is served, or for the log, in a
 * process of its own that is gone when it has answered: the resolver, libwrap and ident
 * servers take as long as they like, and what they say are bytes of strangers.
 *
 * The process has the rights of workers, not those of the supervisor and none of the
 * service. It asks in this order, and stops where the answer is no: the client's name,
 * for the names in only_from and no_access; hosts.allow and hosts.deny; the client's
 * ident server.
 */
#ifndef USHERD_SERVE_INQUIRY_H
#define USHERD_SERVE_INQUIRY_H

#include <stdbool.h>
#include <sys/types.h>

#include "usherd/guard/guard.h"
#include "usherd/guard/userid.h"
#include "usherd/model/program.h"
#include "usherd/model/service.h"
#include "usherd/net/accept.h"

#define INQUIRY_LIBWRAP_PROGRAM "usherd-libwrap"

/* The first two questions have to be answered in so long, together; the third as well. */
#define INQUIRY_ACCESS_SECONDS 10
#define INQUIRY_USERID_SECONDS 30

enum inquiry_question {
	INQUIRY_NAME = 1 << 0,
	INQUIRY_LIBWRAP = 1 << 1,
	INQUIRY_USERID = 1 << 2,
};

struct inquiry_plan {
	const struct service *service; /* borrowed for the call, as all of this */
	/* TCP; or with fd -1 the sender of a UDP datagram, and where it came to. */
	const struct connection *connection;
	unsigned questions; /* enum inquiry_question */
	const struct credentials *credentials;
	bool root; /* the supervisor is: rights are given up */
};

/* Fork it. 0 with its pid and the socket that its answers can be read from when it has
 * ended (owned by the caller), or a negative errno. */
int inquiry_fork(const struct inquiry_plan *plan, int *ret_fd, pid_t *ret_pid);

struct inquiry_answers {
	unsigned answered;   /* enum inquiry_question: what has an answer */
	enum reason refused; /* by the first two; REASON_NONE: not */
	enum userid_outcome userid;
	char text[USERID_TEXT_SIZE]; /* with USERID_KNOWN */
};

/* Read all there is at @fd without blocking. What is no answer to @questions is passed
 * over. */
void inquiry_read(int fd, unsigned questions, struct inquiry_answers *ret);

/*
 * Pure: what follows. No answer is "no": to a question about access it is a refusal,
 * REASON_ADDRESS or REASON_LIBWRAP.
 */
enum reason inquiry_verdict(unsigned questions, const struct inquiry_answers *answers);

/* Has anything to be found out about TCP clients of @service? */
bool inquiry_concerns(const struct service *service);

#endif
