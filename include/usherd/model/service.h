/* SPDX-License-Identifier: ISC */
/*
 * One configured service: pure data, immutable once built, counted.
 *
 * The fields up to `endpoints` hold what was configured, so that the effective
 * configuration can be printed back; `endpoints` is what follows from them.
 */
#ifndef USHERD_MODEL_SERVICE_H
#define USHERD_MODEL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/strings.h"
#include "usherd/model/dialect.h"
#include "usherd/model/endpoint.h"
#include "usherd/model/log_type.h"
#include "usherd/model/policy.h"
#include "usherd/model/program.h"
#include "usherd/model/target.h"

/* protocol = { ... } */
enum service_protocol {
	SERVICE_TCP = 1 << 0,
	SERVICE_UDP = 1 << 1,
	SERVICE_UNIX = 1 << 2,
	SERVICE_IP = 1 << 3, /* another one over IP: protocol_name */
};

enum service_socket {
	SERVICE_SOCKET_DEFAULT = 0,
	SERVICE_STREAM,
	SERVICE_DGRAM,
	SERVICE_RAW,
	SERVICE_SEQPACKET,
};

/* type = { ... } */
enum service_type {
	SERVICE_TCPMUX = 1 << 0,     /* reached by name; says its own "+" */
	SERVICE_TCPMUXPLUS = 1 << 1, /* reached by name; usherd says "+" */
	SERVICE_RPC = 1 << 2,        /* reached by number, through rpcbind(8) */
	SERVICE_UNLISTED = 1 << 3,   /* not to be found in the services database */
	SERVICE_INTERNAL = 1 << 4,   /* only while it is built: `internal` says which */
};

/* flags = { ... } */
enum service_flag {
	SERVICE_REUSE = 1 << 0,   /* always so */
	SERVICE_NORETRY = 1 << 2, /* a program that cannot be started is given up */
	SERVICE_IDONLY = 1 << 3,  /* only for peers whose host names their user */
	SERVICE_NAMEINARGS =
		1 << 4,             /* only while it is built: the first of server_args */
	SERVICE_NODELAY = 1 << 5,   /* TCP_NODELAY */
	SERVICE_KEEPALIVE = 1 << 6, /* SO_KEEPALIVE */
	SERVICE_NOLIBWRAP = 1 << 7,
	SERVICE_SENSOR = 1 << 8, /* serves nobody, and remembers who asked */
	SERVICE_IPV4 = 1 << 9,   /* sockets of these families, if not all */
	SERVICE_IPV6 = 1 << 10,
	SERVICE_INTERCEPT =
		1 << 11, /* the kernel checks who is heard, not the guard alone */
};

/* ident = ...: what the in-process service ident says of who owns a connection. */
enum service_ident {
	SERVICE_IDENT_HIDDEN = 0,
	SERVICE_IDENT_FIXED,
	SERVICE_IDENT_HASHED,
	SERVICE_IDENT_REAL,
};

/* What stream clients are sent, from files. */
enum service_banner {
	SERVICE_BANNER_GREETING, /* banner: before anything is asked */
	SERVICE_BANNER_SUCCESS,  /* banner_success: before it is served */
	SERVICE_BANNER_FAIL,     /* banner_fail: in place of being served */
	SERVICE_BANNERS,
};

/* rpc_version = { ... } */
struct rpc_versions {
	uint32_t first;
	uint32_t last; /* >= first */
	bool given;
};

/* Most versions of one service. */
#define SERVICE_RPC_VERSIONS_MAX 256

struct port_range {
	uint16_t first;
	uint16_t last; /* >= first */
};

#define SERVICE_INDEX "index.html"

struct service {
	unsigned references;
	char *id;   /* owned; unique, at most 63 bytes, no control characters */
	char *name; /* owned; name in the services database, default: id */
	char *file; /* owned; where it was written, for messages */
	unsigned line;
	enum dialect dialect;

	unsigned types;      /* enum service_type */
	unsigned flags;      /* enum service_flag */
	bool disable;        /* such a service is checked and dumped, never bound */
	unsigned protocols;  /* enum service_protocol */
	char *protocol_name; /* owned; with SERVICE_IP, else NULL */
	int protocol_number; /* likewise; of socket(2) */
	enum service_socket socket_type; /* only matters for unix and SERVICE_IP */
	bool wait;
	struct strings bind;      /* as written: addresses, UNIX paths, @names */
	struct port_range *ports; /* owned */
	size_t port_count;
	struct rpc_versions rpc_versions;
	uint32_t rpc_number;  /* as configured; 0: that of the rpc database */
	uint32_t rpc_program; /* what it is registered by; with SERVICE_RPC */
	char interface[IFNAMSIZ];
	bool v6only;
	int backlog;
	char *socket_owner; /* owned or NULL; UNIX paths */
	char *socket_group; /* owned or NULL */
	mode_t socket_mode;
	char *user;  /* owned, as written, or NULL */
	char *group; /* owned, as written, or NULL */
	bool groups;
	char *internal;              /* owned; name of the in-process service, or NULL */
	struct target_list redirect; /* owned; what SERVICE_REDIRECT leads to, or empty */
	uint64_t connect_timeout_ns; /* of redirect, over all targets */
	enum service_ident ident;
	char *ident_name;     /* owned; with SERVICE_IDENT_FIXED, else NULL */
	char *document_root;  /* owned or NULL; http */
	struct strings index; /* names of files, in order */
	bool index_given;     /* false: SERVICE_INDEX alone */
	bool listing;
	struct program program;
	struct policy policy;
	char *banners[SERVICE_BANNERS]; /* owned paths, or NULL */
	struct log_type log_type;
	char *libwrap; /* owned; the name for hosts_access(5), "yes": its own; NULL: no */
	unsigned log_on_success; /* enum event_field */
	unsigned log_on_failure;
	uint64_t idle_timeout_ns; /* 0: none */

	struct endpoint *endpoints; /* owned */
	size_t endpoint_count;

	/* Canonical text of the whole entry plus the ids that its names resolved to:
	 * two services are the same exactly when these are. Owned. */
	char *fingerprint;
};

/* A service with every field at its built-in default and one reference; NULL when out
 * of memory. */
struct service *service_new(void);
struct service *service_ref(struct service *service);
void service_unref(struct service *service); /* NULL allowed */

/* Of two with one id: have they the same fingerprint? Without one nothing is the same. */
bool service_is_same(const struct service *a, const struct service *b);

/* Is it to be found through rpcbind? */
bool service_is_rpc(const struct service *service);
bool service_is_internal(const struct service *service);
/* Are there streams among its sockets? */
bool service_has_streams(const struct service *service);
bool service_has_banners(const struct service *service);
/* What it is called in hosts.allow and hosts.deny: the attribute's word, or the last part
 * of the program's argv[0], or in process the service's name. */
const char *service_wrapped_name(const struct service *service);
/* Are hosts.allow and hosts.deny to be asked about its clients? */
bool service_is_wrapped(const struct service *service);
/* Can it be reached through tcpmux? */
bool service_is_multiplexed(const struct service *service);

/* The in-process service that `redirect = ...` stands for: the value of `internal`. */
#define SERVICE_REDIRECT "redirect"
bool service_is_redirect(const struct service *service);

#endif
