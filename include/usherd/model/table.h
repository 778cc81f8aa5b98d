/* SPDX-License-Identifier: ISC */
/* One generation of the configuration: global settings and the set of services. */
#ifndef USHERD_MODEL_TABLE_H
#define USHERD_MODEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "usherd/base/strings.h"
#include "usherd/model/service.h"

enum stop_mode {
	STOP_TERMINATE, /* TERM, grace, KILL for every child */
	STOP_DETACH,    /* programs go on without usherd, as with xinetd */
};

/* Most worker processes for one group of in-process services. */
#define WORKERS_MAX 64

struct settings {
	char *log;                 /* owned, as written, or NULL */
	char *pidfile;             /* owned or NULL */
	uint64_t max_children;     /* UNITS_UNLIMITED: no limit */
	char *worker_user;         /* owned, as written, or NULL: nobody */
	int workers;               /* for each group of services, 1 to WORKERS_MAX */
	struct credentials worker; /* what worker_user resolved to */
	enum stop_mode stop;
	uint64_t stop_grace_ns;
};

struct table {
	struct settings settings;
	struct service **services; /* owned array, each entry holds a reference */
	size_t count;
	struct strings refused; /* ids of services left out for their mistakes */
	struct service **slots; /* private, owned array: services by hash of their id */
	size_t slot_count;      /* private, a power of two or 0 */
};

struct table *table_new(void);        /* defaults; NULL when out of memory */
void table_free(struct table *table); /* NULL allowed */

/* Takes the reference over, also on failure. The service has its id, which the caller
 * knows to be new to the table. 0 or -ENOMEM. */
int table_add(struct table *table, struct service *service);

/* Borrowed, or NULL. Ids are compared exactly; does not slow down with their number. */
struct service *table_find(const struct table *table, const char *id);

/*
 * What was refused goes on as it was: the services of @before with those ids come into
 * @table, but for such as want a socket that another one of @table has now. How many, or
 * -ENOMEM.
 */
int table_retain(struct table *table, const struct table *before);

/* Put in place of each service what @choose says: it itself; another one with its id, a
 * reference of which is taken over; or NULL, nothing. */
void table_revise(struct table *table,
		  struct service *(*choose)(void *data, struct service *service),
		  void *data);

/* Let @table have the very services of @before wherever it has the same ones, so that
 * these do not stand in memory twice. */
void table_share(struct table *table, const struct table *before);

#endif
