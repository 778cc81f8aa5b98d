/* SPDX-License-Identifier: ISC */
/*
 * One entry of inetd.conf, in whichever form it was written, into a stanza: what is
 * given, what is missing, and what follows from other lines.
 */
#include <errno.h>
#include <string.h>

#include "inetd_internal.h"

/* The name without address, in the words that are used here. */
static const char *internal_name(const struct inetd_entry *entry)
{
	const char *colon = strrchr(entry->name, ':');
	const char *name = colon != NULL ? colon + 1 : entry->name;

	return strcmp(name, "auth") == 0 ? "ident" : name;
}

static void give_internal(struct inetd_draft *draft)
{
	const struct inetd_entry *entry = draft->entry;
	size_t count = entry->arguments.count;

	inetd_give(draft, "internal", internal_name(entry));
	/* Some write the word, or the name, once more as argv[0]. */
	if (count > 1)
		inetd_warn(draft,
			   "the arguments of an in-process service have no effect");
}

/* argv as it is written, argv[0] first. */
static void give_program(struct inetd_draft *draft)
{
	const struct inetd_entry *entry = draft->entry;

	inetd_give(draft, "server", entry->program);
	inetd_give(draft, "groups", "yes");
	if (entry->arguments.count > 0)
		inetd_give(draft, "argv0", entry->arguments.items[0]);
	for (size_t i = 1; i < entry->arguments.count; i++) {
		inetd_give(draft, "server_args", entry->arguments.items[i]);
		if (entry->arguments.items[i][0] == '#')
			inetd_warn(draft, "'#' does not begin a comment here: it is one "
					  "of the arguments");
	}
}

/* Where one line has tcp and another tcp6, each has its family. */
static int pair_families(struct inetd_draft *draft, enum inetd_family family)
{
	struct stanzas *stanzas = draft->reading->stanzas;
	const char *title = draft->stanza->title;
	size_t length = strlen(title) - (family == INETD_IPV6);

	if ((family != INETD_ANY && family != INETD_IPV6) ||
	    (family == INETD_IPV6 && title[length] != '6'))
		return 0;
	for (size_t i = 0; i + 1 < stanzas->count; i++) {
		struct stanza *other = &stanzas->items[i];
		struct stanza *four = family == INETD_IPV6 ? other : draft->stanza;
		struct stanza_attribute *flags;

		if (other->kind != STANZA_SERVICE || other->dialect != DIALECT_INETD ||
		    strncmp(other->title, title, length) != 0 ||
		    strcmp(other->title + length, family == INETD_IPV6 ? "" : "6") != 0 ||
		    stanza_find(four, "flags") != NULL)
			continue;
		flags = stanza_add(four, "flags", STANZA_SET, four->line);
		return flags != NULL ? strings_add(&flags->values, "IPv4") : -ENOMEM;
	}
	return 0;
}

/* What is needed of every entry; NetBSD's own form may leave something out. */
static void check_missing(struct inetd_draft *draft)
{
	const struct inetd_entry *entry = draft->entry;
	const char *missing = NULL;

	if (entry->socket_type == NULL)
		missing = "socket type";
	else if (entry->wait == NULL)
		missing = "wait";
	else if (entry->user == NULL)
		missing = "user";
	if (missing != NULL)
		inetd_refuse(draft, "not given: %s", missing);
}

static void add_rest(struct inetd_draft *draft)
{
	check_missing(draft);
	if (draft->entry->socket_type != NULL)
		inetd_add_socket_type(draft);
	if (draft->entry->wait != NULL)
		inetd_add_wait(draft);
	if (draft->entry->user != NULL)
		inetd_add_user(draft);
	if (strcmp(draft->entry->program, "internal") == 0)
		give_internal(draft);
	else
		give_program(draft);
	if (draft->entry->off)
		inetd_give(draft, "disable", "yes");
}

/* A title must be there before anything is said of the service. */
static int add_untitled(struct inetd_draft *draft)
{
	draft->stanza->title = inetd_make_title(NULL, draft->entry->name, "");
	return draft->stanza->title != NULL ? 0 : -ENOMEM;
}

/* What NetBSD's form takes for said. */
static void infer(struct inetd_entry *entry)
{
	if (entry->program == NULL)
		entry->program = "internal";
	if (entry->wait == NULL && strcmp(entry->program, "internal") == 0)
		entry->wait = "nowait";
	if (entry->protocol == NULL || entry->socket_type != NULL)
		return;
	if (strncmp(entry->protocol, "tcp", 3) == 0)
		entry->socket_type = "stream";
	else if (strncmp(entry->protocol, "udp", 3) == 0)
		entry->socket_type = "dgram";
}

int inetd_add_entry(struct inetd_reading *reading, struct inetd_entry *entry)
{
	struct inetd_draft draft = { .reading = reading, .entry = entry };
	struct inetd_protocol protocol = { 0 };
	bool known = false;

	infer(entry);
	draft.stanza = stanzas_add(reading->stanzas, STANZA_SERVICE, NULL, reading->file,
				   entry->line);
	if (draft.stanza == NULL)
		return -ENOMEM;
	draft.stanza->dialect = DIALECT_INETD;
	if (entry->protocol != NULL)
		known = inetd_parse_protocol(&draft, &protocol);
	else
		inetd_refuse(&draft, "not given: protocol");
	if (!known)
		return add_untitled(&draft);
	draft.result = protocol.base == INETD_UNIX ? inetd_add_unix(&draft)
						   : inetd_add_inet(&draft, &protocol);
	if (draft.stanza->title == NULL)
		return -ENOMEM;
	add_rest(&draft);
	if (draft.result == 0 && protocol.base != INETD_UNIX)
		draft.result = pair_families(&draft, protocol.family);
	return draft.result;
}
