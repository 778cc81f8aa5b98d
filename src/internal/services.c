/* SPDX-License-Identifier: ISC */
/*
 * services: which services there are, a line for each, as old super-servers told on port
 * 9098. The text is made where they are known; here it is only handed out. A client has a
 * minute to take it, whatever it says itself.
 */
#include "services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/internal/lines.h"

#define LINE_MAX_BYTES 64
#define OUTPUT_MAX     1024
#define TAKE_NS        (UINT64_C(60) * 1000000000)

struct reader {
	struct line_session session; /* first */
	size_t told;                 /* bytes of the text */
};

struct services {
	const char *text; /* borrowed */
	size_t size;
	struct lines *lines; /* owned */
};

static void tell(struct line_session *session)
{
	const struct services *services = lines_data(session);
	struct reader *reader = (struct reader *)session;

	reader->told += lines_push(session, services->text + reader->told,
				   services->size - reader->told);
	if (reader->told == services->size)
		lines_finish(session);
}

static void begin(struct line_session *session, const struct connection *connection)
{
	(void)connection;
	tell(session);
}

static void pass_over(struct line_session *session, char *text, size_t length, bool cut)
{
	(void)session;
	(void)text;
	(void)length;
	(void)cut;
}

static const struct lines_rules rules = {
	.session_size = sizeof(struct reader),
	.line_max = LINE_MAX_BYTES,
	.output_max = OUTPUT_MAX,
	.settle_ns = TAKE_NS,
	.begin = begin,
	.line = pass_over,
	.writable = tell,
};

int services_open(const struct internal *internal, const struct internal_setup *setup,
		  void **ret_state, struct error *err)
{
	struct services *services = calloc(1, sizeof(*services));

	(void)internal;
	if (services == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	services->text = setup->catalogue != NULL ? setup->catalogue : "";
	services->size = strlen(services->text);
	if (lines_new(setup->loop, &rules, setup->service->idle_timeout_ns, services,
		      &services->lines) < 0) {
		services_close(services);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret_state = services;
	return 0;
}

void services_close(void *state)
{
	struct services *services = state;

	lines_free(services->lines);
	free(services);
}

int services_stream(void *state, const struct connection *connection,
		    const struct session_owner *owner, struct error *err)
{
	const struct services *services = state;

	return lines_start(services->lines, connection, owner, err);
}
