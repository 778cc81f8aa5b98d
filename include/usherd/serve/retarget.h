/* SPDX-License-Identifier: ISC */
/* What the supervisor and the workers of a redirected service have to tell each other. */
#ifndef USHERD_SERVE_RETARGET_H
#define USHERD_SERVE_RETARGET_H

#include "usherd/model/target.h"
#include "usherd/serve/workers.h"

/* What the workers that take clients of a service have counted since they began. */
struct retarget_counts {
	uint64_t active;    /* sessions that run */
	uint64_t admitted;  /* sessions ever */
	uint64_t unreached; /* those that no target was found for */
};
struct retarget_counts retarget_count(const struct workers *workers, const char *id);

/* Tell them where the targets of service @id are now. @directories: borrowed, of those
 * that are paths, in their order, or -1. False if one of them takes no orders now. */
bool retarget_send(const struct workers *workers, const char *id,
		   const struct target_list *targets, const int *directories,
		   size_t directory_count);

#endif
