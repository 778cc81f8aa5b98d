/* SPDX-License-Identifier: ISC */
/*
 * The limits of a log file. What is said of them is said when something changes, and that
 * takes a file that somebody makes smaller, or opens anew: lines alone say each thing
 * once. Full is full until there is room down to the soft limit again, so that short
 * lines do not slip in between long ones that are left out.
 */
#include <inttypes.h>

#include "log_internal.h"
#include "usherd/base/units.h"

#define NOTICE_SIZE 160

static void tell(const struct log_notice *notice, enum log_level level,
		 const struct text *text)
{
	if (notice->tell != NULL)
		notice->tell(notice->data, level, text->data);
}

static void tell_limit(const struct log_notice *notice, enum log_level level,
		       const char *what, uint64_t limit, const char *next)
{
	char size[UNITS_TEXT_SIZE];
	char buffer[NOTICE_SIZE];
	struct text text;

	units_format_size(limit, size);
	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "%s limit of %s bytes%s", what, size, next);
	tell(notice, level, &text);
}

static void tell_end(const struct log_fill *fill, const struct log_notice *notice)
{
	char buffer[NOTICE_SIZE];
	struct text text;

	text_init(&text, buffer, sizeof(buffer));
	text_addf(&text, "written again; %" PRIu64 " line%s left out", fill->left_out,
		  fill->left_out == 1 ? " was" : "s were");
	tell(notice, LOG_LEVEL_NOTICE, &text);
}

static void check_soft(struct log_fill *fill, const struct log_sink *sink, uint64_t size,
		       const struct log_notice *notice)
{
	if (size <= sink->soft_limit || fill->past_soft)
		return;
	fill->past_soft = true;
	tell_limit(notice, LOG_LEVEL_WARNING, "past its soft", sink->soft_limit, "");
}

uint64_t log_fill_room(struct log_fill *fill, const struct log_sink *sink,
		       const struct log_notice *notice)
{
	uint64_t size;

	if (sink->hard_limit == 0 || sink->ops->size == NULL)
		return UINT64_MAX;
	size = sink->ops->size(sink);
	if (size <= sink->soft_limit && (!fill->full || size < fill->full_size))
		log_fill_reset(fill, notice);
	check_soft(fill, sink, size, notice);
	return fill->full || size >= sink->hard_limit ? 0 : sink->hard_limit - size;
}

void log_fill_wrote(struct log_fill *fill, const struct log_sink *sink, uint64_t room,
		    const struct log_notice *notice)
{
	if (!fill->full)
		check_soft(fill, sink, sink->hard_limit - room, notice);
}

void log_fill_leave_out(struct log_fill *fill, const struct log_sink *sink, uint64_t room,
			const struct log_notice *notice)
{
	if (!fill->full) {
		fill->full_size = room < sink->hard_limit ? sink->hard_limit - room : 0;
		tell_limit(notice, LOG_LEVEL_ERROR, "at its hard", sink->hard_limit,
			   ": lines are left out until it is rotated");
	}
	fill->full = true;
	fill->left_out++;
}

void log_fill_reset(struct log_fill *fill, const struct log_notice *notice)
{
	if (fill->full)
		tell_end(fill, notice);
	*fill = (struct log_fill){ 0 };
}
