/* SPDX-License-Identifier: ISC */
/*
 * Clients that a full service has to turn away, one after the other. A few are refused
 * politely; of a crowd each costs processor time that other services' clients wait for.
 */
#ifndef USHERD_GUARD_CROWD_H
#define USHERD_GUARD_CROWD_H

#include <stdbool.h>
#include <stdint.h>

/* So many within that time, with none let in between, are a crowd. */
#define CROWD_CLIENTS 256
#define CROWD_NS      (UINT64_C(50) * 1000000)

/* All zero is fresh. Private. */
struct crowd {
	uint64_t since_ns;
	uint64_t refused;
};

/* @refused more clients in a row, of a service with no place left. True: it is a crowd,
 * and the next one is counted from nothing. */
bool crowd_grows(struct crowd *crowd, uint64_t refused, uint64_t now_ns);

/* Somebody was let in. */
void crowd_ends(struct crowd *crowd);

#endif
