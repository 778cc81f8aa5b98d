/* SPDX-License-Identifier: ISC */
/*
 * The list of in-process services. Those that are pure functions share one way of being
 * served, session.c's; what each of them says stands in builtin/, one file per service.
 */
#include "usherd/internal/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "builtin/builtins.h"
#include "relay/redirect.h"
#include "services.h"

/* One service whose clients have nothing in common but what they are told. */
struct plain {
	struct sessions *sessions; /* borrowed */
	const struct builtin *builtin;
	uint64_t idle_timeout_ns;
};

static int plain_open(const struct internal *internal, const struct internal_setup *setup,
		      void **ret_state, struct error *err)
{
	struct plain *plain = malloc(sizeof(*plain));

	if (plain == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	*plain = (struct plain){ .sessions = setup->sessions,
				 .builtin = internal->builtin,
				 .idle_timeout_ns = setup->service->idle_timeout_ns };
	*ret_state = plain;
	return 0;
}

/* Its sessions belong to the loop's, and end with them. */
static void plain_close(void *state)
{
	free(state);
}

static int plain_stream(void *state, const struct connection *connection,
			const struct session_owner *owner, struct error *err)
{
	const struct plain *plain = state;

	return session_start(plain->sessions, plain->builtin, connection->fd,
			     plain->idle_timeout_ns, owner, err);
}

#define PLAIN(text, number)                                                              \
	{                                                                                \
		.name = #text, .rfc = "RFC " #number, .builtin = &builtins_##text,       \
		.open = plain_open, .close = plain_close, .stream = plain_stream         \
	}

#define OWN_LIFE(text, standard, wants)                                                  \
	.name = #text, .rfc = (standard), .needs = (wants), .open = text##_open,         \
	.close = text##_close, .stream = text##_stream

static const struct internal internals[] = {
	PLAIN(chargen, 864),
	{ OWN_LIFE(chat, NULL, 0), .one_worker = true, .drain = chat_drain },
	PLAIN(daytime, 867),
	PLAIN(discard, 863),
	PLAIN(echo, 862),
	{ .name = "http", .rfc = "RFC 9110", .executable = "usherd-http" },
	{ OWN_LIFE(ident, "RFC 1413", INTERNAL_ASKS) },
	PLAIN(qotd, 865),
	{ .name = "servers",
	  .needs = INTERNAL_WATCHES,
	  .open = servers_open,
	  .close = services_close,
	  .stream = services_stream },
	{ OWN_LIFE(services, NULL, INTERNAL_LISTS) },
	{ OWN_LIFE(tcpmux, "RFC 1078", INTERNAL_HANDS_OVER), .one_worker = true },
	PLAIN(time, 868),
};

#define INTERNAL_COUNT (sizeof(internals) / sizeof(internals[0]))

const struct internal *internal_find(const char *name)
{
	for (size_t i = 0; i < INTERNAL_COUNT; i++) {
		if (strcmp(internals[i].name, name) == 0)
			return &internals[i];
	}
	return strcmp(redirect_internal.name, name) == 0 ? &redirect_internal : NULL;
}

bool internal_exists(const char *name, bool stream)
{
	const struct internal *internal = internal_find(name);

	if (internal == NULL)
		return false;
	if (stream)
		return internal->stream != NULL || internal->executable != NULL;
	return internal->open_flow != NULL ||
	       (internal->builtin != NULL && internal->builtin->answer != NULL);
}

const struct internal *internal_at(size_t index)
{
	return index < INTERNAL_COUNT ? &internals[index] : NULL;
}
