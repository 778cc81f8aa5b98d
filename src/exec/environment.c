/* SPDX-License-Identifier: ISC */
/*
 * The environment of a program: worked out once per load, and for each client put
 * together with the variables that name it, in memory of that start alone. Decides
 * nothing about the program otherwise.
 */
#include "exec_internal.h"

#include <stdlib.h>
#include <string.h>

#include "usherd/base/text.h"

#define ON(transport) (1u << (transport))
#define ON_TCP        ON(TRANSPORT_TCP)
#define ON_UDP        ON(TRANSPORT_UDP)
#define ON_UNIX                                                                          \
	(ON(TRANSPORT_UNIX_STREAM) | ON(TRANSPORT_UNIX_DGRAM) |                          \
	 ON(TRANSPORT_UNIX_SEQPACKET))
#define ON_IP                                                                            \
	(ON_TCP | ON_UDP | ON(TRANSPORT_IP_STREAM) | ON(TRANSPORT_IP_SEQPACKET) |        \
	 ON(TRANSPORT_IP_DGRAM) | ON(TRANSPORT_IP_RAW))
#define ON_PORTS (ON_IP & ~ON(TRANSPORT_IP_RAW))

enum detail {
	DETAIL_NAME,    /* the address, "<no address>" for none */
	DETAIL_ADDRESS, /* the address, no variable for none */
	DETAIL_PORT,
	DETAIL_CONSTANT,
};

enum end {
	END_PEER,
	END_LOCAL
};

struct variable {
	const char *name;
	unsigned transports;
	enum end end;
	enum detail detail;
	const char *constant;
};

/*
 * REMOTE_HOST: xinetd. REMOTE_ADDR, REMOTE_PORT: systemd.exec(5). PROTO and what begins
 * with it: the UCSPI environment of tcp-environ(5) and ucspi-unix. Programs judge by
 * REMOTE_ADDR, and a UNIX client chooses its name: so none of it there.
 */
static const struct variable variables[] = {
	{ "REMOTE_HOST", ON_IP | ON_UNIX, END_PEER, DETAIL_NAME, NULL },
	{ "REMOTE_ADDR", ON_IP, END_PEER, DETAIL_ADDRESS, NULL },
	{ "REMOTE_PORT", ON_PORTS, END_PEER, DETAIL_PORT, NULL },
	{ "PROTO", ON_TCP, END_PEER, DETAIL_CONSTANT, "TCP" },
	{ "PROTO", ON_UDP, END_PEER, DETAIL_CONSTANT, "UDP" },
	{ "PROTO", ON_UNIX, END_PEER, DETAIL_CONSTANT, "UNIX" },
	{ "TCPREMOTEIP", ON_TCP, END_PEER, DETAIL_ADDRESS, NULL },
	{ "TCPREMOTEPORT", ON_TCP, END_PEER, DETAIL_PORT, NULL },
	{ "TCPLOCALIP", ON_TCP, END_LOCAL, DETAIL_ADDRESS, NULL },
	{ "TCPLOCALPORT", ON_TCP, END_LOCAL, DETAIL_PORT, NULL },
	{ "UDPREMOTEIP", ON_UDP, END_PEER, DETAIL_ADDRESS, NULL },
	{ "UDPREMOTEPORT", ON_UDP, END_PEER, DETAIL_PORT, NULL },
	{ "UDPLOCALIP", ON_UDP, END_LOCAL, DETAIL_ADDRESS, NULL },
	{ "UDPLOCALPORT", ON_UDP, END_LOCAL, DETAIL_PORT, NULL },
	{ "UNIXLOCALPATH", ON_UNIX, END_LOCAL, DETAIL_ADDRESS, NULL },
};

#define VARIABLE_COUNT (sizeof(variables) / sizeof(variables[0]))

/* PROTO stands in one of its three rows at a time, so two rows are never written. */
#define WRITTEN_MAX (VARIABLE_COUNT - 2)
/* The longest name, '=', an address, NUL. */
#define VARIABLE_SIZE (ADDR_TEXT_SIZE + 24)

/*
 * What a supervisor of ours or the connection we were started on told the daemon, and a
 * program of ours would take for itself; see sd_listen_fds(3), sd_notify(3),
 * sd_watchdog_enabled(3), tcp-environ(5). A passenv that names them still passes them.
 */
static const char *const private_names[] = {
	"LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES", "LISTEN_PIDFDID",
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",   "MAINPID",
	"TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALHOST",
};

#define PRIVATE_COUNT (sizeof(private_names) / sizeof(private_names[0]))

/* Length of NAME in "NAME=VALUE"; 0 if it is no such thing. */
static size_t name_length(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals == NULL ? 0 : (size_t)(equals - entry);
}

