/* SPDX-License-Identifier: ISC */
/*
 * Words of xinetd that another attribute says more plainly: `type = INTERNAL`, `flags =
 * NAMEINARGS`, `id`. They are rewritten in the stanza, before anything is merged, so that
 * whatever comes later, the dump among it, knows one way of saying things. What xinetd
 * passes over without a word in its own files is taken out there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "build_internal.h"

#define SELINUX_STATE "/sys/fs/selinux/enforce"

/* Take @word out of the list of @name. Was it there? */
static bool take_word(struct stanza *stanza, const char *name, const char *word)
{
	struct stanza_attribute *list = stanza_find(stanza, name);
	bool found = false;

	/* The first is the one that counts, and += is passed over for these. */
	if (list == NULL || list->operation != STANZA_SET)
		return false;
	for (size_t i = list->values.count; i-- > 0;) {
		if (strcasecmp(list->values.items[i], word) != 0)
			continue;
		strings_remove(&list->values, i);
		found = true;
	}
	if (found && list->values.count == 0)
		stanza_remove(stanza, name);
	return found;
}

static int give(struct stanza *stanza, const char *name, const char *value, unsigned line)
{
	struct stanza_attribute *attribute = stanza_add(stanza, name, STANZA_SET, line);

	return attribute != NULL ? strings_add(&attribute->values, value) : -ENOMEM;
}

static unsigned line_of(const struct stanza *stanza, const char *name)
{
	const struct stanza_attribute *attribute = stanza_find(stanza, name);

	return attribute != NULL ? attribute->line : stanza->line;
}

/* `id = X` in the entry of NAME: the title is X, and the name is NAME. */
static int adapt_id(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	struct stanza_attribute *id = stanza_find(stanza, "id");
	int result = 0;
	char *title;

	if (id == NULL || id->values.count != 1)
		return 0;
	title = strdup(id->values.items[0]);
	if (title == NULL)
		return -ENOMEM;
	if (stanza_find(stanza, "name") == NULL)
		result = give(stanza, "name", stanza->title, line_of(stanza, "id"));
	free(stanza->title);
	stanza->title = title;
	stanza_remove(stanza, "id");
	return result;
}

/* `type = INTERNAL`: the name says which. A program given beside it is not started. */
static int adapt_internal(struct draft *draft)
{
	static const char *const passed_over[] = { "server", "server_args", "argv0" };
	struct stanza *stanza = draft->stanza;
	unsigned line = line_of(stanza, "type");
	const struct stanza_attribute *name;

	if (!take_word(stanza, "type", "INTERNAL"))
		return 0;
	for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]); i++)
		stanza_remove(stanza, passed_over[i]);
	if (stanza_find(stanza, "internal") != NULL)
		return 0;
	name = stanza_find(stanza, "name");
	return give(stanza, "internal",
		    name != NULL && name->values.count == 1 ? name->values.items[0]
							    : stanza->title,
		    line);
}

/* `flags = NAMEINARGS`, wherever it stands: the first argument is argv[0]. */
static int adapt_arguments(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	unsigned line = line_of(stanza, "flags");
	struct stanza_attribute *arguments;
	char *first;
	int result;

	if (!take_word(stanza, "flags", "NAMEINARGS"))
		return 0;
	arguments = stanza_find(stanza, "server_args");
	if (arguments == NULL || arguments->values.count == 0) {
		build_complain(draft->build, stanza->file, line,
			       "flags: NAMEINARGS needs server_args, whose first is the "
			       "name of the program");
		return 0;
	}
	first = strdup(arguments->values.items[0]);
	if (first == NULL)
		return -ENOMEM;
	strings_remove(&arguments->values, 0);
	result = give(stanza, "argv0", first, line);
	free(first);
	return result;
}

/* `flags = LABELED`: a context of SELinux after the client's. Where there is no SELinux
 * it does nothing in xinetd either; where there is, the program would have more rights.
 */
