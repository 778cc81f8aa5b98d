/* SPDX-License-Identifier: ISC */
/* Between the command line and conf/. */
#include "usherd/daemon/load.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "usherd/base/text.h"
#include "usherd/daemon/persona.h"
#include "usherd/exec/libexec.h"
#include "usherd/guard/screen.h"
#include "usherd/internal/internal.h"
#include "usherd/serve/hosts_rules.h"
#include "usherd/serve/inquiry.h"
#include "usherd/serve/registrar.h"

#define DIAGNOSTIC_SIZE 1024
#define INETD_FILE      "/etc/inetd.conf"
#define INETD_FOLDER    "/etc/inetd.d"

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

/* Files of inetd that have been asked for, and those that may be there. Asked again at
 * each load. */
static int list_inetd_files(const struct options *options, struct strings *ret)
{
	int r = strings_add_all(ret, &options->inetd_files);

	if (r == 0 && options->inetd_default && access(INETD_FILE, F_OK) == 0)
		r = strings_add(ret, INETD_FILE);
	if (r == 0 && options->inetd_folder && access(INETD_FOLDER, F_OK) == 0)
		r = strings_add(ret, INETD_FOLDER);
	return r;
}

static int libwrap_ready(struct error *err)
{
	char path[PATH_MAX];

	return libexec_find(INQUIRY_LIBWRAP_PROGRAM, path, sizeof(path), err);
}

static bool libwrap_rules(void)
{
	struct hosts_rules hosts = { .known = false };

	return hosts_rules_there(&hosts);
}

static int rpc_ready(struct error *err)
{
	char path[PATH_MAX];

	return libexec_find(REGISTRAR_PROGRAM, path, sizeof(path), err);
}

static int screen_ready(const struct policy *policy, struct error *err)
{
	struct sock_fprog screen = { .len = 0 };
	int r = screen_compile(policy, &screen, err);

	screen_done(&screen);
	return r;
}

int load_table(const struct options *options, struct table **ret,
	       struct diagnostics *diagnostics)
{
	struct conf_request request = { .files = options->files,
					.xinetd_files = options->xinetd_files,
					.foreign_backlog = options->backlog,
					.foreign_rate = options->rate,
					.wrap_programs = options->wrap_programs,
					.wrap_internal = options->wrap_internal,
					.root = geteuid() == 0,
					.internal_exists = internal_exists,
					.internal_ready = internal_ready,
					.libwrap_ready = libwrap_ready,
					.libwrap_rules = libwrap_rules,
					.rpc_ready = rpc_ready,
					.screen_ready = screen_ready,
					.internal_name = internal_name };

	int r = list_inetd_files(options, &request.inetd_files);

	if (r == 0)
		r = conf_load(&request, ret, diagnostics);
	strings_done(&request.inetd_files);
	if (r == 0 && options->max_children > 0)
		(*ret)->settings.max_children = options->max_children;
	return r;
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

/* xinetd says the place last. */
static const char *format_xinetd(const struct diagnostic *diagnostic, char *line,
				 size_t size)
{
	struct text text;

	text_init(&text, line, size);
	text_add(&text, diagnostic->text);
	if (diagnostic->file != NULL)
		text_addf(&text, " [file=%s]", diagnostic->file);
	if (diagnostic->line > 0)
		text_addf(&text, " [line=%u]", diagnostic->line);
	return line;
}

void load_log(const struct options *options, const struct diagnostics *diagnostics,
	      struct log *log)
{
	bool xinetd = persona_of(options)->xinetd_log;
	char line[DIAGNOSTIC_SIZE];

	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *diagnostic = &diagnostics->items[i];

		log_write(log,
			  diagnostic->severity == SEVERITY_WARNING ? LOG_LEVEL_WARNING
								   : LOG_LEVEL_ERROR,
			  "%s",
			  xinetd ? format_xinetd(diagnostic, line, sizeof(line))
				 : diagnostic_format(diagnostic, line, sizeof(line)));
	}
}

int load_log_target(const struct options *options, const struct table *table,
		    struct log_target *ret, struct error *err)
{
	const char *text = options->background ? "syslog" : "stderr";

	int r;

	if (table != NULL && table->settings.log != NULL)
		text = table->settings.log;
	if (options->log != NULL)
		text = options->log;
	r = log_target_parse(text, ret, err);
	if (r == 0)
		ret->as_xinetd = persona_of(options)->xinetd_log;
	return r;
}

void load_log_failure(const struct options *options,
		      const struct diagnostics *diagnostics, const struct error *err)
{
	struct log_target target = { 0 };
	struct error ignored = { 0 };
	struct log *log = NULL;

	if (!persona_of(options)->logs_faults ||
	    load_log_target(options, NULL, &target, &ignored) < 0)
		return;
	/* Standard error is told anyway. */
	if (target.kind != LOG_TO_STDERR &&
	    log_new(&target, options->ident, LOG_LEVEL_NOTICE, &log, &ignored) == 0) {
		if (diagnostics != NULL)
			load_log(options, diagnostics, log);
		if (err != NULL)
			log_write(log, LOG_LEVEL_ERROR, "%s", err->text);
		log_free(log);
	}
	log_target_done(&target);
}
