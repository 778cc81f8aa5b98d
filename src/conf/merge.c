/* SPDX-License-Identifier: ISC */
/*
 * Stanzas into one assignment per attribute: names looked up, places and operators
 * checked, '+=' and '-=' worked out on words, defaults handed down. No value is looked
 * into before assignments_convert().
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "build_internal.h"

static unsigned place_of(const struct stanza *stanza)
{
	static const unsigned places[] = { [STANZA_SETTINGS] = ATTRIBUTE_SETTING,
					   [STANZA_DEFAULTS] = ATTRIBUTE_DEFAULTS,
					   [STANZA_SERVICE] = ATTRIBUTE_SERVICE };
	return places[stanza->kind];
}

static void complain_unknown(struct build *build, const struct stanza *stanza,
			     const struct stanza_attribute *given)
{
	const char *near = attribute_suggest(given->name, place_of(stanza));
	char where[96] = "";
	if (stanza->kind == STANZA_SERVICE)
		(void)snprintf(where, sizeof(where), " in service '%s'", stanza->title);
	else if (stanza->kind == STANZA_DEFAULTS)
		(void)snprintf(where, sizeof(where), " in defaults");
	diagnostics_add(build->diagnostics, SEVERITY_ERROR, stanza->file, given->line,
			"unknown %s '%s'%s%s%s%s",
			stanza->kind == STANZA_SETTINGS ? "setting" : "attribute",
			given->name, where, near != NULL ? "; did you mean '" : "",
			near != NULL ? near : "", near != NULL ? "'?" : "");
}

static void complain_misplaced(struct build *build, const struct stanza *stanza,
			       const struct stanza_attribute *given,
			       const struct attribute *attribute)
{
	const char *advice = "belongs inside a service";
	if (attribute->place == ATTRIBUTE_SETTING)
		advice = "belongs outside of sections";
	else if (stanza->kind == STANZA_DEFAULTS)
		advice = "cannot have a default: it belongs inside a service";
	else if ((attribute->place & ATTRIBUTE_DEFAULTS) != 0)
		advice = "belongs inside a service or defaults";
	diagnostics_add(build->diagnostics, SEVERITY_ERROR, stanza->file, given->line,
			"'%s' %s", given->name, advice);
}

/* May @given stand here and be put on top of @slot? Complains if not. */
static bool is_acceptable(struct build *build, const struct stanza *stanza,
			  const struct stanza_attribute *given,
			  const struct attribute *attribute,
			  const struct assignment *slot)
{
	static const char *const operators[] = {
		[STANZA_SET] = "=", [STANZA_ADD] = "+=", [STANZA_REMOVE] = "-="
	};
	if ((attribute->place & place_of(stanza)) == 0) {
		complain_misplaced(build, stanza, given, attribute);
		return false;
	}
	if (given->operation != STANZA_SET && !attribute->kind->list) {
		diagnostics_add(build->diagnostics, SEVERITY_ERROR, stanza->file,
				given->line, "'%s' is for lists; '%s' takes %s",
				operators[given->operation], given->name,
				attribute->kind->syntax);
		return false;
	}
	bool again = slot->set && !slot->inherited &&
		     ((attribute->flags & ATTRIBUTE_PER_FILE) == 0 ||
		      strcmp(slot->file, stanza->file) == 0);
	if (given->operation == STANZA_SET && again) {
		diagnostics_add(build->diagnostics, SEVERITY_ERROR, stanza->file,
				given->line, "'%s' is already set at %s:%u", given->name,
				slot->file, slot->line);
		return false;
	}
	return true;
}

static int put_values(struct assignment *slot, const struct stanza_attribute *given)
{
	if (given->operation == STANZA_REMOVE) {
		for (size_t i = 0; i < given->values.count; i++) {
			ptrdiff_t at =
				strings_find(&slot->values, given->values.items[i]);
			if (at != -1)
				strings_remove(&slot->values, (size_t)at);
		}
		return 0;
	}
	if (given->operation == STANZA_SET)
		strings_done(&slot->values);
	return strings_add_all(&slot->values, &given->values);
}

