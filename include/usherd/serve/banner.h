/* SPDX-License-Identifier: ISC */
/*
 * Telling stream clients what stands in the files of banner, banner_success and
 * banner_fail, byte for byte, at most BILLBOARD_TEXT_MAX. Never waits for a client: what
 * does not fit into its socket at once is left out.
 */
#ifndef USHERD_SERVE_BANNER_H
#define USHERD_SERVE_BANNER_H

#include "usherd/serve/billboard.h"
#include "usherd/serve/duty.h"

/* As banner_say(), where there is one. */
bool banner_send(struct post *post, enum service_banner banner, int fd);

/* Has the client on @fd been told anything? A file that cannot be read is reported, now
 * and then, and nothing more. Asked for every client, who mostly are told nothing. */
static inline bool banner_say(struct post *post, enum service_banner banner, int fd)
{
	return post->service->banners[banner] != NULL && banner_send(post, banner, fd);
}

#endif
