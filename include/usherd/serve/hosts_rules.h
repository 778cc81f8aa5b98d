/* SPDX-License-Identifier: ISC */
/*
 * Do hosts.allow and hosts.deny say anything, hosts_access(5)? On most systems they hold
 * comments alone, and then nobody needs to be asked about.
 */
#ifndef USHERD_SERVE_HOSTS_RULES_H
#define USHERD_SERVE_HOSTS_RULES_H

#include <stdbool.h>
#include <sys/stat.h>

#define HOSTS_RULES_FILES 2

/* What was found last. All zero: nothing has been looked at. */
struct hosts_rules {
	bool known; /* private, as all of it */
	bool rules;
	struct stat files[HOSTS_RULES_FILES];
};

/*
 * True if a line of either file is no comment, or if that cannot be seen. Each call looks
 * at the two files, and reads them if they have changed or are very new, so that a rule
 * counts for the very next client.
 */
bool hosts_rules_there(struct hosts_rules *hosts);

#endif
