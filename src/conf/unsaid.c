/* SPDX-License-Identifier: ISC */
/*
 * What xinetd takes for said in its files, and inetd in its own with its options. Given
 * to the service like defaults, so that the dump says it.
 */
#include <errno.h>

#include "build_internal.h"

static struct assignment *slot_of(struct draft *draft, const char *name)
{
	return &draft->given.items[attribute_index(attribute_find(name))];
}

static int assume(struct draft *draft, const char *name, const char *value)
{
	struct assignment *slot = slot_of(draft, name);

	if (slot->set)
		return 0;
	slot->set = true;
	slot->inherited = true;
	slot->file = draft->stanza->file;
	slot->line = draft->stanza->line;
	return strings_add(&slot->values, value);
}

static bool has_word(struct draft *draft, const char *name, const char *word)
{
	const struct assignment *slot = slot_of(draft, name);

	return slot->set && strings_have_word(&slot->values, word);
}

/* Files are looked at for that: once for all services. */
static void look_at_libwrap(struct build *build)
{
	const struct conf_request *request = build->request;

	if (build->libwrap_known)
		return;
	build->libwrap_known = true;
	build->libwrap_ready =
		request->libwrap_ready == NULL || request->libwrap_ready(NULL) == 0;
	build->libwrap_rules = request->libwrap_rules != NULL && request->libwrap_rules();
}

/* Goes by what is written, as all here: nothing has been converted yet. */
static bool is_tcp_or_udp(struct draft *draft)
{
	return !has_word(draft, "socket_type", "raw") &&
	       !has_word(draft, "socket_type", "seqpacket") &&
	       (!slot_of(draft, "protocol")->set || has_word(draft, "protocol", "tcp") ||
		has_word(draft, "protocol", "udp"));
}

static bool has_datagrams(struct draft *draft)
{
	return has_word(draft, "protocol", "udp") ||
	       (has_word(draft, "socket_type", "dgram") &&
		!has_word(draft, "protocol", "tcp"));
}

/* Of whom inetd asks: clients whose connections it accepts itself. */
static bool accepts_clients(struct draft *draft)
{
	return is_tcp_or_udp(draft) && !has_datagrams(draft) &&
	       !has_word(draft, "wait", "yes");
}

/* Those whom we can tell nobody about before they are served; of RPC, they are not asked
 * for streams. */
static bool is_beyond_libwrap(struct draft *draft)
{
	if (!is_tcp_or_udp(draft))
		return true;
	if (has_datagrams(draft))
		return slot_of(draft, "internal")->set || slot_of(draft, "redirect")->set;
	return has_word(draft, "wait", "yes") && !has_word(draft, "type", "RPC");
}

/* hosts.allow and hosts.deny may change at any time: where they can be asked, they are.
 */
static int assume_libwrap(struct draft *draft)
{
	const struct build *build = draft->build;

	if (has_word(draft, "flags", "NOLIBWRAP") || slot_of(draft, "libwrap")->set)
		return 0;
	look_at_libwrap(draft->build);
	if (!is_beyond_libwrap(draft))
		return build->libwrap_ready || build->libwrap_rules
			       ? assume(draft, "libwrap", "yes")
			       : 0;
	/* Whom they keep out of xinetd must not come in here. */
	if (build->libwrap_rules && !draft->service->disable)
		draft_complain(draft, NULL,
			       "hosts.allow and hosts.deny have rules, and cannot be "
			       "asked for in-process datagrams, streams with wait = yes "
			       "and other protocols than tcp and udp; with flags = "
			       "NOLIBWRAP they are not");
	return 0;
}

/* inetd asks for streams that do not wait. Who has it ask is told of the others. */
static int assume_wrapped(struct draft *draft)
{
	static const char *const logs[] = { "log_on_success", "log_on_failure" };
	const struct conf_request *request = draft->build->request;
	int result = 0;

	if (slot_of(draft, "internal")->set ? !request->wrap_internal
					    : !request->wrap_programs)
		return 0;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]) && result == 0; i++)
		result = assume(draft, logs[i], "HOST");
	if (result < 0 || slot_of(draft, "libwrap")->set)
		return result;
	if (accepts_clients(draft))
		return assume(draft, "libwrap", "yes");
	if (!draft->service->disable)
		diagnostics_add(draft->build->diagnostics, SEVERITY_WARNING,
				draft->stanza->file, draft->stanza->line,
				"service '%s': hosts.allow and hosts.deny are asked for "
				"TCP and nowait only",
				draft->service->id);
	return 0;
}

int assume_unsaid(struct draft *draft)
{
	int result;

	if (draft->stanza->dialect == DIALECT_INETD)
		return assume_wrapped(draft);
	if (draft->stanza->dialect != DIALECT_XINETD)
		return 0;
	/* Without log_type there is no line about clients, whatever the others say. */
	result = assume(draft, "log_type", "none");
	return result == 0 ? assume_libwrap(draft) : result;
}
