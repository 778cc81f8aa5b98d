/* SPDX-License-Identifier: ISC */
/*
 * The logs of services (log_type), in the supervisor: which are open, and whose lines go
 * where. Services that name one place share what is open there, with the smallest of the
 * limits that they give it.
 *
 * Opening comes before services are put on duty, in two steps as roster.h has them.
 */
#ifndef USHERD_SERVE_SERVICE_LOGS_H
#define USHERD_SERVE_SERVICE_LOGS_H

#include "usherd/log/log.h"
#include "usherd/loop/loop.h"
#include "usherd/model/table.h"

struct reporter;
struct service_logs;
struct service_logs_change;

/* @reporter hears what is wrong with them; @ident as log_new(). 0 or -ENOMEM. */
int service_logs_new(struct loop *loop, struct reporter *reporter, const char *ident,
		     struct service_logs **ret);
/* Writes what can be written without blocking. NULL allowed. */
void service_logs_free(struct service_logs *logs);

/*
 * Open what the services of @next want. One whose log cannot be opened is not to start:
 * that is reported, and @next has in its place the service that @before (or NULL) has of
 * that id, or none. 0, or -ENOMEM with nothing changed but @next, which is of no use
 * then.
 */
int service_logs_prepare(struct service_logs *logs, const struct table *before,
			 struct table *next, struct service_logs_change **ret);

/*
 * From now on lines go where @next says; every file is opened anew (rotation), and what
 * nobody names any more is closed. Services that are no longer there have their lines go
 * where they went, as long as not too many have gone.
 */
void service_logs_commit(struct service_logs *logs, struct service_logs_change *change);
void service_logs_abandon(struct service_logs *logs, struct service_logs_change *change);

/* Open all files anew; those that cannot be stay open as they are, which is reported. */
void service_logs_reopen(struct service_logs *logs);

/* Where lines about service @id go: @otherwise if it has no log of its own, NULL:
 * nowhere. */
struct log *service_logs_find(const struct service_logs *logs, const char *id,
			      struct log *otherwise);

#endif