int merge_stanza(struct build *build, const struct stanza *stanza,
		 struct assignments *ret)
{
	for (size_t i = 0; i < stanza->count; i++) {
		const struct stanza_attribute *given = &stanza->attributes[i];
		const struct attribute *attribute = attribute_find(given->name);
		if (attribute == NULL) {
			complain_unknown(build, stanza, given);
			continue;
		}
		struct assignment *slot = &ret->items[attribute_index(attribute)];
		if (!is_acceptable(build, stanza, given, attribute, slot))
			continue;
		int result = put_values(slot, given);
		if (result < 0)
			return result;
		slot->set = true;
		slot->inherited = false;
		slot->file = stanza->file;
		slot->line = given->line;
	}
	return 0;
}

int merge_defaults(struct draft *draft)
{
	const struct attribute *attribute;
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		const struct assignment *from = &draft->build->defaults.items[i];
		struct assignment *to = &draft->given.items[i];
		if (!from->set || from->bad || !draft_applies(draft, attribute))
			continue;
		*to = (struct assignment){ .set = true,
					   .inherited = true,
					   .file = from->file,
					   .line = from->line };
		if (strings_add_all(&to->values, &from->values) < 0)
			return -ENOMEM;
	}
	return 0;
}

int assignments_convert(struct build *build, const struct attribute *attribute,
			struct assignments *assignments, void *object)
{
	struct assignment *slot = &assignments->items[attribute_index(attribute)];
	if (!slot->set || slot->converted)
		return 0;
	struct error err = { 0 };
	slot->converted = true;
	int result = attribute_parse(attribute, &slot->values, object, &err);
	if (result == 0)
		return 0;
	slot->bad = true;
	if (result == -ENOMEM)
		return result;
	diagnostics_add(build->diagnostics, SEVERITY_ERROR, slot->file, slot->line, "%s",
			err.text);
	return 0;
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

static const struct stanza_attribute *find_given(const struct stanza *stanza,
						 const char *name)
{
	for (size_t i = 0; i < stanza->count; i++)
		if (strcmp(stanza->attributes[i].name, name) == 0)
			return &stanza->attributes[i];
	return NULL;
}

static bool is_unix(const struct stanza *stanza)
{
	const struct stanza_attribute *protocol = find_given(stanza, "protocol");
	for (size_t i = 0; protocol != NULL && i < protocol->values.count; i++)
		if (strcasecmp(protocol->values.items[i], "unix") == 0)
			return true;
	return false;
}

static bool is_internal(const struct stanza *stanza, const char *name)
{
	const struct stanza_attribute *internal = find_given(stanza, "internal");
	return internal != NULL && internal->values.count == 1 &&
	       strcmp(internal->values.items[0], name) == 0;
}

/* Goes by what is written, so that it can be asked before anything is converted. A
 * service that says nothing clear is judged leniently: it has an error already. */
bool draft_applies(const struct draft *draft, const struct attribute *attribute)
{
	bool redirect = find_given(draft->stanza, "redirect") != NULL;
	bool internal = redirect || find_given(draft->stanza, "internal") != NULL;
	bool program = find_given(draft->stanza, "server") != NULL;
	bool path = is_unix(draft->stanza);
	unsigned not_for = 0;
	if (internal && !program)
		not_for |= ATTRIBUTE_PROGRAM;
	if (!redirect)
		not_for |= ATTRIBUTE_REDIRECT;
	not_for |= path ? ATTRIBUTE_INET : ATTRIBUTE_UNIX;
	if (attribute->internal != NULL &&
	    !is_internal(draft->stanza, attribute->internal))
		return false;
	return (attribute->flags & not_for) == 0;
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
		diagnostics_add(draft->build->diagnostics, SEVERITY_ERROR, slot->file,
				slot->line, "%s", text);
	else
		diagnostics_add(draft->build->diagnostics, SEVERITY_ERROR,
				draft->stanza->file, draft->stanza->line,
				"service '%s': %s", draft->stanza->title, text);
}
