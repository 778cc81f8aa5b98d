/* SPDX-License-Identifier: ISC */
/*
 * The banners of an in-process service where its workers, who see no files, find them: in
 * memory that the supervisor writes (base/shared.h); and what runs, for the service that
 * says so.
 */
#ifndef USHERD_SERVE_BILLBOARD_H
#define USHERD_SERVE_BILLBOARD_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "usherd/model/service.h"
#include "usherd/serve/duty.h"

struct billboard;

/* What is left of a longer file is not shown. */
#define BILLBOARD_TEXT_MAX 65536

/* In the supervisor, with nothing on it. 0 or a negative errno. */
int billboard_new(struct billboard **ret);
struct billboard *billboard_ref(struct billboard *billboard);
void billboard_unref(struct billboard *billboard); /* NULL allowed */

/* A file as it was when it was read. */
struct billboard_sight {
	bool known;
	int trouble; /* errno */
	struct stat status;
};
struct billboard_sight *billboard_sight(struct billboard *billboard,
					enum service_banner banner);

/* What runs has its place behind the banners. */
#define BILLBOARD_ROLL SERVICE_BANNERS

/* Where the next text for a banner, or for what runs, is to be written: room for
 * BILLBOARD_TEXT_MAX bytes; and have it shown. */
char *billboard_blank(struct billboard *billboard, unsigned number);
void billboard_show(struct billboard *billboard, unsigned number, size_t length);

/* In the supervisor: the contents of the file @path, at most @size. Their length or a
 * negative errno. */
ssize_t billboard_read(const char *path, void *buffer, size_t size);

/* Does @post say what runs? */
bool billboard_has_roll(const struct post *post);

/* Does @post, of an in-process service, have anything to be put up? */
bool billboard_is_wanted(const struct post *post);

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
