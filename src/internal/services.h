/* SPDX-License-Identifier: ISC */
/* The services with a life of their own, for the table in internal.c: the functions of
 * struct internal, where they are described. */
#ifndef USHERD_INTERNAL_SERVICES_H
#define USHERD_INTERNAL_SERVICES_H

#include "usherd/internal/internal.h"

#define SERVICE(name)                                                                    \
	int name##_open(const struct internal *internal,                                 \
			const struct internal_setup *setup, void **ret_state,            \
			struct error *err);                                              \
	void name##_close(void *state);                                                  \
	int name##_stream(void *state, const struct connection *connection,              \
			  const struct session_owner *owner, struct error *err)

SERVICE(chat);
void chat_drain(void *state);
SERVICE(ident);
SERVICE(services);
/* All else is that of services. */
int servers_open(const struct internal *internal, const struct internal_setup *setup,
		 void **ret_state, struct error *err);
SERVICE(tcpmux);

#endif
