/* SPDX-License-Identifier: ISC */
/* What all readers of a line of inetd.conf do with it: give a value, warn, refuse. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "inetd_internal.h"
#include "usherd/base/error.h"

void inetd_complain(struct inetd_reading *reading, enum severity severity, unsigned line,
		    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	diagnostics_addv(reading->diagnostics, severity, reading->file, line, format,
			 arguments);
	va_end(arguments);
}

void inetd_warn(struct inetd_draft *draft, const char *format, ...)
{
	const struct inetd_reading *reading = draft->reading;
	va_list arguments;

	va_start(arguments, format);
	diagnostics_addv(reading->diagnostics, SEVERITY_WARNING, reading->file,
			 draft->entry->line, format, arguments);
	va_end(arguments);
}

/* What is off is none of its users' worry. */
void inetd_refuse(struct inetd_draft *draft, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	inetd_complain(draft->reading,
		       draft->entry->off ? SEVERITY_WARNING : SEVERITY_REFUSAL,
		       draft->entry->line, "%s; the service is left out", text);
	draft->stanza->broken = true;
}

/* Once more for an attribute adds to its values. */
void inetd_give(struct inetd_draft *draft, const char *name, const char *value)
{
	struct stanza_attribute *attribute = stanza_find(draft->stanza, name);

	if (draft->result < 0)
		return;
	if (attribute == NULL)
		attribute =
			stanza_add(draft->stanza, name, STANZA_SET, draft->entry->line);
	draft->result =
		attribute != NULL ? strings_add(&attribute->values, value) : -ENOMEM;
}
