/* SPDX-License-Identifier: ISC */
/* The files as libwrap has them; what the lines mean is its affair. */
#include "usherd/serve/hosts_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Two changes within a tick of the clock that stamps files look like one. */
#define VERY_NEW_S 2

static const char *const paths[HOSTS_RULES_FILES] = { "/etc/hosts.allow",
						      "/etc/hosts.deny" };

static bool is_rule(const char *line)
{
	line += strspn(line, " \t\r\n");
	return *line != '\0' && *line != '#';
}

/* A line longer than the buffer is looked at in pieces: rather a rule too many. */
static bool has_rules(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	bool found = false;

	if (file == NULL)
		return errno != ENOENT;
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = is_rule(line);
	found = found || ferror(file) != 0;
	(void)fclose(file);
	return found;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_unchanged(const struct stat *before, const struct stat *now)
{
	return before->st_dev == now->st_dev && before->st_ino == now->st_ino &&
	       before->st_size == now->st_size &&
	       same_time(&before->st_mtim, &now->st_mtim) &&
	       same_time(&before->st_ctim, &now->st_ctim);
}

static bool is_very_new(const struct stat *status)
{
	time_t age = time(NULL) - status->st_ctim.tv_sec;

	return status->st_ino != 0 && age > -VERY_NEW_S && age < VERY_NEW_S;
}

bool hosts_rules_there(struct hosts_rules *hosts)
{
	bool known = hosts->known;

	for (size_t i = 0; i < HOSTS_RULES_FILES; i++) {
		struct stat status = { 0 };

		/* A file that is not there is all zero. */
		if (stat(paths[i], &status) == -1 && errno != ENOENT)
			return true;
		known = known && is_unchanged(&hosts->files[i], &status) &&
			!is_very_new(&status);
		hosts->files[i] = status;
	}
	if (!known)
		hosts->rules = has_rules(paths[0]) || has_rules(paths[1]);
	hosts->known = true;
	return hosts->rules;
}
