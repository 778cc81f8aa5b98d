/* SPDX-License-Identifier: ISC */
/* What the fields socket type, protocol, wait and user may say, in all dialects. */
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "inetd_internal.h"
#include "usherd/base/text.h"

#define SHOWN_SIZE   48
#define NUMBER_BYTES 9 /* enough, and no number of so many digits is too large */

#define SHOWN(word)  text_escape((char[SHOWN_SIZE]){ 0 }, SHOWN_SIZE, word)

static const struct protocol_row {
	const char *name;
	enum inetd_base base;
	enum inetd_family family;
} protocols[] = {
	{ "tcp", INETD_TCP, INETD_ANY },       { "tcp4", INETD_TCP, INETD_IPV4 },
	{ "tcp6", INETD_TCP, INETD_IPV6 },     { "tcp6only", INETD_TCP, INETD_IPV6 },
	{ "tcp46", INETD_TCP, INETD_BOTH },    { "udp", INETD_UDP, INETD_ANY },
	{ "udp4", INETD_UDP, INETD_IPV4 },     { "udp6", INETD_UDP, INETD_IPV6 },
	{ "udp6only", INETD_UDP, INETD_IPV6 }, { "udp46", INETD_UDP, INETD_BOTH },
	{ "unix", INETD_UNIX, INETD_ANY },
};

/* One of the protocols database, by its own name: others may be a dialect's. */
static bool is_other(const char *name)
{
	const struct protoent *entry = getprotobyname(name);

	return entry != NULL && strcmp(entry->p_name, name) == 0;
}

static const struct protocol_row *find_protocol(const char *name)
{
	static const struct protocol_row other = { NULL, INETD_OTHER, INETD_ANY };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return &protocols[i];
	return is_other(name) ? &other : NULL;
}

/* Behind the comma: sndbuf=SIZE and rcvbuf=SIZE. */
static void check_buffers(struct inetd_draft *draft, const char *buffers)
{
	while (buffers != NULL && *buffers != '\0') {
		size_t length = strcspn(buffers, ",");

		if (strncmp(buffers, "sndbuf=", 7) != 0 &&
		    strncmp(buffers, "rcvbuf=", 7) != 0) {
			inetd_refuse(draft,
				     "protocol: expected sndbuf=SIZE or rcvbuf=SIZE "
				     "behind the comma, got '%s'",
				     SHOWN(buffers));
			return;
		}
		buffers += length + (buffers[length] == ',');
	}
	inetd_warn(draft, "the sizes of buffers are left to the kernel, which fits them "
			  "to each connection");
}

bool inetd_parse_protocol(struct inetd_draft *draft, struct inetd_protocol *ret)
{
	char *name = draft->entry->protocol;
	char *comma = strchr(name, ',');
	const struct protocol_row *row;

	if (comma != NULL) {
		*comma = '\0';
		check_buffers(draft, comma + 1);
	}
	ret->rpc = strncmp(name, "rpc/", 4) == 0;
	row = find_protocol(ret->rpc ? name + 4 : name);
	if (row == NULL || (ret->rpc && row->base > INETD_UDP)) {
		inetd_refuse(
			draft,
			"protocol: expected tcp or udp (with 4, 6 or 46 behind it, or "
			"rpc/ before it), unix or one of the protocols database, got "
			"'%s'",
			SHOWN(name));
		return false;
	}
	ret->base = row->base;
	ret->family = row->family;
	return true;
}

void inetd_add_socket_type(struct inetd_draft *draft)
{
	static const char *const types[] = { "stream", "dgram", "raw", "seqpacket" };
	const char *filter = strpbrk(draft->entry->socket_type, ":/");
	char type[SHOWN_SIZE];

	(void)snprintf(type, sizeof(type), "%.*s",
		       (int)strcspn(draft->entry->socket_type, ":/"),
		       draft->entry->socket_type);
	if (filter != NULL) {
		inetd_warn(draft, "socket type: the filter '%s' is not applied",
			   SHOWN(filter + 1));
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0) {
			inetd_give(draft, "socket_type", type);
			return;
		}
	if (strcmp(type, "rdm") == 0)
		inetd_refuse(draft, "socket type: 'rdm' is not served: no protocol of IP "
				    "has it");
	else
		inetd_refuse(draft,
			     "socket type: expected stream, dgram, raw or seqpacket, got "
			     "'%s'",
			     SHOWN(type));
}

