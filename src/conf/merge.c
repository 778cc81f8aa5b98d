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

#include "build_internal.h"

static unsigned place_of(const struct stanza *stanza)
{
	static const unsigned places[] = { [STANZA_SETTINGS] = ATTRIBUTE_SETTING,
					   [STANZA_DEFAULTS] =
						   ATTRIBUTE_DEFAULTS | ATTRIBUTE_OFFER,
					   [STANZA_SERVICE] = ATTRIBUTE_SERVICE };
	return places[stanza->kind];
}

/*
 * What a file is forgiven. xinetd's users know its warnings: what it passes over with
 * one, is passed over with the same.
 */
struct manners {
	bool passes_over; /* what cannot stand there is a warning, and is not taken */
	bool replaces;    /* '=' on a set that has been given begins it anew */
	bool gathers;     /* '=' in defaults adds to a set */
};

static const struct manners *manners_of(const struct stanza *stanza)
{
	static const struct manners manners[] = {
		[DIALECT_NATIVE] = { .passes_over = false },
		[DIALECT_XINETD] = { true, true, true },
		[DIALECT_INETD] = { true, true, true },
	};
	return &manners[stanza->dialect];
}

/* About one line of a stanza: it is not taken. */
static void __attribute__((format(printf, 4, 5)))
complain_line(struct build *build, const struct stanza *stanza,
	      const struct stanza_attribute *given, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (manners_of(stanza)->passes_over)
		diagnostics_add(build->diagnostics, SEVERITY_WARNING, stanza->file,
				given->line, "%s; the line is passed over", text);
	else
		build_complain(build, stanza->file, given->line, "%s", text);
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
	complain_line(build, stanza, given, "unknown %s '%s'%s%s%s%s",
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
	else if (attribute->place == ATTRIBUTE_OFFER)
		advice = "belongs inside defaults";
	else if (stanza->kind == STANZA_DEFAULTS)
		advice = "cannot have a default: it belongs inside a service";
	else if ((attribute->place & ATTRIBUTE_DEFAULTS) != 0)
		advice = "belongs inside a service or defaults";
	complain_line(build, stanza, given, "'%s' %s", given->name, advice);
}

/* Are += and -= for it? In xinetd's files only for its sets. */
static bool takes_operators(const struct stanza *stanza,
			    const struct attribute *attribute)
{
	return stanza->dialect == DIALECT_NATIVE
		       ? attribute->kind->list
		       : (attribute->flags & ATTRIBUTE_SET) != 0;
}

static bool has_wrong_count(const struct stanza *stanza,
			    const struct stanza_attribute *given,
			    const struct attribute *attribute)
{
	/* Of some words the converter says how many they are to be. */
	return manners_of(stanza)->passes_over && !attribute->kind->list &&
	       attribute->kind->words_max == 0 &&
	       given->values.count != attribute->kind->words;
}

static bool is_given_again(const struct stanza *stanza,
			   const struct stanza_attribute *given,
			   const struct attribute *attribute,
			   const struct assignment *slot)
{
	if (given->operation != STANZA_SET || !slot->set || slot->inherited)
		return false;
	if (manners_of(stanza)->replaces && (attribute->flags & ATTRIBUTE_SET) != 0)
		return false;
	return (attribute->flags & ATTRIBUTE_PER_FILE) == 0 ||
	       strcmp(slot->file, stanza->file) == 0;
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
	if (given->operation != STANZA_SET && !takes_operators(stanza, attribute)) {
		complain_line(build, stanza, given, "'%s' cannot be used with '%s'",
			      operators[given->operation], given->name);
		return false;
	}
	if (has_wrong_count(stanza, given, attribute)) {
		complain_line(build, stanza, given, "%s: expected %zu %s, got %zu",
			      given->name, attribute->kind->words,
			      attribute->kind->words == 1 ? "value" : "values",
			      given->values.count);
		return false;
	}
	if (is_given_again(stanza, given, attribute, slot)) {
		complain_line(build, stanza, given, "'%s' is already set at %s:%u",
			      given->name, slot->file, slot->line);
		return false;
	}
	return true;
}

static enum stanza_operator operation_of(const struct stanza *stanza,
					 const struct stanza_attribute *given,
					 const struct attribute *attribute)
{
	bool gathers = stanza->kind == STANZA_DEFAULTS && manners_of(stanza)->gathers &&
		       (attribute->flags & ATTRIBUTE_SET) != 0;
	return gathers && given->operation == STANZA_SET ? STANZA_ADD : given->operation;
}

static int put_values(struct assignment *slot, enum stanza_operator operation,
		      const struct strings *values)
{
	if (operation == STANZA_REMOVE) {
		for (size_t i = 0; i < values->count; i++) {
			ptrdiff_t at = strings_find(&slot->values, values->items[i]);
			if (at != -1)
				strings_remove(&slot->values, (size_t)at);
		}
		return 0;
	}
	if (operation == STANZA_SET)
		strings_done(&slot->values);
	return strings_add_all(&slot->values, values);
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
		int result = put_values(slot, operation_of(stanza, given, attribute),
					&given->values);
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
	const struct assignments *defaults =
		&draft->build->defaults[draft->stanza->dialect != DIALECT_NATIVE];
	const struct attribute *attribute;
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		const struct assignment *from = &defaults->items[i];
		struct assignment *to = &draft->given.items[i];
		if (!from->set || from->bad || attribute->place == ATTRIBUTE_OFFER ||
		    !draft_applies(draft, attribute))
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
	build_complain(build, slot->file, slot->line, "%s", err.text);
	return 0;
}
