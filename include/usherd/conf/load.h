/* SPDX-License-Identifier: ISC */
/*
 * Configuration files in, service table out. Check first: any error means no table; but
 * a mistake in a service of an xinetd or inetd file costs that service alone.
 * Names of users, groups and services are resolved here (may block), never later.
 */
#ifndef USHERD_CONF_LOAD_H
#define USHERD_CONF_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "usherd/base/error.h"
#include "usherd/base/strings.h"
#include "usherd/conf/diagnostics.h"
#include "usherd/model/table.h"

#define CONF_DEFAULT_FILE "/etc/usherd.conf"

struct conf_request {
	struct strings files;        /* native files, in order */
	struct strings xinetd_files; /* in the syntax of xinetd.conf(5), after those */
	struct strings inetd_files;  /* in the syntax of inetd.conf(5), after those */
	/* What holds for services of xinetd and inetd files that say nothing themselves;
	 * 0: nothing. */
	uint64_t foreign_backlog;
	uint64_t foreign_rate; /* connections per minute */
	/* For services of inetd files, where they can be asked: hosts.allow and
	 * hosts.deny are, and it is logged who came. */
	bool wrap_programs;
	bool wrap_internal;
	bool root; /* may change ids: user must then be given for programs */
	/* Does an in-process service of this name exist, for streams / datagrams? */
	bool (*internal_exists)(const char *name, bool stream);
	/* Optional: can it be served on this machine? 0, or a negative errno and what is
	 * missing. */
	int (*internal_ready)(const char *name, struct error *err);
	/* Optional: can hosts.allow and hosts.deny be asked? Likewise. */
	int (*libwrap_ready)(struct error *err);
	/* Optional: do they say anything at present? */
	bool (*libwrap_rules)(void);
	/* Optional: can services be registered with rpcbind? Likewise. */
	int (*rpc_ready)(struct error *err);
	/* Optional: can the kernel be told the lists of @policy? Likewise. */
	int (*screen_ready)(const struct policy *policy, struct error *err);
	/* Optional, for "did you mean": the names one by one, NULL past the end. */
	const char *(*internal_name)(size_t index);
};

/*
 * Read everything. Returns 0 with a table (there may be warnings, and services that were
 * refused: diagnostics.refusals, table.refused), -EINVAL with errors listed in
 * @diagnostics, or -ENOMEM.
 */
int conf_load(const struct conf_request *request, struct table **ret,
	      struct diagnostics *diagnostics);

/* The same for one file in memory, called @name in messages. An include in it is relative
 * to the working directory. The files of @request are not read. */
int conf_load_text(const struct conf_request *request, enum dialect dialect,
		   const char *name, const char *text, size_t length, struct table **ret,
		   struct diagnostics *diagnostics);

/* The effective configuration in canonical native syntax: loading it again gives the
 * same text. 0 or a negative errno of the stream. */
int conf_dump(const struct table *table, FILE *out);

/*
 * The service that has this fingerprint (model/service.h), without its endpoints and its
 * own fingerprint, made without looking anything up or reading a file. 0 or a negative
 * errno.
 */
int conf_recall(const char *fingerprint, struct service **ret, struct error *err);

/* The attribute table for people: one attribute (by name or alias) in detail, or all of
 * them for NULL. -ENOENT for an unknown name, after a suggestion on @out. */
int conf_help(const char *name, FILE *out);

#endif
