/* SPDX-License-Identifier: ISC */
/* The program of a service: everything the start of a child needs, names resolved. */
#ifndef USHERD_MODEL_PROGRAM_H
#define USHERD_MODEL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "usherd/base/strings.h"

/* Whose rights. */
struct credentials {
	bool change; /* false: keep the daemon's (daemon is not root) */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned, supplementary; may be empty */
	size_t group_count;
};

enum stderr_target {
	STDERR_CONNECTION,
	STDERR_LOG,
	STDERR_NULL
};

#define PROGRAM_RLIMITS RLIM_NLIMITS

struct program_limit {
	bool set;
	rlim_t value; /* soft and hard; RLIM_INFINITY */
};

struct program {
	char *path;          /* owned, absolute; NULL for an in-process service */
	struct strings argv; /* argv[0] included */
	struct strings env;  /* env = { NAME=VALUE }, in order */
	struct strings passenv;
	bool passenv_given; /* false: pass the daemon's whole environment */
	struct credentials credentials;
	char *chroot;    /* owned or NULL */
	char *directory; /* owned or NULL: "/" */
	int nice;
	bool umask_given;
	mode_t umask;
	enum stderr_target stderr_target;
	struct program_limit limits[PROGRAM_RLIMITS]; /* index: RLIMIT_* */
};

void credentials_done(struct credentials *credentials);
bool credentials_equal(const struct credentials *a, const struct credentials *b);
void program_done(struct program *program);

#endif
