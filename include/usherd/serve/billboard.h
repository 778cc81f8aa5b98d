/* SPDX-License-Identifier: ISC */
/*
 * The banners of an in-process service where its workers, who see no files, find them: in
 * memory that the supervisor writes (base/shared.h). It looks at the files every second
 * and puts up what has changed; and what runs, for the service that says so.
 */
#ifndef USHERD_SERVE_BILLBOARD_H
#define USHERD_SERVE_BILLBOARD_H

#include <stddef.h>

#include "usherd/model/service.h"
#include "usherd/serve/duty.h"

struct billboard;

/* What is left of a longer file is not shown. */
#define BILLBOARD_TEXT_MAX 65536

/* How often the files are looked at. */
#define BILLBOARD_LOOK_NS UINT64_C(1000000000)

/* In the supervisor, with nothing on it. 0 or a negative errno. */
int billboard_new(struct billboard **ret);
struct billboard *billboard_ref(struct billboard *billboard);
void billboard_unref(struct billboard *billboard); /* NULL allowed */

/* Does @post, of an in-process service, have anything to be put up? */
bool billboard_is_wanted(const struct post *post);

/* In the supervisor: put the banners of @post up as they are now, and what runs if it
 * says so. What cannot be read is said once. */
void billboard_refresh(struct post *post);

/* In the supervisor: refresh those of all posts now and every BILLBOARD_LOOK_NS, as long
 * as there are any. */
void billboards_tend(struct engine *engine);

/* In a forked worker: it can only be read from now on. May be repeated. 0 or a negative
 * errno. */
int billboard_leave(struct billboard *billboard);

/* For another program: the memory, owned by the billboard; and the billboard in @fd. */
int billboard_fd(const struct billboard *billboard);
int billboard_open(int fd, struct billboard **ret);

/* What is shown: *ret_length bytes, valid until the next look but one. */
const void *billboard_text(const struct billboard *billboard, enum service_banner banner,
			   size_t *ret_length);

/* The same of what runs: the `roll` of struct internal_setup, @billboard its data. */
const void *billboard_roll(const void *billboard, size_t *ret_length);

#endif
