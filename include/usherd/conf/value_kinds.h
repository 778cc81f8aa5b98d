/* SPDX-License-Identifier: ISC */
/* The kinds of values that attributes have: for the attribute table. */
#ifndef USHERD_CONF_VALUE_KINDS_H
#define USHERD_CONF_VALUE_KINDS_H

#include "usherd/conf/attributes.h"

/* One word. */
extern const struct value_kind kind_text;      /* char *, not empty, printable */
extern const struct value_kind kind_name;      /* the same; not shown when it is the id */
extern const struct value_kind kind_path;      /* char *, absolute */
extern const struct value_kind kind_server;    /* program: path and argv[0] */
extern const struct value_kind kind_argv0;     /* program: argv[0] */
extern const struct value_kind kind_internal;  /* char *; not shown with redirect */
extern const struct value_kind kind_boolean;   /* bool */
extern const struct value_kind kind_number;    /* int, min to max */
extern const struct value_kind kind_count;     /* uint64_t or UNLIMITED */
extern const struct value_kind kind_duration;  /* uint64_t nanoseconds */
extern const struct value_kind kind_mode;      /* mode_t, at most max */
extern const struct value_kind kind_umask;     /* program: umask and umask_given */
extern const struct value_kind kind_word;      /* enum, one of words */
extern const struct value_kind kind_interface; /* char[IFNAMSIZ] */
extern const struct value_kind kind_ident;     /* service: ident and ident_name */
extern const struct value_kind kind_libwrap;   /* char *, "yes" or a name; NULL for no */
extern const struct value_kind kind_rpc_version;
extern const struct value_kind kind_rpc_number;
extern const struct value_kind kind_log;  /* char *, a log target */
extern const struct value_kind kind_load; /* uint64_t, POLICY_LOAD_UNIT, or UNLIMITED */
extern const struct value_kind kind_deny_time; /* uint64_t nanoseconds */
extern const struct value_kind kind_rlimit_count;
extern const struct value_kind kind_rlimit_size;
extern const struct value_kind kind_rlimit_seconds;
extern const struct value_kind kind_rlimit_microseconds;

/* Two words. */
extern const struct value_kind kind_cps;           /* policy: rate and pause */
extern const struct value_kind kind_cpm;           /* likewise, per minute */
extern const struct value_kind kind_source_prefix; /* policy: IPv4 and IPv6 bits */

/* Some words, in an order. */
extern const struct value_kind kind_log_type; /* struct log_type */

/* Lists. */
extern const struct value_kind kind_words;        /* unsigned, a set of words */
extern const struct value_kind kind_protocols;    /* service: protocols and the name */
extern const struct value_kind kind_bind;         /* struct strings, not empty */
extern const struct value_kind kind_ports;        /* service: ports */
extern const struct value_kind kind_redirect;     /* service: redirect and internal */
extern const struct value_kind kind_arguments;    /* program: argv[1..] */
extern const struct value_kind kind_environment;  /* struct strings, NAME=VALUE */
extern const struct value_kind kind_passenv;      /* program: names */
extern const struct value_kind kind_prefixes;     /* struct prefix_list */
extern const struct value_kind kind_access_times; /* policy: spans of the day */
extern const struct value_kind kind_index;        /* service: names of files */
extern const struct value_kind kind_include;      /* nothing: the loader takes it */
extern const struct value_kind kind_id, kind_ids; /* nothing: adapt.c takes them */

#endif