static bool is_number(const char *text, size_t length)
{
	if (length == 0 || length > NUMBER_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* Of starts in a minute: the rest is that of a service that takes connections. */
static void give_rate(struct inetd_draft *draft, const char *name, const char *number)
{
	if (!is_number(number, strlen(number)) || strspn(number, "0") == strlen(number)) {
		inetd_refuse(draft, "expected how often in a minute, 1 or more, got '%s'",
			     SHOWN(number));
		return;
	}
	inetd_give(draft, name, number);
	inetd_give(draft, name, "10");
}

static bool take_number(const char **cursor, char number[NUMBER_BYTES + 1])
{
	size_t length = strspn(*cursor, "0123456789");

	if (!is_number(*cursor, length))
		return false;
	memcpy(number, *cursor, length);
	number[length] = '\0';
	*cursor += length;
	return true;
}

static bool is_zero(const char *number)
{
	return strspn(number, "0") == strlen(number);
}

/* Of starts for one client in a minute. The clients of a stream that waits are only seen
 * by its program. */
static void give_source_rate(struct inetd_draft *draft, const char *number, bool waits)
{
	const char *type = draft->entry->socket_type;

	if (is_zero(number))
		return;
	if (waits && type != NULL && strncmp(type, "stream", 6) == 0)
		inetd_warn(draft,
			   "no more than %s starts in a minute for one client: "
			   "with wait its program accepts the clients, and this "
			   "limit is not kept",
			   number);
	else
		inetd_give(draft, "per_source_cpm", number);
}

/* "/MAX-CHILD[/PER-SOURCE-PER-MINUTE[/PER-SOURCE]]", where 0 is no limit. A service that
 * waits has one program at a time, whatever is said. */
static bool add_slashed(struct inetd_draft *draft, const char *cursor, bool waits)
{
	char numbers[3][NUMBER_BYTES + 1] = { "0", "0", "0" };

	for (size_t i = 0; i < 3 && *cursor == '/'; i++) {
		cursor++;
		if (!take_number(&cursor, numbers[i]))
			return false;
	}
	if (*cursor != '\0')
		return false;
	if (!is_zero(numbers[0]) && !waits)
		inetd_give(draft, "instances", numbers[0]);
	if (waits && strcmp(numbers[0], "0") != 0 && strcmp(numbers[0], "1") != 0)
		inetd_warn(draft,
			   "wait: one program has the socket at a time, not up to %s",
			   numbers[0]);
	give_source_rate(draft, numbers[1], waits);
	if (!is_zero(numbers[2]))
		inetd_give(draft, "per_source", numbers[2]);
	return true;
}

void inetd_add_wait(struct inetd_draft *draft)
{
	const struct inetd_entry *entry = draft->entry;
	bool waits = strncmp(entry->wait, "wait", 4) == 0;
	size_t length = waits ? 4 : 6;
	const char *limits = entry->wait + length;

	if (!waits && strncmp(entry->wait, "nowait", length) != 0) {
		inetd_refuse(draft, "expected wait or nowait, got '%s'",
			     SHOWN(entry->wait));
		return;
	}
	inetd_give(draft, "wait", waits ? "yes" : "no");
	if (*limits == '.' || *limits == ':')
		give_rate(draft, "cpm", limits + 1);
	else if (*limits != '\0' && !add_slashed(draft, limits, waits))
		inetd_refuse(draft,
			     "expected wait or nowait, then nothing, .NUMBER, :NUMBER or "
			     "/NUMBER[/NUMBER[/NUMBER]], got '%s'",
			     SHOWN(entry->wait));
	if (entry->per_minute != NULL)
		give_rate(draft, "cpm", entry->per_minute);
	if (entry->per_source_per_minute == NULL)
		return;
	if (is_number(entry->per_source_per_minute, strlen(entry->per_source_per_minute)))
		give_source_rate(draft, entry->per_source_per_minute, waits);
	else
		inetd_refuse(draft, "ip_max: expected a number, got '%s'",
			     SHOWN(entry->per_source_per_minute));
}

/* USER[:GROUP][/CLASS]. USER.GROUP is left whole: whether there is a user of that name is
 * for who may look. */
void inetd_add_user(struct inetd_draft *draft)
{
	char *user = draft->entry->user;
	const char *group = draft->entry->group;
	char *class = strchr(user, '/');
	char *colon;

	if (class != NULL) {
		*class = '\0';
		inetd_warn(draft, "user: the login class '%s' has no effect",
			   SHOWN(class + 1));
	}
	colon = strchr(user, ':');
	if (colon != NULL) {
		*colon = '\0';
		group = colon + 1;
	}
	if (user[0] == '\0' || (group != NULL && group[0] == '\0')) {
		inetd_refuse(draft, "user: expected USER, USER:GROUP or USER.GROUP");
		return;
	}
	inetd_give(draft, "user", user);
	if (group != NULL)
		inetd_give(draft, "group", group);
}