static bool has_name(const char *entry, const char *name, size_t length)
{
	return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

static bool names_client(const char *entry)
{
	for (size_t i = 0; i < VARIABLE_COUNT; i++)
		if (has_name(entry, variables[i].name, strlen(variables[i].name)))
			return true;
	return false;
}

static bool is_private(const char *entry)
{
	for (size_t i = 0; i < PRIVATE_COUNT; i++)
		if (has_name(entry, private_names[i], strlen(private_names[i])))
			return true;
	return false;
}

/* Add "NAME=VALUE" in the place of an earlier one of that name; what would name a client
 * and what is no variable at all are passed over. */
static int put(struct strings *list, const char *entry)
{
	size_t length = name_length(entry);

	if (length == 0 || names_client(entry))
		return 0;
	for (size_t i = 0; i < list->count; i++) {
		if (has_name(list->items[i], entry, length)) {
			strings_remove(list, i);
			break;
		}
	}
	return strings_add(list, entry);
}

static int put_inherited(struct strings *list, char *const *inherited)
{
	int result = 0;

	for (size_t i = 0; inherited[i] != NULL && result == 0; i++)
		if (!is_private(inherited[i]))
			result = put(list, inherited[i]);
	return result;
}

static int put_named(struct strings *list, const struct strings *names,
		     char *const *inherited)
{
	int result = 0;

	for (size_t n = 0; n < names->count; n++) {
		const char *name = names->items[n];

		for (size_t i = 0; inherited[i] != NULL && result == 0; i++)
			if (has_name(inherited[i], name, strlen(name)))
				result = put(list, inherited[i]);
	}
	return result;
}

/* One without variables to be passed on. */
static struct environment *new_environment(char *const *entries)
{
	struct environment *environment = calloc(1, sizeof(*environment));

	if (environment == NULL)
		return NULL;
	environment->references = 1;
	environment->variables = entries;
	return environment;
}

int environment_new(char *const *entries, struct environment **ret)
{
	struct environment *environment = new_environment(entries);

	if (environment == NULL)
		return -ENOMEM;
	if (put_inherited(&environment->passed_on, entries) < 0) {
		environment_unref(environment);
		return -ENOMEM;
	}
	*ret = environment;
	return 0;
}

void environment_unref(struct environment *environment)
{
	if (environment == NULL || --environment->references > 0)
		return;
	strings_done(&environment->passed_on);
	free(environment);
}

static int make_own(const struct environment *daemon, const struct program *program,
		    struct strings *ret)
{
	int result;

	if (program->passenv_given)
		result = put_named(ret, &program->passenv, daemon->variables);
	else
		result = strings_add_all(ret, &daemon->passed_on);
	for (size_t i = 0; i < program->env.count && result == 0; i++)
		result = put(ret, program->env.items[i]);
	return result;
}

int environment_for(struct environment *daemon, const struct program *program,
		    struct environment **ret)
{
	struct environment *own;

	if (!program->passenv_given && program->env.count == 0) {
		daemon->references++;
		*ret = daemon;
		return 0;
	}
	own = new_environment(daemon->variables);
	if (own == NULL)
		return -ENOMEM;
	if (make_own(daemon, program, &own->passed_on) < 0) {
		environment_unref(own);
		return -ENOMEM;
	}
	*ret = own;
	return 0;
}

/* One end of a connection, as text where it has an address. */
struct named_end {
	const struct addr *addr; /* NULL: none */
	char host[ADDR_TEXT_SIZE];
};

static void name_end(const struct addr *addr, struct named_end *ret)
{
	static const struct addr none = { 0 };
	bool known = addr != NULL && addr->length != 0;

	(void)addr_format_host(known ? addr : &none, ret->host);
	ret->addr = known ? addr : NULL;
}

/* False if the variable has no value for this client. */
static bool add_value(struct text *text, const struct variable *variable,
		      const struct named_end *end)
{
	switch (variable->detail) {
	case DETAIL_CONSTANT:
		text_add(text, variable->constant);
		return true;
	case DETAIL_NAME:
		text_add(text, end->host);
		return true;
	case DETAIL_ADDRESS:
		text_add(text, end->host);
		return end->addr != NULL;
	case DETAIL_PORT:
		if (end->addr == NULL)
			return false;
		text_add_number(text, addr_port(end->addr));
		return true;
	}
	return false;
}

/* Returns the bytes used, 0 for a variable that is left out. */
static size_t write_variable(char *at, const struct variable *variable,
			     const struct named_end *end)
{
	struct text text;

	text_init(&text, at, VARIABLE_SIZE);
	text_add(&text, variable->name);
	text_add(&text, "=");
	return add_value(&text, variable, end) ? text.length + 1 : 0;
}

/* Pointers: those that are always there, those of the client, NULL. Then the text. */
static size_t pointer_count(const struct environment *environment)
{
	return environment->passed_on.count + WRITTEN_MAX + 1;
}

size_t environment_size(const struct environment *environment)
{
	return pointer_count(environment) * sizeof(char *) + WRITTEN_MAX * VARIABLE_SIZE;
}

char *const *environment_fill(const struct environment *environment,
			      const struct invocation *invocation, void *room)
{
	const struct strings *passed_on = &environment->passed_on;
	char **items = room;
	char **item = items + passed_on->count;
	/* Close together, so that few pages are touched. */
	char *at = (char *)(items + pointer_count(environment));
	unsigned transport = ON(invocation->transport);
	struct named_end ends[2];
	bool unknown;

	if (passed_on->count > 0)
		memcpy((void *)items, (const void *)passed_on->items,
		       passed_on->count * sizeof(*items));
	name_end(invocation->peer, &ends[END_PEER]);
	name_end(invocation->local, &ends[END_LOCAL]);
	/* A UNIX client usually has no name, and is known all the same. */
	unknown = ends[END_PEER].addr == NULL &&
		  (invocation->peer == NULL || (transport & ON_UNIX) == 0);
	for (size_t i = 0; i < VARIABLE_COUNT; i++) {
		const struct variable *variable = &variables[i];
		size_t used;

		if ((variable->transports & transport) == 0 ||
		    (unknown && variable->detail != DETAIL_NAME))
			continue;
		used = write_variable(at, variable, &ends[variable->end]);
		if (used > 0)
			*item++ = at;
		at += used;
	}
	*item = NULL;
	return items;
}
