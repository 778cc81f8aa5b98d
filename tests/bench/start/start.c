/* SPDX-License-Identifier: ISC */
/*
 * What does the start of a program cost, compared with the least that the kernel lets it
 * cost? Not a test: it passes no judgement. Run as root on an idle machine:
 *
 *   cmake --preset gcc && cmake --build --preset gcc
 *   gcc -O2 -static -nostdlib -o /tmp/nothing tests/bench/start/nothing.c
 *   gcc -O2 -std=c11 -D_GNU_SOURCE -Iinclude -o /tmp/bench-start \
 *       tests/bench/start/start.c build/gcc/src/libusherd_exec.a \
 *       build/gcc/src/libusherd_model.a build/gcc/src/libusherd_base.a \
 *       -lseccomp -lcap-ng
 *   /tmp/bench-start /tmp/nothing [UNDER-WAY [ROUNDS]]
 *
 * The bound: clone(CLONE_VM) on one of a few stacks, then dup2, setsid, setresuid,
 * execve, and nothing else. Ours: spawn_begin() with all that a service of a user has.
 * Both start the same program with the same arguments and environment and a socket on its
 * standard descriptors, keep UNDER-WAY (16) of them going, and reap with waitpid(2). They
 * take turns, a few hundred starts each, and what counts is the median of the ratios of
 * neighbours: "speed" is the bound's time by ours, "CPU" ours by the bound's, that of the
 * program included. Repeated with more descriptors open, since each start has a copy of
 * that table.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "usherd/exec/spawn.h"

#define NOBODY         65534
#define STARTS         400
#define ROUNDS         41
#define UNDER_WAY_MOST 64
#define STACK_SIZE     ((size_t)16 * 1024)

struct raw_slot {
	char *stack;
	_Atomic int busy;
	pid_t pid;
};

struct our_slot {
	struct attempt attempt;
	bool taken;
};

struct bench {
	const char *program;
	char *const *arguments;
	char *const *environment;
	unsigned under_way;
	int fd;
	struct raw_slot raw[UNDER_WAY_MOST];
	struct our_slot ours[UNDER_WAY_MOST];
	struct spawner *spawner;
	struct plan *plan;
	struct addr peer;
	struct addr local;
};

/* Of one start, in microseconds. */
struct cost {
	double wall;
	double cpu;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(71); /* EX_OSERR of sysexits(3) */
}

static int raw_child(void *argument)
{
	const struct bench *bench = argument;

	(void)dup2(bench->fd, 0);
	(void)dup2(bench->fd, 1);
	(void)dup2(bench->fd, 2);
	(void)setsid();
	if (syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0)
		(void)execve(bench->program, bench->arguments, bench->environment);
	return 1;
}

static pid_t start_raw(struct bench *bench, unsigned index)
{
	struct raw_slot *slot = &bench->raw[index];

	slot->busy = 1;
	slot->pid = clone(raw_child, slot->stack + STACK_SIZE,
			  CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, bench, NULL, NULL,
			  (void *)&slot->busy);
	if (slot->pid == -1)
		die("clone");
	return slot->pid;
}

static void end_raw(struct bench *bench, pid_t pid, int status)
{
	for (unsigned i = 0; i < bench->under_way; i++)
		if (bench->raw[i].pid == pid)
			bench->raw[i].pid = 0;
	if (status != 0)
		die("the bound's program");
}

static unsigned free_raw(const struct bench *bench)
{
	unsigned i = 0;

	while (bench->raw[i].pid != 0)
		i++;
	return i;
}

static pid_t start_ours(struct bench *bench, unsigned index)
{
	struct invocation invocation = { .fd = bench->fd,
					 .stderr_fd = -1,
					 .peer = &bench->peer,
					 .local = &bench->local };
	struct our_slot *slot = &bench->ours[index];
	struct error err;

	if (spawn_begin(bench->spawner, bench->plan, &invocation, &slot->attempt, &err) <
	    0) {
		(void)fprintf(stderr, "%s\n", err.text);
		exit(71);
	}
	slot->taken = true;
	return slot->attempt.pid;
}

static void end_ours(struct bench *bench, pid_t pid, int status)
{
	struct error err = { 0 };

	for (unsigned i = 0; i < bench->under_way; i++) {
		struct our_slot *slot = &bench->ours[i];

		if (!slot->taken || slot->attempt.pid != pid)
			continue;
		slot->taken = false;
		if (spawn_reaped(&slot->attempt, status, &err) != SPAWN_RUNS ||
		    status != 0) {
			(void)fprintf(stderr, "our program: %s\n", err.text);
			exit(71);
		}
	}
}

static unsigned free_ours(const struct bench *bench)
{
	unsigned i = 0;

	while (bench->ours[i].taken)
		i++;
	return i;
}

struct way {
	pid_t (*start)(struct bench *bench, unsigned index);
	void (*end)(struct bench *bench, pid_t pid, int status);
	unsigned (*find_free)(const struct bench *bench);
};

static const struct way ways[] = { { start_raw, end_raw, free_raw },
				   { start_ours, end_ours, free_ours } };

static double seconds_of(struct timeval value)
{
	return (double)value.tv_sec + (double)value.tv_usec / 1e6;
}

static struct cost read_clocks(void)
{
	struct rusage self;
	struct rusage children;
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)getrusage(RUSAGE_SELF, &self);
	(void)getrusage(RUSAGE_CHILDREN, &children);
	return (struct cost){ .wall = (double)now.tv_sec + (double)now.tv_nsec / 1e9,
			      .cpu = seconds_of(self.ru_utime) +
				     seconds_of(self.ru_stime) +
				     seconds_of(children.ru_utime) +
				     seconds_of(children.ru_stime) };
}

