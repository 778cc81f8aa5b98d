/* SPDX-License-Identifier: ISC */
/*
 * From how many descriptors on is it cheaper to let poll(2) watch one epoll(7) set than
 * the descriptors themselves? Gives the figures beside LOOP_POLL_MAX. Not a test: it
 * passes no judgement and stands alone, without the loop it is about.
 *
 *   gcc -O2 -D_GNU_SOURCE -o /tmp/bench-poll tests/bench/poll/poll.c && /tmp/bench-poll
 *
 * N idle TCP listeners on 127.0.0.1 and one pipe that becomes readable in each round. The
 * pipe stands last, so poll(2) visits every listener and enters its wait queue, as it
 * does when it has to sleep. The write and the read of the byte are timed alone and
 * subtracted. Each figure is the best of ROUNDS, which is the one least disturbed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS   15
#define IDLE_MAX 1000
#define OUTER    2 /* the nested set, and the signal descriptor's place */

struct bench {
	int epoll_fd;
	int pipe[2];
	size_t idle;
	struct pollfd flat[IDLE_MAX + 1];
	struct pollfd outer[OUTER];
};

static void die(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(71); /* EX_OSERR of sysexits(3) */
}

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int open_idle(void)
{
	struct sockaddr_in local = { .sin_family = AF_INET,
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&local, sizeof(local)) == -1 ||
	    listen(fd, 1) == -1)
		die("listener");
	return fd;
}

static void enter(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		die("epoll_ctl");
}

static void bench_open(struct bench *bench, size_t idle)
{
	bench->idle = idle;
	bench->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (bench->epoll_fd == -1 || pipe2(bench->pipe, O_CLOEXEC) == -1)
		die("descriptors");
	for (size_t i = 0; i < idle; i++)
		bench->flat[i] = (struct pollfd){ .fd = open_idle(), .events = POLLIN };
	bench->flat[idle] = (struct pollfd){ .fd = bench->pipe[0], .events = POLLIN };
	bench->outer[0] = (struct pollfd){ .fd = -1, .events = POLLIN };
	bench->outer[1] = (struct pollfd){ .fd = bench->epoll_fd, .events = POLLIN };
	for (size_t i = 0; i <= idle; i++)
		enter(bench->epoll_fd, bench->flat[i].fd);
}

static void bench_close(struct bench *bench)
{
	for (size_t i = 0; i <= bench->idle; i++)
		(void)close(bench->flat[i].fd);
	(void)close(bench->pipe[1]);
	(void)close(bench->epoll_fd);
}

static void byte_there_and_back(struct bench *bench, void (*wait)(struct bench *bench))
{
	char byte = 0;

	if (write(bench->pipe[1], &byte, 1) != 1)
		die("write");
	wait(bench);
	if (read(bench->pipe[0], &byte, 1) != 1)
		die("read");
}

static void wait_not_at_all(struct bench *bench)
{
	(void)bench;
}

/* As the loop does: one poll, then a look at every entry. */
static void wait_flat(struct bench *bench)
{
	size_t found = 0;

	if (poll(bench->flat, bench->idle + 1, -1) != 1)
		die("poll");
	for (size_t i = 0; i <= bench->idle; i++)
		found += bench->flat[i].revents != 0;
	if (found != 1)
		die("not one ready");
}

static void wait_nested(struct bench *bench)
{
	struct epoll_event ready[16];

	if (poll(bench->outer, OUTER, -1) != 1)
		die("poll");
	if (epoll_wait(bench->epoll_fd, ready, 16, 0) != 1)
		die("epoll_wait");
}

/* What a short-lived watch costs in the nested set and not in the array. */
static void leave_and_enter(struct bench *bench)
{
	int fd = bench->flat[0].fd;

	if (epoll_ctl(bench->epoll_fd, EPOLL_CTL_DEL, fd, NULL) == -1)
		die("epoll_ctl");
	enter(bench->epoll_fd, fd);
}

static double best_us(struct bench *bench, void (*wait)(struct bench *bench))
{
	size_t turns = 200000 / (bench->idle + 20);
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_us();
		double each;

		for (size_t i = 0; i < turns; i++)
			byte_there_and_back(bench, wait);
		each = (now_us() - start) / (double)turns;
		if (each < best)
			best = each;
	}
	return best;
}

int main(void)
{
	static const size_t counts[] = { 1,  2,  3,  4,  5,  6,   7,   8,   10,
					 12, 16, 24, 32, 64, 128, 256, 512, 1000 };
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };
	static struct bench bench;

	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)printf("   idle  poll us  nested us  poll/nested  leave+enter us\n");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		double base;
		double flat;
		double nested;
		double moves;

		bench_open(&bench, counts[i]);
		base = best_us(&bench, wait_not_at_all);
		flat = best_us(&bench, wait_flat) - base;
		nested = best_us(&bench, wait_nested) - base;
		moves = best_us(&bench, leave_and_enter) - base;
		(void)printf("%7zu  %7.2f  %9.2f  %11.2f  %14.2f\n", counts[i], flat,
			     nested, flat / nested, moves);
		bench_close(&bench);
	}
	return 0;
}
