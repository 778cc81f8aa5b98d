/* SPDX-License-Identifier: ISC */
/* What all parts of build ask of a service in the making, and how they complain. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "build_internal.h"

void build_complain(struct build *build, const char *file, unsigned line,
		    const char *format, ...)
{
	va_list arguments;
	build->complaints++;
	va_start(arguments, format);
	diagnostics_addv(build->diagnostics, build->severity, file, line, format,
			 arguments);
	va_end(arguments);
}

enum severity build_severity(const struct service *service)
{
	return service->dialect == DIALECT_NATIVE ? SEVERITY_ERROR : SEVERITY_REFUSAL;
}

int build_refuse(struct build *build, struct service *service)
{
	if (build_severity(service) == SEVERITY_ERROR || service->disable)
		return 0;
	/* It stays where it is: others refer to it in their messages. */
	service->disable = true;
	return strings_add(&build->table->refused, service->id);
}

void assignments_done(struct assignments *assignments)
{
	for (size_t i = 0; i < ATTRIBUTES_MAX; i++)
		strings_done(&assignments->items[i].values);
}

const struct assignment *draft_find(const struct draft *draft, const char *name)
{
	const struct attribute *attribute = attribute_find(name);
	const struct assignment *slot = &draft->given.items[attribute_index(attribute)];
	return slot->set ? slot : NULL;
}

bool draft_is_good(const struct draft *draft, const char *name)
{
	const struct assignment *slot = draft_find(draft, name);
	return slot != NULL && !slot->bad;
}

bool stanza_is_rpc(const struct stanza *stanza)
{
	return stanza_has_word(stanza, "type", "RPC");
}

static bool is_internal(const struct stanza *stanza, const char *name)
{
	const struct stanza_attribute *internal = stanza_find(stanza, "internal");
	return internal != NULL && internal->values.count == 1 &&
	       strcmp(internal->values.items[0], name) == 0;
}

/* Goes by what is written, so that it can be asked before anything is converted. A
 * service that says nothing clear is judged leniently: it has an error already. */
bool stanza_is_for(const struct stanza *stanza, const struct attribute *attribute)
{
	bool redirect = stanza_find(stanza, "redirect") != NULL;
	bool internal = redirect || stanza_find(stanza, "internal") != NULL;
	bool program = stanza_find(stanza, "server") != NULL;
	bool path = stanza_has_word(stanza, "protocol", "unix");
	unsigned not_for = 0;
	if (internal && !program)
		not_for |= ATTRIBUTE_PROGRAM;
	if (!redirect)
		not_for |= ATTRIBUTE_REDIRECT;
	not_for |= path ? ATTRIBUTE_INET : ATTRIBUTE_UNIX;
	if (!stanza_is_rpc(stanza))
		not_for |= ATTRIBUTE_RPC;
	if (attribute->internal != NULL && !is_internal(stanza, attribute->internal))
		return false;
	return (attribute->flags & not_for) == 0;
}

bool draft_applies(const struct draft *draft, const struct attribute *attribute)
{
	return stanza_is_for(draft->stanza, attribute);
}

void draft_complain(const struct draft *draft, const char *name, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	const struct assignment *slot = name != NULL ? draft_find(draft, name) : NULL;
	if (slot != NULL)
		build_complain(draft->build, slot->file, slot->line, "%s", text);
	else
		build_complain(draft->build, draft->stanza->file, draft->stanza->line,
			       "service '%s': %s", draft->stanza->title, text);
}
