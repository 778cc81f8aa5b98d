/* SPDX-License-Identifier: ISC */
/*
 * Where a redirected service leads to: places in the order in which they are tried, each
 * an address with a port, the name of a host with a port, or a UNIX socket. Values; names
 * are looked up elsewhere.
 */
#ifndef USHERD_MODEL_TARGET_H
#define USHERD_MODEL_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"
#include "usherd/base/host.h"

/* Targets of one service, and addresses of all its targets together. */
#define TARGETS_MAX          8
#define TARGET_ADDRESSES_MAX (TARGETS_MAX * HOST_ADDRESSES_MAX)

struct target {
	char *text; /* owned; canonical: "192.0.2.1:80", "[::1]:80", "db:80", "/path" */
	char *name; /* owned: the host to be looked up; NULL for an address or a path */
	uint16_t port;  /* 0 for a path */
	struct host at; /* where it is; of a name what was found last, perhaps nothing */
};

struct target_list {
	struct target *items; /* owned */
	size_t count;
};

/* A port, or a name for one, into a number. 0 or a negative errno. */
struct target_ports {
	int (*find)(const struct target_ports *ports, const char *text, uint16_t *ret,
		    struct error *err);
};

/*
 * One word: HOST:PORT, [IPV6-ADDRESS]:PORT, /PATH or @NAME. 0, -EINVAL, -ENAMETOOLONG or
 * -ENOMEM.
 */
int target_parse(const char *word, const struct target_ports *ports, struct target *ret,
		 struct error *err);

/* The two words HOST and PORT, as xinetd has them; an IPv6 address without brackets. */
int target_parse_pair(const char *host, const char *port,
		      const struct target_ports *ports, struct target *ret,
		      struct error *err);

/* Cannot be a target by itself: neither a path nor with a port. The host of a pair. */
bool target_is_bare(const char *word);

bool target_is_path(const struct target *target);

void target_done(struct target *target);

/* 0 or -ENOMEM (@ret is then untouched). */
int target_list_copy(const struct target_list *list, struct target_list *ret);
void target_list_done(struct target_list *list);

#endif
