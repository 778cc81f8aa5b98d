/* SPDX-License-Identifier: ISC */
/* The table of personas. Their options are read in options.c, options_xinetd.c and
 * options_inetd.c; what their signals do stands in signals.c. */
#include "usherd/daemon/persona.h"

#include <stdlib.h>
#include <string.h>

#include "daemon_internal.h"
#include "usherd/base/text.h"
#include "usherd/daemon/signals.h"

static void usage_usherd(FILE *out)
{
	(void)fprintf(out, "try 'usherd --help'\n");
}

static void version_usherd(void)
{
	(void)printf("usherd %s\n", USHERD_VERSION);
}

/* Where xinetd says it. */
static void version_xinetd(void)
{
	(void)fprintf(stderr, "usherd %s, called as xinetd\n", USHERD_VERSION);
}

static void version_inetd(void)
{
	(void)printf("usherd %s, called as inetd\n", USHERD_VERSION);
}

static const struct persona personas[] = {
	{ .name = "usherd",
	  .parse = options_parse,
	  .usage = usage_usherd,
	  .version = version_usherd,
	  .help = options_help,
	  .signals = signals_usherd },
	{ .name = "xinetd",
	  .parse = options_parse_xinetd,
	  .usage = options_usage_xinetd,
	  .version = version_xinetd,
	  .help = options_usage_xinetd,
	  .signals = signals_xinetd,
	  .failure = EXIT_FAILURE,
	  .logs_faults = true,
	  .ends_removed = true,
	  .xinetd_log = true },
	{ .name = "inetd",
	  .parse = options_parse_inetd,
	  .usage = options_usage_inetd,
	  .version = version_inetd,
	  .help = options_help_inetd,
	  .signals = signals_inetd,
	  .failure = EXIT_FAILURE,
	  .logs_faults = true },
};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

const struct persona *persona_find(const char *argv0)
{
	const char *name = last_component(argv0);

	for (size_t i = 1; i < sizeof(personas) / sizeof(personas[0]); i++)
		if (strcmp(personas[i].name, name) == 0)
			return &personas[i];
	return &personas[0];
}

int persona_parse(int argc, char *const argv[], struct options *ret, struct error *err)
{
	/* execve(2) may have been given no name at all. */
	const char *name = argc > 0 ? argv[0] : "";
	const struct persona *persona = persona_find(name);
	int r = persona->parse(argc, argv, ret, err);

	ret->persona = persona;
	(void)text_copy(ret->ident, sizeof(ret->ident), persona->name);
	return r;
}

const struct persona *persona_of(const struct options *options)
{
	return options->persona != NULL ? options->persona : &personas[0];
}
