/* SPDX-License-Identifier: ISC */
/*
 * What is written down of clients: START, TRAFFIC, EXIT and FAIL events, in the detail
 * that the service asks for, and never more lines than a client should be able to cause.
 */
#ifndef USHERD_SERVE_RECORD_H
#define USHERD_SERVE_RECORD_H

#include "usherd/serve/duty.h"

/* At most so many lines of a kind in a second for one service. */
#define RECORD_LINES_PER_SECOND 100

/*
 * Lines that a client can cause at will: true if this second's share of @budget is not
 * used up. What was left out is summed up in one message, "@what not logged", later.
 */
bool record_may_log(struct post *post, struct line_budget *budget, const char *what);

/* Each counts, and writes its event if the service's log_on_success / log_on_failure
 * wants it. */
void record_start(const struct post *post, pid_t pid, const struct addr *peer);
void record_exit(const struct post *post, pid_t pid, int wait_status,
		 uint64_t duration_ns);
void record_traffic(const struct post *post, uint64_t bytes_in, uint64_t bytes_out);
/* A datagram that is a session of its own: START, as many as may be. */
void record_datagram(struct post *post, const struct addr *peer);
/* What the ident server of a peer says of him. */
void record_userid(struct post *post, const char *text);
/* Nothing, and so he is not served. */
void record_no_userid(struct post *post, const char *reason, const struct addr *peer);
void record_refusal(struct post *post, enum reason reason, const struct addr *peer);

#endif
