/* SPDX-License-Identifier: ISC */
/* What the in-process service `services` says: which services are on duty, and where. */
#ifndef USHERD_SERVE_CATALOGUE_H
#define USHERD_SERVE_CATALOGUE_H

#include <stdint.h>

struct engine;

/* "NAME PROTOCOL PORT" and LF for each service and each of its ports, or the path of a
 * UNIX socket for the port. Owned by the caller; NULL when out of memory. */
char *catalogue_make(const struct engine *engine);

/* @hash and what catalogue_make() is made from. */
uint64_t catalogue_sign(const struct engine *engine, uint64_t hash);

#endif
