/* SPDX-License-Identifier: ISC */
/* Where lines go, as text: "stderr", "syslog:FACILITY", "file:/PATH". Opens nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "usherd/base/closest.h"
#include "usherd/log/log.h"

static const char SYSLOG_PREFIX[] = "syslog:";
static const char FILE_PREFIX[] = "file:";

struct syslog_word {
	const char *name;
	int value;
};

/* Those of syslog(3), but for the kernel's own. */
static const struct syslog_word facilities[] = {
	{ "auth", LOG_AUTH },     { "authpriv", LOG_AUTHPRIV },
	{ "cron", LOG_CRON },     { "daemon", LOG_DAEMON },
	{ "ftp", LOG_FTP },       { "lpr", LOG_LPR },
	{ "mail", LOG_MAIL },     { "news", LOG_NEWS },
	{ "syslog", LOG_SYSLOG }, { "user", LOG_USER },
	{ "uucp", LOG_UUCP },     { "local0", LOG_LOCAL0 },
	{ "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 },
	{ "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 },
	{ "local5", LOG_LOCAL5 }, { "local6", LOG_LOCAL6 },
	{ "local7", LOG_LOCAL7 }, { NULL, 0 },
};

static const struct syslog_word severities[] = {
	{ "emerg", LOG_EMERG }, { "alert", LOG_ALERT },     { "crit", LOG_CRIT },
	{ "err", LOG_ERR },     { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
	{ "info", LOG_INFO },   { "debug", LOG_DEBUG },     { NULL, 0 },
};

/* @what: "facility" or "level". */
static int parse_word(const struct syslog_word *words, const char *what, const char *name,
		      int *ret, struct error *err)
{
	struct closest search;

	closest_init(&search, name);
	for (const struct syslog_word *word = words; word->name != NULL; word++) {
		closest_consider(&search, word->name);
		if (strcasecmp(word->name, name) != 0)
			continue;
		*ret = word->value;
		return 0;
	}
	if (search.best)
		return error_set(err, -EINVAL,
				 "unknown syslog %s '%s'; did you mean '%s'?", what, name,
				 search.best);
	return error_set(err, -EINVAL, "unknown syslog %s '%s'", what, name);
}

int log_facility_parse(const char *name, int *ret, struct error *err)
{
	return parse_word(facilities, "facility", name, ret, err);
}

int log_severity_parse(const char *name, int *ret, struct error *err)
{
	return parse_word(severities, "level", name, ret, err);
}

static const char *name_of(const struct syslog_word *words, int value,
			   const char *otherwise)
{
	for (const struct syslog_word *word = words; word->name != NULL; word++) {
		if (word->value == value)
			return word->name;
	}
	return otherwise;
}

const char *log_facility_name(int facility)
{
	return name_of(facilities, facility, "daemon");
}

const char *log_severity_name(int severity)
{
	return name_of(severities, severity, "info");
}

static int parse_facility(const char *name, struct log_target *ret, struct error *err)
{
	int facility;
	int r = log_facility_parse(name, &facility, err);

	if (r == 0)
		*ret = (struct log_target){ .kind = LOG_TO_SYSLOG, .facility = facility };
	return r;
}

static int parse_path(const char *path, struct log_target *ret, struct error *err)
{
	char *copy;

	if (path[0] != '/')
		return error_set(err, -EINVAL, "log file '%s' must be an absolute path",
				 path);
	copy = strdup(path);
	if (!copy)
		return error_set(err, -ENOMEM, "out of memory");
	*ret = (struct log_target){ .kind = LOG_TO_FILE, .path = copy };
	return 0;
}

static char *join(const char *prefix, const char *rest)
{
	char *joined;

	return asprintf(&joined, "%s%s", prefix, rest) == -1 ? NULL : joined;
}

int log_target_parse(const char *text, struct log_target *ret, struct error *err)
{
	if (strcmp(text, "stderr") == 0) {
		*ret = (struct log_target){ .kind = LOG_TO_STDERR };
		return 0;
	}
	if (strcmp(text, "syslog") == 0)
		return parse_facility("daemon", ret, err);
	if (strncmp(text, SYSLOG_PREFIX, strlen(SYSLOG_PREFIX)) == 0)
		return parse_facility(text + strlen(SYSLOG_PREFIX), ret, err);
	if (strncmp(text, FILE_PREFIX, strlen(FILE_PREFIX)) == 0)
		return parse_path(text + strlen(FILE_PREFIX), ret, err);
	return error_set(err, -EINVAL,
			 "unknown log target '%s'; expected stderr, syslog, "
			 "syslog:FACILITY or file:/PATH",
			 text);
}

char *log_target_format(const struct log_target *target)
{
	switch (target->kind) {
	case LOG_TO_STDERR:
		break;
	case LOG_TO_SYSLOG:
		return join(SYSLOG_PREFIX, log_facility_name(target->facility));
	case LOG_TO_FILE:
		return join(FILE_PREFIX, target->path);
	}
	return strdup("stderr");
}

bool log_target_equal(const struct log_target *a, const struct log_target *b)
{
	if (a->kind != b->kind || a->of_services != b->of_services)
		return false;
	if (a->kind == LOG_TO_SYSLOG)
		return a->facility == b->facility &&
		       (!a->of_services || a->severity == b->severity);
	return a->kind != LOG_TO_FILE || strcmp(a->path, b->path) == 0;
}

int log_target_copy(const struct log_target *target, struct log_target *ret)
{
	char *path = NULL;

	if (target->path) {
		path = strdup(target->path);
		if (!path)
			return -ENOMEM;
	}
	*ret = *target;
	ret->path = path;
	return 0;
}

void log_target_done(struct log_target *target)
{
	free(target->path);
	*target = (struct log_target){ .kind = LOG_TO_STDERR };
}
