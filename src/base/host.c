/* SPDX-License-Identifier: ISC */
/* getaddrinfo(3), bounded. When to ask, and what becomes of the answer, is the caller's.
 */
#include "usherd/base/host.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>

/* RFC 1035 section 2.3.4, in text and without the last dot. */
#define NAME_MAX_LENGTH 253

static bool is_name_byte(char byte)
{
	unsigned char c = (unsigned char)byte;

	return c < 128 && (isalnum(c) || c == '-' || c == '_' || c == '.');
}

bool host_is_name(const char *text)
{
	size_t length = strlen(text);
	bool letter = false;

	/* The root of all domains may be named. */
	if (length > 1 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > NAME_MAX_LENGTH || text[0] == '.' || text[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_name_byte(text[i]) || (text[i] == '.' && text[i + 1] == '.'))
			return false;
	}
	/* No top-level domain is a number, RFC 3696 section 2. */
	for (const char *last = text + length; last-- != text && *last != '.';)
		letter = letter || !isdigit((unsigned char)*last);
	return letter;
}

static bool has(const struct host *host, const struct addr *address)
{
	for (size_t i = 0; i < host->count; i++)
		if (addr_equal(&host->addresses[i], address))
			return true;
	return false;
}

static void take(const struct addrinfo *from, uint16_t port, struct host *host)
{
	struct addr address = { .length = from->ai_addrlen };

	if ((from->ai_family != AF_INET && from->ai_family != AF_INET6) ||
	    from->ai_addrlen > sizeof(address.u))
		return;
	memcpy(&address.u, from->ai_addr, from->ai_addrlen);
	addr_normalise(&address);
	addr_set_port(&address, port);
	if (!has(host, &address))
		host->addresses[host->count++] = address;
}

static int refuse(int status, struct error *err)
{
	int code = -ENOENT;

	if (status == EAI_MEMORY)
		code = -ENOMEM;
	else if (status == EAI_AGAIN || status == EAI_SYSTEM)
		code = -EAGAIN;
	return error_set(err, code, "%s", gai_strerror(status));
}

int host_look_up(const char *name, uint16_t port, struct host *ret, struct error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct host host = { .count = 0 };
	int status = getaddrinfo(name, NULL, &hints, &found);

	if (status != 0)
		return refuse(status, err);
	for (const struct addrinfo *at = found;
	     at != NULL && host.count < HOST_ADDRESSES_MAX; at = at->ai_next)
		take(at, port, &host);
	freeaddrinfo(found);
	if (host.count == 0)
		return refuse(EAI_NONAME, err);
	*ret = host;
	return 0;
}
