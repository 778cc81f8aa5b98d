/* SPDX-License-Identifier: ISC */
/*
 * ident, RFC 1413: who owns a connection between this host and the one that asks. Only
 * the ports come from the client, the addresses are those of its own connection; so
 * nobody learns of connections that are not his.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ident/ident.h"
#include "services.h"
#include "usherd/internal/lines.h"

#define QUERY_MAX   128 /* bytes of a line */
#define QUERIES_MAX 64  /* in one connection */
#define OUTPUT_MAX  4096
#define FIRST_NS    (UINT64_C(30) * 1000000000)
#define IDLE_NS     (UINT64_C(60) * 1000000000) /* RFC 1413 section 3: 60 to 180 s */

#define TOKEN_BYTES 10
#define TOKEN_SIZE  (2 * TOKEN_BYTES + 1)

struct asker {
	struct line_session session; /* first */
	struct ident_hosts hosts;
	unsigned queries;
};

struct ident {
	struct internal_setup setup; /* what it points to is borrowed */
	struct lines *lines;         /* owned */
	struct ident_asker kernel;
	struct ident_users users;
	char reply[IDENT_REPLY_SIZE]; /* holds nothing between two calls */
};

static void note_connection(struct line_session *session,
			    const struct connection *connection)
{
	struct asker *asker = (struct asker *)session;

	asker->hosts = ident_hosts_of(&connection->local, &connection->peer);
}

static size_t say_hidden(struct ident *ident, const struct asker *asker,
			 const struct ident_ports *ports)
{
	(void)asker;
	return ident_reply_error(ident->reply, ports, "HIDDEN-USER");
}

static size_t say_fixed(struct ident *ident, const struct asker *asker,
			const struct ident_ports *ports)
{
	(void)asker;
	return ident_reply_user(ident->reply, ports, "UNIX",
				ident->setup.service->ident_name);
}

/* Without a name a number: it identifies, but nobody can write a letter to it. */
static size_t say_name(struct ident *ident, const struct ident_ports *ports, uid_t uid)
{
	const char *name = ident_users_find(&ident->users, uid);
	char number[16];

	if (name != NULL)
		return ident_reply_user(ident->reply, ports, "UNIX", name);
	(void)snprintf(number, sizeof(number), "%lu", (unsigned long)uid);
	return ident_reply_user(ident->reply, ports, "OTHER", number);
}

static bool make_token(char token[TOKEN_SIZE])
{
	uint8_t random[TOKEN_BYTES];

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(token + 2 * i, 3, "%02x", random[i]);
	return true;
}

/*
 * Another token for each answer, so that nothing can be learned from two of them, and the
 * log alone says whose it is: a token that is not in the log is not given out.
 */
static size_t say_token(struct ident *ident, const struct asker *asker,
			const struct ident_ports *ports, uid_t uid)
{
	char host[INET6_ADDRSTRLEN] = "";
	const char *name = ident_users_find(&ident->users, uid);
	char token[TOKEN_SIZE];
	char note[512];

	if (!make_token(token))
		return ident_reply_error(ident->reply, ports, "UNKNOWN-ERROR");
	(void)inet_ntop(asker->hosts.family, asker->hosts.remote, host, sizeof(host));
	(void)snprintf(note, sizeof(note),
		       "token %s is uid %lu%s%s%s, port %u to port %u of %s", token,
		       (unsigned long)uid, name != NULL ? " (" : "",
		       name != NULL ? name : "", name != NULL ? ")" : "",
		       (unsigned)ports->local, (unsigned)ports->remote, host);
	if (!ident->setup.note(ident->setup.note_data, note))
		return ident_reply_error(ident->reply, ports, "UNKNOWN-ERROR");
	return ident_reply_user(ident->reply, ports, "OTHER", token);
}

static size_t say_owner(struct ident *ident, const struct asker *asker,
			const struct ident_ports *ports)
{
	uid_t uid = 0;
	int r = ident_owner(&ident->kernel, &asker->hosts, ports, &uid);

	if (r == -ENOENT)
		return ident_reply_error(ident->reply, ports, "NO-USER");
	if (r < 0)
		return ident_reply_error(ident->reply, ports, "UNKNOWN-ERROR");
	if (ident->setup.service->ident == SERVICE_IDENT_HASHED)
		return say_token(ident, asker, ports, uid);
	return say_name(ident, ports, uid);
}

static size_t (*const sayings[])(struct ident *ident, const struct asker *asker,
				 const struct ident_ports *ports) = {
	[SERVICE_IDENT_HIDDEN] = say_hidden,
	[SERVICE_IDENT_FIXED] = say_fixed,
	[SERVICE_IDENT_HASHED] = say_owner,
	[SERVICE_IDENT_REAL] = say_owner,
};

static void take_query(struct line_session *session, char *text, size_t length, bool cut)
{
	struct asker *asker = (struct asker *)session;
	struct ident *ident = lines_data(session);
	struct ident_ports ports;
	size_t size;

	lines_settle(session);
	if (!ident_parse(text, length, &ports) || cut)
		size = ident_reply_error(ident->reply, &ports, "INVALID-PORT");
	else
		size = sayings[ident->setup.service->ident](ident, asker, &ports);
	lines_send(session, ident->reply, size);
	if (++asker->queries >= QUERIES_MAX)
		lines_finish(session);
}

static const struct lines_rules rules = {
	.session_size = sizeof(struct asker),
	.line_max = QUERY_MAX,
	.output_max = OUTPUT_MAX,
	.settle_ns = FIRST_NS,
	.begin = note_connection,
	.line = take_query,
};

/* That it cannot look up owners is no reason not to answer: the answer is an error. */
static void learn_owners(struct ident *ident)
{
	char note[128];
	int r;

	ident->kernel.fd = -1;
	if (ident->setup.service->ident < SERVICE_IDENT_HASHED)
		return;
	r = ident_asker_open(&ident->kernel);
	if (r < 0) {
		(void)snprintf(note, sizeof(note),
			       "cannot ask for the owners of connections: %s",
			       strerror(-r));
		(void)ident->setup.note(ident->setup.note_data, note);
	}
	ident_users_read(&ident->users);
	if (ident->users.cut)
		(void)ident->setup.note(ident->setup.note_data,
					"too many users: some are known by number only");
}

static void ident_free(struct ident *ident)
{
	lines_free(ident->lines);
	ident_asker_close(&ident->kernel);
	ident_users_done(&ident->users);
	free(ident);
}

int ident_open(const struct internal *internal, const struct internal_setup *setup,
	       void **ret_state, struct error *err)
{
	uint64_t idle_ns = setup->service->idle_timeout_ns;
	struct ident *ident = calloc(1, sizeof(*ident));

	(void)internal;
	if (ident == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	ident->setup = *setup;
	learn_owners(ident);
	if (lines_new(setup->loop, &rules, idle_ns > 0 ? idle_ns : IDLE_NS, ident,
		      &ident->lines) < 0) {
		ident_free(ident);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret_state = ident;
	return 0;
}

void ident_close(void *state)
{
	ident_free(state);
}

int ident_stream(void *state, const struct connection *connection,
		 const struct session_owner *owner, struct error *err)
{
	const struct ident *ident = state;

	return lines_start(ident->lines, connection, owner, err);
}