static struct cost run(struct bench *bench, const struct way *way)
{
	struct cost begin = read_clocks();
	struct cost end;
	unsigned started = 0;
	unsigned ended = 0;

	while (ended < STARTS) {
		int status;
		pid_t pid;

		while (started < STARTS && started - ended < bench->under_way) {
			(void)way->start(bench, way->find_free(bench));
			started++;
		}
		pid = waitpid(-1, &status, 0);
		if (pid == -1)
			die("waitpid");
		way->end(bench, pid, status);
		ended++;
	}
	end = read_clocks();
	return (struct cost){ (end.wall - begin.wall) * 1e6 / STARTS,
			      (end.cpu - begin.cpu) * 1e6 / STARTS };
}

static int compare(const void *a, const void *b)
{
	const double *left = a;
	const double *right = b;

	return (*left > *right) - (*left < *right);
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* The descriptors a start copies besides the standard ones. */
static void open_more(unsigned until)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd != -1 && fd < (int)until - 1);
	if (fd == -1)
		die("descriptors");
}

static void measure(struct bench *bench, unsigned descriptors, unsigned rounds)
{
	double speed[256];
	double cpu[256];
	double walls[2][256];
	double cpus[2][256];

	for (unsigned i = 0; i < rounds; i++) {
		struct cost costs[2];

		for (unsigned turn = 0; turn < 2; turn++) {
			unsigned which = (i + turn) % 2;

			costs[which] = run(bench, &ways[which]);
		}
		for (unsigned which = 0; which < 2; which++) {
			walls[which][i] = costs[which].wall;
			cpus[which][i] = costs[which].cpu;
		}
		speed[i] = costs[0].wall / costs[1].wall;
		cpu[i] = costs[1].cpu / costs[0].cpu;
	}
	(void)printf("%11u %9.1f %9.1f %9.1f %9.1f %9.2f %9.2f\n", descriptors,
		     median(walls[0], rounds), median(walls[1], rounds),
		     median(cpus[0], rounds), median(cpus[1], rounds),
		     median(speed, rounds), median(cpu, rounds));
	(void)fflush(stdout);
}

/* As of a usual service: an argument, two limits, a daemon's environment. */
static void prepare_ours(struct bench *bench)
{
	static char *const variables[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8",
		"INVOCATION_ID=0123456789abcdef0123456789abcdef",
		"JOURNAL_STREAM=8:12345",
		"SYSTEMD_EXEC_PID=1234",
		NULL,
	};
	struct service *service = service_new();
	struct environment *environment;
	struct program *program;
	struct error err;
	void *room;

	if (service == NULL)
		die("service");
	program = &service->program;
	program->path = strdup(bench->program);
	program->credentials.change = true;
	program->credentials.uid = NOBODY;
	program->credentials.gid = NOBODY;
	program->limits[RLIMIT_CORE].set = true;
	program->limits[RLIMIT_NOFILE].set = true;
	program->limits[RLIMIT_NOFILE].value = 64;
	(void)strings_add(&program->argv, bench->program);
	(void)strings_add(&program->argv, "argument");
	(void)addr_parse_ip("192.0.2.17", 40000, &bench->peer, NULL);
	(void)addr_parse_ip("198.51.100.3", 7, &bench->local, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (environment_new(variables, &environment) < 0 ||
	    plan_new(service, environment, TECHNIQUE_SHARED, &bench->plan, &err) < 0 ||
	    spawner_new(&bench->spawner, &err) < 0)
		die("plan");
	environment_unref(environment);
	service_unref(service);
	/* The bound gets them ready-made. */
	room = malloc(plan_environment_size(bench->plan));
	if (room == NULL)
		die("environment");
	bench->arguments = plan_arguments(bench->plan);
	bench->environment = plan_environment(
		bench->plan,
		&(struct invocation){ .peer = &bench->peer, .local = &bench->local },
		room);
	if (spawner_objection(bench->spawner) != NULL) {
		(void)fprintf(stderr, "starts are forked here: %s\n",
			      spawner_objection(bench->spawner));
		exit(69); /* EX_UNAVAILABLE */
	}
}

int main(int argc, char *argv[])
{
	static const unsigned tables[] = { 10, 64, 1000 };
	static struct bench bench;
	unsigned rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : ROUNDS;
	int ends[2];

	if (argc < 2 || geteuid() != 0 || rounds == 0 || rounds > 256) {
		(void)fprintf(stderr, "usage, as root: %s PROGRAM [UNDER-WAY [ROUNDS]]\n",
			      argv[0]);
		return 64; /* EX_USAGE */
	}
	bench.program = argv[1];
	bench.under_way = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 16;
	if (bench.under_way == 0 || bench.under_way > UNDER_WAY_MOST)
		bench.under_way = UNDER_WAY_MOST;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		die("socketpair");
	bench.fd = ends[0];
	for (unsigned i = 0; i < bench.under_way; i++) {
		bench.raw[i].stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		if (bench.raw[i].stack == MAP_FAILED)
			die("mmap");
	}
	prepare_ours(&bench);
	(void)run(&bench, &ways[0]);
	(void)run(&bench, &ways[1]);
	(void)printf("%u under way; microseconds for a start\n", bench.under_way);
	(void)printf("%11s %9s %9s %9s %9s %9s %9s\n", "descriptors", "bound", "ours",
		     "bound CPU", "ours CPU", "speed", "CPU");
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		open_more(tables[i]);
		measure(&bench, tables[i], rounds);
	}
	plan_unref(bench.plan);
	spawner_free(bench.spawner);
	return 0;
}
