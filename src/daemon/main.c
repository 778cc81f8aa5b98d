/* SPDX-License-Identifier: ISC */
/*
 * usherd(8). Reads the command line, does what it asks for, and turns the outcome into an
 * exit code of sysexits(3): 0, 64 usage, 71 system, 77 permission, 78 configuration; or
 * that of the program whose name it is called by.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/parking.h"
#include "usherd/conf/differences.h"
#include "usherd/daemon/load.h"
#include "usherd/daemon/options.h"
#include "usherd/daemon/persona.h"
#include "usherd/daemon/server.h"
#include "usherd/daemon/signals.h"
#include "usherd/daemon/startup.h"
#include "usherd/serve/duty.h"

static int fail(const struct options *options, const struct error *err, int status)
{
	(void)fprintf(stderr, "%s: %s\n", persona_of(options)->name, err->text);
	return status;
}

static int status_of(int r)
{
	return r == -EACCES || r == -EPERM ? EX_NOPERM : EX_OSERR;
}

static int status_of_load(int r)
{
	if (r == 0)
		return EX_OK;
	return r == -ENOMEM ? EX_OSERR : EX_CONFIG;
}

/* What a look at the configuration has found. */
struct findings {
	size_t refusals;
	size_t different; /* services with notes */
};

/* Load and print what is wrong, and with @notes what will be different. EX_OK with a
 * table, or the exit code. */
static int load(const struct options *options, bool notes, struct table **ret,
		struct findings *found)
{
	struct diagnostics diagnostics = { 0 };
	int r = load_table(options, ret, &diagnostics);

	found->different = 0;
	if (r == 0 && notes) {
		found->different = differences_tell(*ret, &diagnostics);
		diagnostics_sort(&diagnostics);
	}
	load_print(&diagnostics);
	found->refusals = diagnostics.refusals;
	diagnostics_done(&diagnostics);
	return status_of_load(r);
}

static void print_summary(const struct table *table, const struct findings *found)
{
	size_t served = 0;

	for (size_t i = 0; i < table->count; i++)
		served += !table->services[i]->disable;
	if (found->refusals == 0)
		(void)printf("configuration ok: %zu services", table->count);
	else
		(void)printf("%zu services would be served, %zu are refused: see above",
			     served, table->refused.count);
	if (found->different > 0)
		(void)printf("; %zu of them differently than before: see the notes",
			     found->different);
	(void)printf("\n");
}

static int check(const struct options *options, bool dump)
{
	struct table *table = NULL;
	struct findings found;
	int status = load(options, !dump, &table, &found);

	if (status == EX_OK && dump && conf_dump(table, stdout) < 0)
		status = EX_IOERR;
	if (status == EX_OK && !dump)
		print_summary(table, &found);
	if (status == EX_OK && found.refusals > 0)
		status = EX_CONFIG;
	table_free(table);
	return fflush(stdout) == 0 ? status : EX_IOERR;
}

static int start_signals(struct server *server, struct error *err)
{
	int r = signals_install(server, err);

	if (r < 0)
		server_done(server);
	return r;
}

/* What serving takes, once it is clear that there is something to serve. */
struct duty {
	const struct options *options;
	struct inherited *inherited;
	struct table *table;
	struct diagnostics diagnostics;
	int ready_fd;
};

static int run(struct parking *parking, void *data)
{
	struct duty *duty = data;
	struct server server;
	struct error err = { 0 };
	int r = server_start(&server, duty->options, duty->table, parking,
			     duty->inherited, &err);

	if (r == 0)
		r = start_signals(&server, &err);
	if (r < 0) {
		load_log_failure(duty->options, NULL, &err);
		return fail(duty->options, &err, status_of(r));
	}
	if (persona_of(duty->options)->logs_faults)
		load_log(duty->options, &duty->diagnostics, server.log);
	startup_ready(&duty->ready_fd);
	if (duty->options->background && parking != NULL)
		parking_quiet(parking);
	r = server_run(&server);
	server_done(&server);
	return r < 0 ? EX_OSERR : server.status;
}

/* In the background from here on, if that is wanted. 0 or the exit code. */
static int detach(struct duty *duty)
{
	const struct options *options = duty->options;
	struct error err = { 0 };

	if (options->launder)
		startup_launder();
	/* As strict as the starter wants it, never laxer than 022 (as xinetd). */
	(void)umask(umask(022) | 022);
	if (options->background && startup_background(&duty->ready_fd, &err) < 0)
		return fail(options, &err, EX_OSERR);
	/* Nothing that can be unmounted is held; programs start here, too. */
	if (chdir("/") == -1) {
		(void)error_set_errno(&err, -errno, "cannot change to /");
		return fail(options, &err, EX_OSERR);
	}
#ifdef __GLIBC__
	/* One thread works, so one heap is enough. */
	(void)mallopt(M_ARENA_MAX, 1);
	/* Buffers of a worker that it may never need have pages of their own: those that
	 * are not used cost nothing. */
	(void)mallopt(M_MMAP_THRESHOLD, ENGINE_SCRATCH);
#endif
	return EX_OK;
}

/* As load(); where nobody looks at the terminal, it is the log that is told. */
static int load_to_serve(struct duty *duty)
{
	int r = load_table(duty->options, &duty->table, &duty->diagnostics);

	if (r < 0)
		load_log_failure(duty->options, &duty->diagnostics, NULL);
	if (r < 0 || !persona_of(duty->options)->logs_faults)
		load_print(&duty->diagnostics);
	return status_of_load(r);
}

static int serve(const struct options *options, struct inherited *inherited)
{
	struct duty duty = { .options = options, .inherited = inherited, .ready_fd = -1 };
	int status = load_to_serve(&duty);

	if (status == EX_OK) {
		status = detach(&duty);
		if (status == EX_OK)
			status = parking_run(run, &duty);
		else
			table_free(duty.table);
	}
	diagnostics_done(&duty.diagnostics);
	return status;
}

static int help_attributes(const struct options *options)
{
	return conf_help(options->attribute, stdout) < 0 ? EX_USAGE : EX_OK;
}

static int act(const struct options *options, struct inherited *inherited)
{
	switch (options->action) {
	case ACTION_SERVE:
		return serve(options, inherited);
	case ACTION_CHECK:
		return check(options, false);
	case ACTION_DUMP:
		return check(options, true);
	case ACTION_HELP:
		persona_of(options)->help(stdout);
		return EX_OK;
	case ACTION_HELP_ATTRIBUTES:
		return help_attributes(options);
	case ACTION_VERSION:
		persona_of(options)->version();
		return EX_OK;
	}
	return EX_SOFTWARE;
}

/* Other programs know one failure; it is the child's that the starter's process hands
 * on, so this is asked once in each. */
static int exit_code(const struct options *options, int status)
{
	int failure = persona_of(options)->failure;

	return status != EX_OK && failure != 0 ? failure : status;
}

int main(int argc, char *argv[])
{
	struct options options = { .persona = NULL };
	struct inherited inherited;
	struct error err = { 0 };
	int status;

	if (startup_descriptors(&inherited, &err) < 0)
		return fail(&options, &err, EX_OSERR);
	if (persona_parse(argc, argv, &options, &err) < 0) {
		status = fail(&options, &err, EX_USAGE);
		persona_of(&options)->usage(stderr);
	} else {
		status = act(&options, &inherited);
	}
	status = exit_code(&options, status);
	inherited_done(&inherited);
	options_done(&options);
	return status;
}
