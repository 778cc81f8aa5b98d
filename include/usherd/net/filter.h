/* SPDX-License-Identifier: ISC */
/* Packet filters of sockets, socket(7) SO_ATTACH_FILTER: which packets come to one at
 * all. Who has the socket may take the filter off as well as we may. */
#ifndef USHERD_NET_FILTER_H
#define USHERD_NET_FILTER_H

#include <linux/filter.h>

/*
 * Put @filter on @fd in place of what is there, if anything. Connections that are
 * accepted keep the filter that the listening socket had.
 *
 * 0 or a negative errno; -ENOMEM may be for net.core.optmem_max, which limits it. On
 * failure nothing passes that did not before, and perhaps nothing at all.
 */
int filter_put(int fd, const struct sock_fprog *filter);

/* Take it off, if there is one. 0 or a negative errno. */
int filter_take_off(int fd);

#endif
