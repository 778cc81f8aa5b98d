/* SPDX-License-Identifier: ISC */
/*
 * services: which services there are, a line for each, as old super-servers told on port
 * 9098; servers: what runs, as they told on port 9099. The text is made where that is
 * known; here it is only handed out. A client has a minute to take it, whatever it says
 * itself.
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
	const char *text;            /* borrowed */
	size_t size;
	size_t told; /* bytes of it */
	char *copy;  /* owned; NULL where the text stays as it is */
};

struct services {
	const char *text; /* borrowed; of services */
	size_t size;
	const void *(*roll)(const void *roll_data, size_t *ret_length); /* of servers */
	const void *roll_data;
	struct lines *lines; /* owned */
};

static void tell(struct line_session *session)
{
	struct reader *reader = (struct reader *)session;

	reader->told += lines_push(session, reader->text + reader->told,
				   reader->size - reader->told);
	if (reader->told == reader->size)
		lines_finish(session);
}

/* It changes while a client takes its time. Out of memory there is nothing to tell. */
static void copy_roll(const struct services *services, struct reader *reader)
{
	size_t length;
	const void *text = services->roll(services->roll_data, &length);

	reader->copy = length > 0 ? malloc(length) : NULL;
	if (reader->copy == NULL)
		return;
	memcpy(reader->copy, text, length);
	reader->text = reader->copy;
	reader->size = length;
}

static void begin(struct line_session *session, const struct connection *connection)
{
	const struct services *services = lines_data(session);
	struct reader *reader = (struct reader *)session;

	(void)connection;
	reader->text = services->text;
	reader->size = services->size;
	if (services->roll != NULL)
		copy_roll(services, reader);
	tell(session);
}

static void gone(struct line_session *session, enum lines_end why)
{
	(void)why;
	free(((struct reader *)session)->copy);
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
	.gone = gone,
};

/* NULL, and the error says so, when out of memory. */
static struct services *open_text(const char *text, const struct internal_setup *setup,
				  struct error *err)
{
	struct services *services = calloc(1, sizeof(*services));

	if (services != NULL) {
		services->text = text;
		services->size = strlen(text);
	}
	if (services != NULL &&
	    lines_new(setup->loop, &rules, setup->service->idle_timeout_ns, services,
		      &services->lines) < 0) {
		services_close(services);
		services = NULL;
	}
	if (services == NULL)
		(void)error_set(err, -ENOMEM, "out of memory");
	return services;
}

int services_open(const struct internal *internal, const struct internal_setup *setup,
		  void **ret_state, struct error *err)
{
	struct services *services =
		open_text(setup->catalogue != NULL ? setup->catalogue : "", setup, err);

	(void)internal;
	if (services == NULL)
		return -ENOMEM;
	*ret_state = services;
	return 0;
}

int servers_open(const struct internal *internal, const struct internal_setup *setup,
		 void **ret_state, struct error *err)
{
	struct services *services = open_text("", setup, err);

	(void)internal;
	if (services == NULL)
		return -ENOMEM;
	services->roll = setup->roll;
	services->roll_data = setup->roll_data;
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
