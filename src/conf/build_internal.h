/* SPDX-License-Identifier: ISC */
/*
 * What the parts of build share: build.c tells the story, draft.c is what the others have
 * in common, adapt.c puts the words of xinetd into ours, merge.c puts defaults and
 * services together, resolve.c asks for names, endpoints.c and check.c do what they say,
 * contract.c holds xinetd's and inetd's files to their own rules.
 */
#ifndef USHERD_BUILD_INTERNAL_H
#define USHERD_BUILD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/conf/attributes.h"
#include "usherd/conf/build.h"
#include "usherd/model/program.h"

/* The words of one attribute after merging, and where the last of them was written. */
struct assignment {
	bool set;
	bool inherited; /* from defaults, untouched */
	bool converted; /* attribute_parse() has been tried */
	bool bad;       /* and failed */
	struct strings values;
	const char *file; /* borrowed from the stanzas */
	unsigned line;
};

struct assignments {
	struct assignment items[ATTRIBUTES_MAX]; /* by attribute_index() */
};

/* identities.c: who has been looked up in this load. */
enum identity_kind {
	IDENTITY_USER,   /* name to uid and gid */
	IDENTITY_GROUP,  /* name to gid */
	IDENTITY_GROUPS, /* uid and gid to groups */
};

struct identity {
	enum identity_kind kind;
	char *name; /* owned; empty for IDENTITY_GROUPS */
	struct credentials credentials;
};

struct identities {
	struct identity *items; /* owned */
	size_t count;
};

struct build {
	const struct conf_request *request;
	struct diagnostics *diagnostics;
	enum severity severity; /* of complaints about what is being built */
	size_t complaints;      /* so far */
	struct table *table;
	struct assignments defaults[2]; /* native; xinetd's, which are inetd's as well */
	struct identities identities;
	struct strings known_hosts; /* of access lists: each is asked for once */
	bool ipv6;                  /* such sockets can be made */
	bool libwrap_known;         /* the two that follow have been asked for */
	bool libwrap_ready;
	bool libwrap_rules;
	size_t endpoint_count;
};

/* One service in the making. */
struct draft {
	struct build *build;
	struct stanza *stanza;
	struct service *service;
	struct assignments given;
	/* Whether an entry of xinetd's files said it, though it means nothing here. */
	bool wait_said;
	bool user_said;
};

/* draft.c: a problem of what is being built. */
void build_complain(struct build *build, const char *file, unsigned line,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What a mistake in @service costs, once it is in the table. */
enum severity build_severity(const struct service *service);
/* It has a mistake of that severity: leave it out, if that is enough. 0 or -ENOMEM. */
int build_refuse(struct build *build, struct service *service);

/* Does a stanza say type = RPC? Goes by what is written. */
bool stanza_is_rpc(const struct stanza *stanza);
/* Does an attribute stand in the stanza that is only for others? */
bool stanza_is_for(const struct stanza *stanza, const struct attribute *attribute);

/* What was given for the attribute called @name, or NULL. */
const struct assignment *draft_find(const struct draft *draft, const char *name);
bool draft_is_good(const struct draft *draft, const char *name); /* given, converted */
bool draft_applies(const struct draft *draft, const struct attribute *attribute);

/* An error at the place of attribute @name, or of the service when that was not given or
 * @name is NULL; then the sentence begins with the service. */
void draft_complain(const struct draft *draft, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void assignments_done(struct assignments *assignments);

/* adapt.c: settle in the stanza itself what other words say more plainly. 0 or -ENOMEM.
 */
int adapt_stanza(struct draft *draft);
/* adapt_words.c: note what an entry of xinetd's files says, complain of what none may. */
int adapt_words(struct draft *draft);
/* adapt_user.c: the same for who it runs as. */
int adapt_user(struct draft *draft);
/* adapt_family.c: the same for the families it listens for. */
int adapt_families(struct draft *draft);
/* Take those out of the offer that the lists `enabled` and `disabled` say so of. */
int adapt_offer(struct build *build, struct stanzas *stanzas);
/* adapt_addresses.c: the access lists of xinetd's files, defaults among them. */
int adapt_addresses(struct stanzas *stanzas);

/* unsaid.c: what xinetd takes for said. After merging, before anything is converted. */
int assume_unsaid(struct draft *draft);

/* merge.c. 0 or -ENOMEM; problems go to the diagnostics. */
int merge_stanza(struct build *build, const struct stanza *stanza,
		 struct assignments *ret);
int merge_defaults(struct draft *draft);
int assignments_convert(struct build *build, const struct attribute *attribute,
			struct assignments *assignments, void *object);

/* identities.c. A name or a number. 0; -EINVAL with the reason; -ENOMEM. May block. */
int identity_user(struct identities *identities, const char *name,
		  struct credentials *ret, struct error *err); /* without groups */
int identity_group(struct identities *identities, const char *name, gid_t *ret,
		   struct error *err);
/* Fill in the groups of the user of @ret, who has none yet. */
int identity_groups(struct identities *identities, struct credentials *ret,
		    struct error *err);
void identities_done(struct identities *identities);

/* resolve.c */
int resolve_credentials(struct draft *draft);
int resolve_worker(struct build *build, struct assignments *settings);
int resolve_ports(struct draft *draft);

/* endpoints.c */
int endpoints_make(struct draft *draft);

/* claims.c */
int claims_check(struct build *build);

/* check.c */
void check_service(struct draft *draft);
/* Is it clear whether a program, an in-process service or a target serves it? */
bool draft_has_one_kind(const struct draft *draft);

/* contract.c */
void check_contract(struct draft *draft);

/* check_protocol.c */
void check_protocol(struct draft *draft);

/* check_clients.c */
void check_sensor(struct draft *draft);
void check_intercept(struct draft *draft);
void check_banners(struct draft *draft);
void check_source_rate(struct draft *draft);

/* redirect.c */
void check_redirect(struct draft *draft);
int resolve_redirect(struct draft *draft);

/* access.c */
void check_access(struct draft *draft);
int resolve_access(struct draft *draft);

/* rpc.c: services that are found through rpcbind(8) */
/* Take what xinetd passes over out of the stanza. 0 or -ENOMEM. */
int adapt_rpc(struct draft *draft);
void check_rpc(struct draft *draft);
/* The number of its program, from the rpc database if none is given. May block. */
void resolve_rpc(struct draft *draft);
/* No two are registered by one number and version for one protocol. 0 or -ENOMEM. */
int rpc_check(struct build *build);

/* multiplex.c */
void check_type(struct draft *draft);
int multiplex_check(struct build *build);

/* dump.c: the fingerprint (model/service.h) of a service made of @given. Owned by the
 * caller; NULL when out of memory. */
char *dump_fingerprint(const struct service *service, const struct assignments *given);

#endif
