/* SPDX-License-Identifier: ISC */
/* The daemon's way of reading its configuration, and of saying what is wrong with it. */
#ifndef USHERD_DAEMON_LOAD_H
#define USHERD_DAEMON_LOAD_H

#include "usherd/conf/load.h"
#include "usherd/daemon/options.h"
#include "usherd/log/log.h"

/* conf_load() of the options' files with this build's in-process services, and what else
 * the options say put on top. */
int load_table(const struct options *options, struct table **ret,
	       struct diagnostics *diagnostics);

/* What a load no longer needs goes back to the system, before workers have a share. */
void load_give_memory_back(void);

/* Every diagnostic, a line each, on standard error / into the log. */
void load_print(const struct diagnostics *diagnostics);
void load_log(const struct options *options, const struct diagnostics *diagnostics,
	      struct log *log);

/* The daemon cannot start: where its persona has that in the log, it is told what is
 * wrong, @diagnostics or @err; either may be NULL. */
void load_log_failure(const struct options *options,
		      const struct diagnostics *diagnostics, const struct error *err);

/* Where the log is to go: -l, else `log`, else standard error or, in the background,
 * syslog. @table may be NULL. 0 or a negative errno. */
int load_log_target(const struct options *options, const struct table *table,
		    struct log_target *ret, struct error *err);

#endif
