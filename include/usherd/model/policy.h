/* SPDX-License-Identifier: ISC */
/* Who may connect, and how much of it: the part of a service that guard/ reads. */
#ifndef USHERD_MODEL_POLICY_H
#define USHERD_MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/addr.h"
#include "usherd/base/addrset.h"
#include "usherd/base/strings.h"

/* Prefixes as written (for the dump) and as asked (compiled), and the names beside them.
 */
struct prefix_list {
	bool given;           /* only_from = {} is given and empty: nobody */
	struct prefix *items; /* owned */
	size_t count;
	struct addrset set;   /* owned */
	struct strings names; /* owned; hosts, and domains (".example.org") */
};

/* Minutes of the day, both included; one that ends before it begins goes on after
 * midnight. */
struct day_span {
	uint16_t first; /* 0 to 1439 */
	uint16_t last;  /* 0 to 1440: 24:00 */
};

#define POLICY_MINUTES_PER_DAY 1440
/* Loads are counted in millionths. */
#define POLICY_LOAD_UNIT UINT64_C(1000000)

/* What cps is where nothing is said, as in xinetd: 50 in a second, then ten of rest. */
#define POLICY_CPS_RATE     50
#define POLICY_CPS_PAUSE_NS UINT64_C(10000000000)

struct policy {
	bool trap;        /* a sensor: nobody is served */
	uint64_t deny_ns; /* and so long denied by all; 0: not, UINT64_MAX: for ever */
	/* The kernel keeps out whom no_access and only_from do: a client of whom nothing
	 * is known has passed it. */
	bool screened;
	struct prefix_list only_from;
	struct prefix_list no_access;
	struct day_span *access_times; /* owned; NULL: at any time */
	size_t access_time_count;
	uint64_t max_load;       /* in POLICY_LOAD_UNIT; 0: no limit */
	uint64_t instances;      /* UNITS_UNLIMITED: no limit */
	uint64_t per_source;     /* likewise */
	uint64_t per_source_cpm; /* connections per minute; UNITS_UNLIMITED: no limit */
	uint64_t cps_rate;       /* connections per second; 0: no limit */
	uint64_t cps_pause_ns;
	uint64_t cpm_rate; /* connections per minute; 0: no limit */
	uint64_t cpm_pause_ns;
	unsigned source_ipv4_bits; /* per_source counts by this prefix, 0-32 */
	unsigned source_ipv6_bits; /* 0-128 */
};

/* Compile the prefixes anew. 0 or -ENOMEM. */
int prefix_list_compile(struct prefix_list *list);
void prefix_list_done(struct prefix_list *list);

void policy_done(struct policy *policy);

#endif
