/* SPDX-License-Identifier: ISC */
/*
 * What rpcbind(8) is to know of our services, and what it has been told: a list of
 * program, versions, netid (RFC 5665) and universal address, and the orders that lead
 * from the one to the other. Carrying them out is usherd-rpc's, when is registrar.h's.
 */
#ifndef USHERD_SERVE_REGISTRATIONS_H
#define USHERD_SERVE_REGISTRATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "usherd/model/service.h"

#define UNIVERSAL_ADDRESS_SIZE (INET6_ADDRSTRLEN + 8)

struct registration {
	uint32_t program;
	struct rpc_versions versions;
	unsigned netid; /* index of registrations_netid() */
	char address[UNIVERSAL_ADDRESS_SIZE];
	bool wanted;    /* by the services there are now */
	bool sent;      /* ordered at least once: rpcbind may know it */
	bool confirmed; /* it does, or did */
	bool in_run;    /* part of the orders that are being carried out */
};

struct registrations {
	struct registration *items; /* owned */
	size_t count;
	size_t room;
	size_t next; /* where the next that is wanted probably stands */
};

void registrations_done(struct registrations *list);

/*
 * The address of @addr as RFC 5665 has it, with the port as two numbers: "127.0.0.1.4.1".
 * False for anything but IPv4 and IPv6.
 */
bool registrations_universal(const struct addr *addr,
			     char buffer[UNIVERSAL_ADDRESS_SIZE]);
const char *registrations_netid(unsigned index); /* "tcp", ...; NULL past the end */

/* Say anew what is wanted: begin, each socket of each service, end. */
void registrations_begin(struct registrations *list);
/*
 * @local: what the socket of @endpoint is bound to. A socket for both families is wanted
 * for both. @netids: those that the service has already, 0 at its first socket, since
 * rpcbind knows one address of each. 0 or -ENOMEM.
 */
int registrations_want(struct registrations *list, const struct service *service,
		       const struct endpoint *endpoint, const struct addr *local,
		       unsigned *netids);
void registrations_end(struct registrations *list);

/* Is there anything that rpcbind has not been told? */
bool registrations_pending(const struct registrations *list);

/* The orders for all that is to be told and, to mend what rpcbind has forgotten, all
 * that it has been: lines for usherd-rpc, removals first. */
void registrations_write(struct registrations *list, FILE *out);
/* What was written last has been carried out, or (some of it) not. */
void registrations_settle(struct registrations *list, bool success);

#endif
