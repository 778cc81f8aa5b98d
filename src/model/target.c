/* SPDX-License-Identifier: ISC */
/* Targets from words and back. Does not look up names, of hosts or of ports. */
#include "usherd/model/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/text.h"

/* Room for a host name or an address with its scope. */
#define HOST_SIZE 256

/* User data in a message, cut. */
#define QUOTE_SIZE 64

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

static bool is_path(const char *word)
{
	return word[0] == '/' || word[0] == '@';
}

bool target_is_path(const struct target *target)
{
	return target->port == 0;
}

/* A colon that is followed by no other, or one behind a bracket, begins the port. */
static const char *find_port(const char *word)
{
	const char *colon = strchr(word, ':');

	if (word[0] == '[') {
		const char *bracket = strchr(word, ']');

		return bracket != NULL && bracket[1] == ':' ? bracket + 1 : NULL;
	}
	return colon != NULL && strchr(colon + 1, ':') == NULL ? colon : NULL;
}

bool target_is_bare(const char *word)
{
	return !is_path(word) && word[0] != '[' && find_port(word) == NULL;
}

static bool can_be_reached(const struct addr *address)
{
	if (addr_is_wildcard(address))
		return false;
	if (addr_family(address) == AF_INET6)
		return !IN6_IS_ADDR_MULTICAST(&address->u.in6.sin6_addr);
	/* Multicast, reserved and broadcast. */
	return ntohl(address->u.in.sin_addr.s_addr) >> 24 < 224;
}

static int copy_words(struct target *target, const char *name, const char *text)
{
	target->text = strdup(text);
	if (name != NULL)
		target->name = strdup(name);
	if (target->text != NULL && (name == NULL || target->name != NULL))
		return 0;
	target_done(target);
	return -ENOMEM;
}

static int finish(struct target *target, const char *name, const char *text,
		  struct target *ret, struct error *err)
{
	if (copy_words(target, name, text) < 0)
		return out_of_memory(err);
	*ret = *target;
	return 0;
}

static int parse_address(const struct addr *address, struct target *ret,
			 struct error *err)
{
	struct target target = { .port = addr_port(address), .at.count = 1 };
	char text[ADDR_TEXT_SIZE];

	(void)addr_format(address, text);
	if (!can_be_reached(address))
		return error_set(err, -EINVAL, "'%s' is no address to connect to", text);
	target.at.addresses[0] = *address;
	return finish(&target, NULL, text, ret, err);
}

static int parse_name(const char *name, uint16_t port, struct target *ret,
		      struct error *err)
{
	struct target target = { .port = port };
	char text[HOST_SIZE + sizeof(":65535")];
	char quote[QUOTE_SIZE];

	if (!host_is_name(name))
		return error_set(err, -EINVAL,
				 "'%s' is neither an address nor the name of a host",
				 text_escape(quote, sizeof(quote), name));
	(void)snprintf(text, sizeof(text), "%s:%u", name, port);
	return finish(&target, name, text, ret, err);
}

static int parse_host(const char *host, uint16_t port, struct target *ret,
		      struct error *err)
{
	struct addr address;

	if (addr_parse_ip(host, port, &address, NULL) == 0)
		return parse_address(&address, ret, err);
	return parse_name(host, port, ret, err);
}

static int parse_path(const char *word, struct target *ret, struct error *err)
{
	struct target target = { .at.count = 1 };
	int r = addr_parse_unix(word, &target.at.addresses[0], err);

	return r < 0 ? r : finish(&target, NULL, word, ret, err);
}

static int refuse_word(const char *word, const char *why, struct error *err)
{
	char quote[QUOTE_SIZE];

	return error_set(err, -EINVAL,
			 "'%s' %s; expected HOST:PORT, [ADDRESS]:PORT or a path, or "
			 "HOST and PORT as two words",
			 text_escape(quote, sizeof(quote), word), why);
}

static int parse_in_brackets(const char *host, uint16_t port, struct target *ret,
			     struct error *err)
{
	struct addr address;
	char quote[QUOTE_SIZE];

	if (strchr(host, ':') == NULL || addr_parse_ip(host, port, &address, NULL) != 0)
		return error_set(err, -EINVAL, "'%s' is no IPv6 address",
				 text_escape(quote, sizeof(quote), host));
	return parse_address(&address, ret, err);
}

int target_parse(const char *word, const struct target_ports *ports, struct target *ret,
		 struct error *err)
{
	const char *colon = find_port(word);
	bool brackets = word[0] == '[';
	char host[HOST_SIZE];
	uint16_t port = 0;
	int r;

	if (is_path(word))
		return parse_path(word, ret, err);
	if (colon == NULL || colon[1] == '\0')
		return refuse_word(word, "has no port", err);
	/* What stands between the brackets, or before the colon. */
	size_t length = (size_t)(colon - word) - (brackets ? 2 : 0);
	if (length == 0 || length >= sizeof(host))
		return refuse_word(word, "has no host", err);
	memcpy(host, word + brackets, length);
	host[length] = '\0';
	r = ports->find(ports, colon + 1, &port, err);
	if (r < 0)
		return r;
	return brackets ? parse_in_brackets(host, port, ret, err)
			: parse_host(host, port, ret, err);
}

int target_parse_pair(const char *host, const char *port,
		      const struct target_ports *ports, struct target *ret,
		      struct error *err)
{
	uint16_t number = 0;
	int r = ports->find(ports, port, &number, err);

	return r < 0 ? r : parse_host(host, number, ret, err);
}

void target_done(struct target *target)
{
	free(target->text);
	free(target->name);
	*target = (struct target){ 0 };
}

int target_list_copy(const struct target_list *list, struct target_list *ret)
{
	struct target_list copy = { 0 };

	if (list->count > 0) {
		copy.items = calloc(list->count, sizeof(*copy.items));
		if (copy.items == NULL)
			return -ENOMEM;
	}
	for (; copy.count < list->count; copy.count++) {
		const struct target *from = &list->items[copy.count];
		struct target *to = &copy.items[copy.count];

		*to = (struct target){ .port = from->port, .at = from->at };
		if (copy_words(to, from->name, from->text) < 0) {
			target_list_done(&copy);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}

void target_list_done(struct target_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		target_done(&list->items[i]);
	free(list->items);
	*list = (struct target_list){ 0 };
}
