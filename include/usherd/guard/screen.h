/* SPDX-License-Identifier: ISC */
/*
 * The address lists of a policy as a program for the kernel, which runs it for each
 * packet that comes to a socket (socket(7) SO_ATTACH_FILTER; the kernel's
 * Documentation/networking/filter): so that they hold for a socket that somebody else
 * reads from, too.
 */
#ifndef USHERD_GUARD_SCREEN_H
#define USHERD_GUARD_SCREEN_H

#include <linux/filter.h>

#include "usherd/base/error.h"
#include "usherd/model/policy.h"

/*
 * Pure: a program that lets a packet pass whole if guard_welcomes() its source, and drops
 * any other, whatever is neither IPv4 nor IPv6, and IPv6 that says to come from an
 * address of IPv4. It reads the network header: for sockets of TCP and UDP, and of what
 * else travels in IP. Where a list has names nobody passes.
 *
 * 0; -E2BIG, which @err (may be NULL) says in words, if the lists need more instructions
 * than the kernel takes (BPF_MAXINSNS); or -ENOMEM. @ret is then untouched.
 */
int screen_compile(const struct policy *policy, struct sock_fprog *ret,
		   struct error *err);

/* Free the program; it may be all zero. */
void screen_done(struct sock_fprog *screen);

#endif
