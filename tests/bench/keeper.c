/* SPDX-License-Identifier: ISC */
/*
 * keeper FILE DESCRIPTORS: starts the commands in FILE (arguments end with a NUL, a
 * command with an empty argument) and is the parent of whatever they leave behind,
 * daemons included (PR_SET_CHILD_SUBREAPER). "started NS" on standard output is the clock
 * just before the first of them. On TERM, or when the benchmark itself has ended,
 * everything below is killed: nothing outlives the keeper, and nothing else is touched.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_MS 500 /* between TERM and KILL */
#define PAUSE_NS 5000000

static void die(const char *what)
{
	(void)fprintf(stderr, "keeper: %s: %s\n", what, strerror(errno));
	exit(71); /* EX_OSERR of sysexits(3) */
}

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(2, 1);
	size_t size = 0;

	if (file == NULL || text == NULL)
		die(path);
	while (!feof(file) && !ferror(file)) {
		text = realloc(text, size + 4096 + 2);
		if (text == NULL)
			die("memory");
		size += fread(text + size, 1, 4096, file);
	}
	(void)fclose(file);
	text[size] = '\0';
	text[size + 1] = '\0';
	*ret_size = size;
	return text;
}

/* No more than a row needs: some servers close every number up to the limit. */
static void allow_descriptors(rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void start(char **arguments, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid != 0)
		return;
	(void)setpgid(0, 0);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)execvp(arguments[0], arguments);
	die(arguments[0]);
}

/* An argument takes at least the byte that ends it: @size is room enough. */
static void start_all(char *text, size_t size, const sigset_t *mask)
{
	char **arguments = calloc(size + 1, sizeof(*arguments));
	char *end = text + size;
	struct timespec now;

	if (arguments == NULL)
		die("memory");
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)printf("started %lld\n",
		     (long long)now.tv_sec * 1000000000LL + (long long)now.tv_nsec);
	(void)fflush(stdout);
	while (text < end) {
		size_t count = 0;

		for (; text < end && *text != '\0'; text += strlen(text) + 1)
			arguments[count++] = text;
		arguments[count] = NULL;
		text++;
		if (count > 0)
			start(arguments, mask);
	}
	free(arguments);
}

/* Signals every direct child. */
static void signal_children(int signo)
{
	char path[64];
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (getdelim(&line, &room, ' ', file) != -1) {
		long pid = strtol(line, NULL, 10);

		if (pid > 1)
			(void)kill((pid_t)pid, signo);
	}
	free(line);
	(void)fclose(file);
}

/* True when no child is left. Those of a child that has ended become ours. */
static bool reap(void)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, WNOHANG);
	while (pid > 0);
	return pid == -1 && errno == ECHILD;
}

static void end_all(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	signal_children(SIGTERM);
	for (int i = 0; i < GRACE_MS * 1000000 / PAUSE_NS; i++) {
		if (reap())
			return;
		(void)nanosleep(&pause, NULL);
	}
	while (!reap()) {
		signal_children(SIGKILL);
		(void)nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	sigset_t mask;
	sigset_t waited;
	size_t size;
	char *text;
	int signo;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: keeper FILE DESCRIPTORS\n");
		return 64;
	}
	(void)sigemptyset(&waited);
	(void)sigaddset(&waited, SIGTERM);
	(void)sigaddset(&waited, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &waited, &mask);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		die("prctl");
	allow_descriptors(strtoul(argv[2], NULL, 10));
	text = read_file(argv[1], &size);
	start_all(text, size, &mask);
	do {
		if (sigwait(&waited, &signo) != 0)
			die("sigwait");
	} while (signo != SIGTERM && !reap());
	end_all();
	free(text);
	return 0;
}
