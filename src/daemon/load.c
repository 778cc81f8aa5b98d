/* SPDX-License-Identifier: ISC */
/* Between the command line and conf/. */
#include "usherd/daemon/load.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "usherd/exec/libexec.h"
#include "usherd/internal/internal.h"

#define DIAGNOSTIC_SIZE 1024

static const char *internal_name(size_t index)
{
	const struct internal *internal = internal_at(index);

	return internal != NULL ? internal->name : NULL;
}

/* Some are served by a program of their own, which may not have been installed. */
static int internal_ready(const char *name, struct error *err)
{
	const struct internal *internal = internal_find(name);
	char path[PATH_MAX];

	if (internal == NULL || internal->executable == NULL)
		return 0;
	return libexec_find(internal->executable, path, sizeof(path), err);
}

int load_table(const struct options *options, struct table **ret,
	       struct diagnostics *diagnostics)
{
	struct conf_request request = { .files = options->files,
					.xinetd_files = options->xinetd_files,
					.inetd_files = options->inetd_files,
					.root = geteuid() == 0,
					.internal_exists = internal_exists,
					.internal_ready = internal_ready,
					.internal_name = internal_name };

	return conf_load(&request, ret, diagnostics);
}

void load_give_memory_back(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0);
#endif
}

void load_print(const struct diagnostics *diagnostics)
{
	char line[DIAGNOSTIC_SIZE];

	for (size_t i = 0; i < diagnostics->count; i++)
		(void)fprintf(
			stderr, "%s\n",
			diagnostic_format(&diagnostics->items[i], line, sizeof(line)));
}

void load_log(const struct diagnostics *diagnostics, struct log *log)
{
	char line[DIAGNOSTIC_SIZE];

	for (size_t i = 0; i < diagnostics->count; i++)
		log_write(log,
			  diagnostics->items[i].severity == SEVERITY_WARNING
				  ? LOG_LEVEL_WARNING
				  : LOG_LEVEL_ERROR,
			  "%s",
			  diagnostic_format(&diagnostics->items[i], line, sizeof(line)));
}

int load_log_target(const struct options *options, const struct table *table,
		    struct log_target *ret, struct error *err)
{
	const char *text = options->background ? "syslog" : "stderr";

	if (table->settings.log != NULL)
		text = table->settings.log;
	if (options->log != NULL)
		text = options->log;
	return log_target_parse(text, ret, err);
}
