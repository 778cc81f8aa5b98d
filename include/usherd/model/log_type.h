/* SPDX-License-Identifier: ISC */
/* log_type: where the lines about a service's clients go. Pure data. */
#ifndef USHERD_MODEL_LOG_TYPE_H
#define USHERD_MODEL_LOG_TYPE_H

#include <stdint.h>

enum log_type_kind {
	LOG_TYPE_MAIN = 0, /* where usherd's own messages go */
	LOG_TYPE_NONE,     /* nowhere, whatever log_on_* say */
	LOG_TYPE_SYSLOG,
	LOG_TYPE_FILE,
};

struct log_type {
	enum log_type_kind kind;
	int facility;        /* of syslog(3), LOG_TYPE_SYSLOG */
	int severity;        /* likewise */
	char *path;          /* owned, absolute, LOG_TYPE_FILE */
	uint64_t soft_limit; /* bytes, LOG_TYPE_FILE; 0 with hard_limit 0: no limits */
	uint64_t hard_limit;
};

/* What the hard limit is when only the soft one is given, see xinetd.conf(5): 1 % more,
 * but at least LOG_TYPE_EXTRA_MIN and at most LOG_TYPE_EXTRA_MAX. */
#define LOG_TYPE_EXTRA_MIN 5120
#define LOG_TYPE_EXTRA_MAX 20480
uint64_t log_type_hard_limit(uint64_t soft_limit);

void log_type_done(struct log_type *type);

#endif
