/* SPDX-License-Identifier: ISC */
/* load MODE [KEY=NUMBER ...]: see load.h. Started by tests/bench/run. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "load.h"

static const struct mode {
	const char *name;
	void (*run)(const struct options *options);
} modes[] = {
	{ "churn", churn },   { "steady", steady },       { "datagrams", datagrams },
	{ "hold", hold },     { "flood", flood },         { "stream", stream },
	{ "source", source }, { "listening", listening },
};

static const struct key {
	const char *name;
	size_t offset;
} keys[] = {
	{ "port", offsetof(struct options, port) },
	{ "ports", offsetof(struct options, ports) },
	{ "concurrency", offsetof(struct options, concurrency) },
	{ "count", offsetof(struct options, count) },
	{ "milliseconds", offsetof(struct options, milliseconds) },
	{ "warm_ms", offsetof(struct options, warm_ms) },
	{ "half_close", offsetof(struct options, half_close) },
	{ "timeout_ms", offsetof(struct options, timeout_ms) },
	{ "trace", offsetof(struct options, trace) },
	{ "since", offsetof(struct options, since) },
};

static _Noreturn void usage(const char *word)
{
	(void)fprintf(stderr, "load: '%s'?\nusage: load MODE [KEY=NUMBER ...]\n", word);
	exit(64); /* EX_USAGE */
}

static void set(struct options *options, const char *word)
{
	const char *equals = strchr(word, '=');
	char *end;

	for (size_t i = 0; equals != NULL && i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].name);
		uint64_t value;

		if (length != (size_t)(equals - word) ||
		    strncmp(word, keys[i].name, length) != 0)
			continue;
		value = strtoull(equals + 1, &end, 10);
		if (*end != '\0' || end == equals + 1)
			break;
		memcpy((char *)options + keys[i].offset, &value, sizeof(value));
		return;
	}
	usage(word);
}

int main(int argc, char **argv)
{
	struct options options = { .ports = 1, .concurrency = 1, .timeout_ms = 5000 };

	if (argc < 2)
		usage("");
	for (int i = 2; i < argc; i++)
		set(&options, argv[i]);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(&options);
			return 0;
		}
	}
	usage(argv[1]);
}
