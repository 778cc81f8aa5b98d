/* SPDX-License-Identifier: ISC */
/* The guard's word on a client, and what follows from it. */
#ifndef USHERD_SERVE_ADMISSION_H
#define USHERD_SERVE_ADMISSION_H

#include "usherd/serve/duty.h"

/*
 * May @peer be served by @post now? A refusal has been recorded, and the pause that cps
 * asks for has begun.
 */
bool admission_ask(struct post *post, const struct addr *peer);

#endif
