/* SPDX-License-Identifier: ISC */
/*
 * Clients of in-process services, from the place that was taken for them to their end:
 * what the service itself is not concerned with.
 */
#ifndef USHERD_SERVE_HOSTING_H
#define USHERD_SERVE_HOSTING_H

#include "usherd/base/error.h"
#include "usherd/serve/serving.h"

/* What the service calls: at the end, @serving (allocated, its place taken) is freed. */
struct session_owner hosting_owner(struct serving *serving);

/* The service has it now. */
void hosting_began(struct serving *serving);

/* The service could not even begin: said and recorded. @serving stays the caller's. */
void hosting_refused(struct serving *serving, const struct error *why);

#endif
