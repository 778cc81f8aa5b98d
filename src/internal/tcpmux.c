/* SPDX-License-Identifier: ISC */
/*
 * tcpmux, RFC 1078: many services behind one port, asked for by name. Reads one line and
 * not a byte more, then gives the connection away; that it is served, or told that it
 * cannot be, is the affair of whoever gets it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "services.h"
#include "usherd/base/text.h"
#include "usherd/internal/lines.h"

#define NAME_MAX_BYTES 255
#define OUTPUT_MAX     1024
#define NAME_NS        (UINT64_C(10) * 1000000000)

struct caller {
	struct line_session session; /* first */
	size_t told;                 /* bytes of the list */
};

struct tcpmux {
	const struct internal_mux *mux; /* borrowed */
	struct lines *lines;            /* owned */
	char *list;                     /* owned; the names, a line each */
	size_t list_size;
};

static void refuse(struct line_session *session, const char *why)
{
	lines_sendf(session, "-%s\r\n", why);
	lines_finish(session);
}

static void tell_list(struct line_session *session)
{
	const struct tcpmux *tcpmux = lines_data(session);
	struct caller *caller = (struct caller *)session;

	caller->told += lines_push(session, tcpmux->list + caller->told,
				   tcpmux->list_size - caller->told);
	if (caller->told == tcpmux->list_size)
		lines_finish(session);
}

/* Case does not count. The number of services where there is none. */
static size_t find(const struct internal_mux *mux, const char *name)
{
	size_t low = 0, high = mux->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcasecmp(mux->services[middle]->name, name);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return mux->count;
}

static void take_name(struct line_session *session, char *text, size_t length, bool cut)
{
	const struct tcpmux *tcpmux = lines_data(session);
	const struct internal_mux *mux = tcpmux->mux;
	size_t index = mux->count;

	if (!cut && strlen(text) == length)
		index = find(mux, text);
	if (strcasecmp(text, "help") == 0 && length == 4)
		tell_list(session);
	else if (index == mux->count)
		refuse(session, "no such service");
	else if (mux->hand_over(mux, index, lines_fd(session)) < 0)
		refuse(session, "too busy");
	else
		lines_drop(session);
}

static const struct lines_rules rules = {
	.session_size = sizeof(struct caller),
	.line_max = NAME_MAX_BYTES,
	.output_max = OUTPUT_MAX,
	.settle_ns = NAME_NS,
	.exact = true,
	.line = take_name,
	.writable = tell_list,
};

static int write_list(struct tcpmux *tcpmux)
{
	size_t size = 0;
	struct text list;

	for (size_t i = 0; i < tcpmux->mux->count; i++)
		size += strlen(tcpmux->mux->services[i]->name) + 2;
	tcpmux->list = malloc(size + 1);
	if (tcpmux->list == NULL)
		return -ENOMEM;
	text_init(&list, tcpmux->list, size + 1);
	for (size_t i = 0; i < tcpmux->mux->count; i++) {
		text_add(&list, tcpmux->mux->services[i]->name);
		text_add(&list, "\r\n");
	}
	tcpmux->list_size = list.length;
	return 0;
}

static void tcpmux_free(struct tcpmux *tcpmux)
{
	lines_free(tcpmux->lines);
	free(tcpmux->list);
	free(tcpmux);
}

int tcpmux_open(const struct internal *internal, const struct internal_setup *setup,
		void **ret_state, struct error *err)
{
	struct tcpmux *tcpmux = calloc(1, sizeof(*tcpmux));

	(void)internal;
	if (tcpmux == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	tcpmux->mux = setup->mux;
	if (write_list(tcpmux) < 0 ||
	    lines_new(setup->loop, &rules, setup->service->idle_timeout_ns, tcpmux,
		      &tcpmux->lines) < 0) {
		tcpmux_free(tcpmux);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret_state = tcpmux;
	return 0;
}

void tcpmux_close(void *state)
{
	tcpmux_free(state);
}

int tcpmux_stream(void *state, const struct connection *connection,
		  const struct session_owner *owner, struct error *err)
{
	const struct tcpmux *tcpmux = state;

	return lines_start(tcpmux->lines, connection, owner, err);
}
