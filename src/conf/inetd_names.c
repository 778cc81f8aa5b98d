/* SPDX-License-Identifier: ISC */
/*
 * The first field of an entry: addresses, name or port, versions of RPC, a path. What the
 * service is called follows from its own line alone: this field and the protocol, so that
 * ftp over tcp and over tcp6 are two.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inetd_internal.h"
#include "usherd/base/text.h"

#define SHOWN_SIZE    48
#define TITLE_MAX     63 /* of any service */
#define TITLE_ELLIPSE "..."
#define MUX           "tcpmux/"

#define SHOWN(word)   text_escape((char[SHOWN_SIZE]){ 0 }, SHOWN_SIZE, word)

/* The last part of what is too long tells more than the first. */
char *inetd_make_title(const char *address, const char *name, const char *protocol)
{
	char *title = NULL, *whole = NULL;
	size_t length;

	if (asprintf(&title, "%s%s%s%s%s", address != NULL ? address : "",
		     address != NULL ? ":" : "", name, protocol[0] != '\0' ? "/" : "",
		     protocol) == -1)
		return NULL;
	length = strlen(title);
	if (length <= TITLE_MAX)
		return title;
	whole = title;
	length -= TITLE_MAX - strlen(TITLE_ELLIPSE);
	if (asprintf(&title, "%s%s", TITLE_ELLIPSE, whole + length) == -1)
		title = NULL;
	free(whole);
	return title;
}

/* Every address of the list; '@' before a name of a host says nothing here, and brackets
 * are taken off. */
static void give_addresses(struct inetd_draft *draft, const char *list)
{
	while (draft->result == 0) {
		size_t length = strcspn(list, ",");
		size_t skipped = list[0] == '@' || list[0] == '[';
		size_t cut = list[0] == '[' && length > 1 && list[length - 1] == ']';
		char *address = strndup(list + skipped, length - skipped - cut);

		if (address == NULL)
			draft->result = -ENOMEM;
		else if (address[0] == '\0')
			inetd_refuse(draft, "an address is empty");
		else
			inetd_give(draft, "bind", address);
		free(address);
		if (list[length] == '\0')
			return;
		list += length + 1;
	}
}

/* [ADDRESSES:]NAME; in IPv6 addresses there are colons as well. */
static int split_name(const struct inetd_draft *draft, struct inetd_name *ret)
{
	const char *name = draft->entry->name;
	const char *colon = strrchr(name, ':');
	const char *address = draft->reading->address;

	ret->word = colon != NULL ? colon + 1 : name;
	ret->address = NULL;
	if (colon != NULL)
		ret->address = strndup(name, (size_t)(colon - name));
	else if (draft->entry->bind != NULL || address != NULL)
		ret->address =
			strdup(draft->entry->bind != NULL ? draft->entry->bind : address);
	else
		return 0;
	return ret->address != NULL ? 0 : -ENOMEM;
}

static bool is_port(const char *word)
{
	return word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
}

/* NAME/VERSIONS, rpc(5). */
static void give_rpc(struct inetd_draft *draft, const char *word)
{
	const char *slash = strchr(word, '/');
	char *name = strndup(word, slash != NULL ? (size_t)(slash - word) : strlen(word));

	if (name == NULL)
		draft->result = -ENOMEM;
	else if (slash == NULL || slash[1] == '\0' || name[0] == '\0')
		inetd_refuse(draft,
			     "an RPC service is NAME/VERSION or NAME/FIRST-LAST, "
			     "not '%s'",
			     SHOWN(word));
	else {
		inetd_give(draft, "type", "RPC");
		inetd_give(draft, is_port(name) ? "rpc_number" : "name", name);
		inetd_give(draft, "rpc_version", slash + 1);
	}
	free(name);
}

/* Reached through tcpmux: "+" before the name has it acknowledged here. */
static void give_mux(struct inetd_draft *draft, const char *word)
{
	const char *name = word + strlen(MUX);
	bool plus = name[0] == '+';

	inetd_give(draft, "type", plus ? "TCPMUXPLUS" : "TCPMUX");
	inetd_give(draft, "type", "UNLISTED");
	if (name[plus] == '\0')
		inetd_refuse(draft, "a tcpmux service needs a name behind the '/'");
	else
		inetd_give(draft, "name", name + plus);
}

static bool is_mux(const char *word)
{
	return strncmp(word, MUX, strlen(MUX)) == 0;
}

static void give_family(struct inetd_draft *draft, const struct inetd_protocol *protocol)
{
	if (protocol->family == INETD_IPV4 || protocol->family == INETD_BOTH)
		inetd_give(draft, "flags", "IPv4");
	if (protocol->family == INETD_BOTH)
		inetd_give(draft, "flags", "IPv6");
	if (protocol->family != INETD_IPV6)
		return;
	inetd_give(draft, "flags", "IPv6");
	inetd_give(draft, "v6only", "yes");
}

int inetd_add_inet(struct inetd_draft *draft, const struct inetd_protocol *protocol)
{
	const char *const bases[] = { [INETD_TCP] = "tcp",
				      [INETD_UDP] = "udp",
				      [INETD_UNIX] = "unix",
				      [INETD_OTHER] = draft->entry->protocol };
	struct inetd_name name = { 0 };
	const char *prefix = protocol->rpc ? "rpc/" : "";
	const char *written = draft->entry->protocol + strlen(prefix);

	if (split_name(draft, &name) < 0)
		return -ENOMEM;
	draft->stanza->title = inetd_make_title(name.address, name.word,
						is_mux(name.word) ? "" : written);
	inetd_give(draft, "protocol", bases[protocol->base]);
	if (name.word[0] == '\0')
		inetd_refuse(draft, "the name of the service is empty");
	else if (protocol->rpc)
		give_rpc(draft, name.word);
	else if (is_mux(name.word))
		give_mux(draft, name.word);
	else
		inetd_give(draft, is_port(name.word) ? "port" : "name", name.word);
	if (name.address != NULL && !is_mux(name.word))
		give_addresses(draft, name.address);
	if (!is_mux(name.word))
		give_family(draft, protocol);
	free(name.address);
	return draft->stanza->title != NULL ? draft->result : -ENOMEM;
}

/* PATH, or FreeBSD's :USER:GROUP:MODE:PATH. */
int inetd_add_unix(struct inetd_draft *draft)
{
	static const char *const names[] = { "socket_owner", "socket_group",
					     "socket_mode" };
	const char *path = draft->entry->name;

	inetd_give(draft, "protocol", "unix");
	for (size_t i = 0; i < 3 && draft->entry->name[0] == ':' && path != NULL; i++) {
		size_t length = strcspn(++path, ":");
		char *word = strndup(path, length);

		if (word == NULL)
			return -ENOMEM;
		if (length > 0)
			inetd_give(draft, names[i], word);
		free(word);
		path = path[length] == ':' ? path + length : NULL;
	}
	if (path != NULL && path[0] == ':')
		path++;
	if (path == NULL || path[0] != '/')
		inetd_refuse(draft,
			     "expected an absolute path for protocol unix, or "
			     ":USER:GROUP:MODE:PATH, got '%s'",
			     SHOWN(draft->entry->name));
	else
		inetd_give(draft, "bind", path);
	draft->stanza->title = inetd_make_title(NULL, path != NULL ? path : "unix", "");
	return draft->stanza->title != NULL ? draft->result : -ENOMEM;
}