static int adapt_label(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	unsigned line = line_of(stanza, "flags");

	if (stanza->dialect != DIALECT_XINETD || !take_word(stanza, "flags", "LABELED"))
		return 0;
	if (access(SELINUX_STATE, F_OK) == 0)
		build_complain(draft->build, stanza->file, line,
			       "flags: LABELED cannot be kept: usherd sets no context of "
			       "SELinux");
	else
		diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING, stanza->file,
				line, "flags: LABELED does nothing without SELinux");
	return 0;
}

static bool is_in_process(const struct stanza *stanza)
{
	return stanza_find(stanza, "internal") != NULL ||
	       stanza_find(stanza, "redirect") != NULL;
}

static bool is_root(const struct stanza *stanza)
{
	const struct stanza_attribute *user = stanza_find(stanza, "user");

	return user != NULL && user->values.count == 1 &&
	       (strcmp(user->values.items[0], "root") == 0 ||
		strcmp(user->values.items[0], "0") == 0);
}

static bool is_boolean(const struct stanza_attribute *attribute)
{
	return attribute != NULL && attribute->values.count == 1 &&
	       (strcasecmp(attribute->values.items[0], "yes") == 0 ||
		strcasecmp(attribute->values.items[0], "no") == 0);
}

/* In process there is no program to wait for, and nothing is done as root: xinetd's own
 * examples say both. */
static int adapt_in_process(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;

	if (stanza->dialect == DIALECT_NATIVE || !is_in_process(stanza))
		return 0;
	if (stanza_find(stanza, "internal") == NULL) {
		stanza_remove(stanza, "server");
		stanza_remove(stanza, "server_args");
		stanza_remove(stanza, "argv0");
	} else if (is_boolean(stanza_find(stanza, "wait"))) {
		stanza_remove(stanza, "wait");
	}
	if (is_root(stanza) || stanza_find(stanza, "user") == NULL) {
		stanza_remove(stanza, "user");
		stanza_remove(stanza, "group");
	}
	return 0;
}

/* One name for each: xinetd's `interface` is an address, and another word for bind. */
static int adapt_names(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;

	for (size_t i = 0; i < stanza->count && stanza->dialect != DIALECT_NATIVE; i++) {
		struct stanza_attribute *given = &stanza->attributes[i];
		const struct attribute *attribute = attribute_find(given->name);
		const char *name = attribute != NULL ? attribute->name : given->name;
		char *copy;

		if (stanza->dialect == DIALECT_XINETD && strcmp(name, "interface") == 0)
			name = "bind";
		if (strcmp(name, given->name) == 0)
			continue;
		copy = strdup(name);
		if (copy == NULL)
			return -ENOMEM;
		free(given->name);
		given->name = copy;
	}
	return 0;
}

/* Where the program has no socket of its own to read from there is nobody to intercept
 * for: xinetd says so and goes on. */
static int adapt_intercept(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	const struct stanza_attribute *wait = stanza_find(stanza, "wait");
	unsigned line = line_of(stanza, "flags");
	bool waits = wait != NULL && wait->values.count == 1 &&
		     strcasecmp(wait->values.items[0], "yes") == 0;

	if (stanza->dialect == DIALECT_NATIVE ||
	    (waits && !is_in_process(stanza) &&
	     !stanza_has_word(stanza, "flags", "SENSOR")) ||
	    !take_word(stanza, "flags", "INTERCEPT"))
		return 0;
	diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING, stanza->file, line,
			"flags: INTERCEPT does nothing for service '%s': it is for "
			"programs with wait = yes",
			stanza->title);
	return 0;
}

/* A sensor serves nobody, whatever the entry says of how. */
static int adapt_sensor(struct draft *draft)
{
	static const char *const passed_over[] = { "server", "server_args", "argv0",
						   "redirect", "internal" };
	struct stanza *stanza = draft->stanza;

	if (stanza->dialect == DIALECT_NATIVE ||
	    !stanza_has_word(stanza, "flags", "SENSOR"))
		return 0;
	for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]); i++)
		stanza_remove(stanza, passed_over[i]);
	return 0;
}

