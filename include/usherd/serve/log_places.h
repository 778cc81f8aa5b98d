/* SPDX-License-Identifier: ISC */
/* The places that log_type names, each open once, whoever names it. */
#ifndef USHERD_SERVE_LOG_PLACES_H
#define USHERD_SERVE_LOG_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "usherd/model/log_type.h"
#include "usherd/serve/log_pump.h"
#include "usherd/serve/report.h"

struct log_place;

struct log_places {
	struct loop *loop;         /* borrowed */
	struct reporter *reporter; /* borrowed; hears what is wrong with them */
	const char *ident;         /* borrowed; as log_new() */
	struct log_place *first;   /* owned; all of them, by hh.next */
};

struct log_place {
	char *key; /* owned */
	struct log_target target;
	struct log *log; /* owned; NULL: not open, see err */
	struct log_pump pump;
	struct log_places *places; /* borrowed */
	size_t routes;             /* that lead here */
	/* Of the change that is being prepared: */
	bool wanted;
	bool fresh; /* opened for it */
	uint64_t soft_limit, hard_limit;
	struct error err;
	UT_hash_handle hh;
};

/* Does it name a place, rather than the main log or none? */
bool log_place_is_for(const struct log_type *type);

/* The place it names, made if need be, not opened. NULL when out of memory. */
struct log_place *log_place_get(struct log_places *places, const struct log_type *type);

/* With the limits of the change. Where it fails, err says why. */
void log_place_open(struct log_place *place);
/* Where that fails, it stays open as it was, which is reported. */
void log_place_reopen(struct log_place *place);

/* Close those that no route leads to. */
void log_places_sweep(struct log_places *places);

#endif
