/* SPDX-License-Identifier: ISC */
/* Making and unmaking an engine: one in the supervisor, one in each worker. */
#ifndef USHERD_SERVE_ENGINE_H
#define USHERD_SERVE_ENGINE_H

#include "usherd/serve/duty.h"

/* What the engine is made of. */
struct engine_setup {
	struct loop *loop;
	struct reporter *reporter;
	bool worker;
	/* What happens when a listener is ready. */
	void (*listener_ready)(struct watch *watch, short revents);
	char *const *environment; /* supervisor */
	struct parking *parking;  /* or NULL */
	/* The in-process services there are; NULL: internal_find(). */
	const struct internal *(*find_internal)(const char *name);
};

int engine_init(struct engine *engine, const struct engine_setup *setup,
		struct error *err);
/* Closes everything; programs go on running. */
void engine_done(struct engine *engine);

#endif