/* 0 stands for no limit of resources. */
static bool is_no_limit(const struct stanza_attribute *attribute)
{
	return strncmp(attribute->name, "rlimit_", 7) == 0 &&
	       attribute->values.count == 1 &&
	       strcmp(attribute->values.items[0], "0") == 0;
}

/* What is only for other services is a warning there, as it is in xinetd. */
static int adapt_useless(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	size_t i = 0;

	while (i < stanza->count && stanza->dialect != DIALECT_NATIVE) {
		const struct stanza_attribute *given = &stanza->attributes[i];
		const struct attribute *attribute = attribute_find(given->name);

		if (attribute == NULL ||
		    (stanza_is_for(stanza, attribute) && !is_no_limit(given))) {
			i++;
			continue;
		}
		if (!is_no_limit(given))
			diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING,
					stanza->file, given->line,
					"'%s' has no effect on service '%s'", given->name,
					stanza->title);
		stanza_remove(stanza, attribute->name);
	}
	return 0;
}

/* `disable = yes` counts, whatever else the entry says of it. */
static int adapt_disable(struct draft *draft)
{
	struct stanza *stanza = draft->stanza;
	bool off = false;

	if (stanza->dialect == DIALECT_NATIVE)
		return 0;
	for (size_t i = 0; i < stanza->count && !off; i++) {
		const struct stanza_attribute *attribute = &stanza->attributes[i];

		off = strcmp(attribute->name, "disable") == 0 &&
		      attribute->values.count == 1 &&
		      strcasecmp(attribute->values.items[0], "yes") == 0;
	}
	if (!off)
		return 0;
	stanza_remove(stanza, "disable");
	return give(stanza, "disable", "yes", stanza->line);
}

int adapt_stanza(struct draft *draft)
{
	/* In this order: the later ask what the earlier settled. */
	static int (*const steps[])(struct draft *) = {
		adapt_names,     adapt_words, adapt_disable,    adapt_internal,
		adapt_sensor,    adapt_id,    adapt_arguments,  adapt_label,
		adapt_intercept, adapt_user,  adapt_in_process, adapt_families,
		adapt_useless,   adapt_rpc,
	};
	int result = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result == 0; i++)
		result = steps[i](draft);
	return result;
}

static const struct assignment *find_list(const struct build *build, bool native,
					  const char *name)
{
	const struct assignments *defaults = &build->defaults[!native];
	const struct assignment *slot =
		&defaults->items[attribute_index(attribute_find(name))];

	return slot->set ? slot : NULL;
}

static bool names_it(const struct assignment *list, const struct stanza *stanza)
{
	const struct stanza_attribute *id = stanza_find(stanza, "id");
	const char *title =
		id != NULL && id->values.count == 1 ? id->values.items[0] : stanza->title;

	return strings_have_word(&list->values, title);
}

static int switch_off(struct stanza *stanza)
{
	stanza_remove(stanza, "disable");
	return give(stanza, "disable", "yes", stanza->line);
}

int adapt_offer(struct build *build, struct stanzas *stanzas)
{
	int result = 0;

	for (size_t i = 0; i < stanzas->count && result == 0; i++) {
		struct stanza *stanza = &stanzas->items[i];
		bool native = stanza->dialect == DIALECT_NATIVE;
		const struct assignment *enabled = find_list(build, native, "enabled");
		const struct assignment *disabled = find_list(build, native, "disabled");

		if (stanza->kind != STANZA_SERVICE)
			continue;
		/* In xinetd's files `disable = yes` holds for those that are listed, too.
		 */
		if (enabled != NULL && !names_it(enabled, stanza))
			result = switch_off(stanza);
		else if (enabled != NULL && native)
			stanza_remove(stanza, "disable");
		if (result == 0 && disabled != NULL && names_it(disabled, stanza))
			result = switch_off(stanza);
	}
	return result;
}
