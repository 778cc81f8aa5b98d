/* SPDX-License-Identifier: ISC */
/*
 * raw-start vfork|clone root|nobody plain|parked PORT PORTS PROGRAM [FULL_PORT PLACES]
 *
 * A program per connection, on PORTS ports from PORT on. FULL_PORT is that of a service
 * with all its places taken, whose other clients cost the server nothing: the first
 * PLACES are answered and kept, then the kernel refuses.
 *
 * vfork: the server stands still until the child has called execve(2). clone: CLONE_VM
 * without CLONE_VFORK; server and child run at once in one memory, each child on a stack
 * of its own, which the kernel declares free by clearing the thread id in its slot when
 * the child leaves the memory (CLONE_CHILD_CLEARTID).
 *
 * parked: a child gets a copy of the descriptor table, and a copy of ten thousand entries
 * costs more than everything else. So the listeners stay in the table of the main thread,
 * which sleeps; a second thread serves from a small table of its own and fetches the
 * listener that is ready with pidfd_getfd(2), Linux 5.6.
 */
#include <errno.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

#define BATCH      64
#define SLOTS      256
#define STACK_SIZE 16384
#define REAP_MS    100 /* at the latest, when nobody comes */

struct slot {
	_Alignas(64) char stack[STACK_SIZE];
	_Atomic pid_t tid; /* 0: free */
	int connection;
	const struct server *server;
};

struct server {
	bool nobody;
	bool parked;
	int epoll_fd;
	int self; /* pidfd */
	int first_listener;
	int full; /* -1: none */
	unsigned places;
	char *program;
	void (*start)(const struct server *server, int connection);
};

static _Noreturn void become_program(const struct server *server, int connection)
{
	char *const argv[] = { server->program, NULL };
	char *const environment[] = { NULL };

	for (int fd = 0; fd < 3; fd++) {
		if (syscall(SYS_dup3, connection, fd, 0) == -1)
			_exit(126);
	}
	if (!server->nobody || become_nobody() == 0)
		(void)syscall(SYS_execve, server->program, argv, environment);
	_exit(127);
}

static void start_vfork(const struct server *server, int connection)
{
	pid_t pid = vfork();

	if (pid == 0)
		become_program(server, connection);
	if (pid == -1)
		die("vfork");
}

static int slot_main(void *argument)
{
	const struct slot *slot = argument;

	become_program(slot->server, slot->connection);
}

static struct slot *free_slot(void)
{
	static struct slot slots[SLOTS];
	static unsigned turn;

	for (;;) {
		for (unsigned i = 0; i < SLOTS; i++) {
			struct slot *slot = &slots[turn++ % SLOTS];

			if (atomic_load_explicit(&slot->tid, memory_order_acquire) == 0)
				return slot;
		}
		(void)sched_yield();
	}
}

static void start_clone(const struct server *server, int connection)
{
	const int flags = CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID | SIGCHLD;
	struct slot *slot = free_slot();

	slot->connection = connection;
	slot->server = server;
	if (clone(slot_main, slot->stack + STACK_SIZE, flags, slot, &slot->tid, NULL,
		  &slot->tid) == -1)
		die("clone");
}

static void serve(const struct server *server, int listener)
{
	int fd = listener;
	int connection;

	if (server->parked)
		fd = (int)syscall(SYS_pidfd_getfd, server->self, listener, 0);
	if (fd == -1)
		die("pidfd_getfd");
	connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	if (connection != -1) {
		server->start(server, connection);
		(void)close(connection);
	}
	if (server->parked)
		(void)close(fd);
}

/* One that went away again without a word has had no place. */
static void serve_full(struct server *server)
{
	char line[256];
	int connection = accept4(server->full, NULL, NULL, SOCK_CLOEXEC);
	ssize_t length = connection == -1 ? -1 : read(connection, line, sizeof(line));

	if (length <= 0 ||
	    send(connection, line, (size_t)length, MSG_NOSIGNAL) != length) {
		if (connection != -1)
			(void)close(connection);
		return;
	}
	if (--server->places > 0)
		return;
	(void)epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, server->full, NULL);
	(void)shutdown(server->full, SHUT_RDWR);
}

static void *loop(void *argument)
{
	struct server *server = argument;
	struct epoll_event events[BATCH];

	if (server->parked &&
	    close_range((unsigned)server->first_listener, ~0U, CLOSE_RANGE_UNSHARE) == -1)
		die("close_range");
	for (;;) {
		int count = epoll_wait(server->epoll_fd, events, BATCH, REAP_MS);

		for (int i = 0; i < count; i++) {
			int listener = (int)events[i].data.u64;

			if (listener == server->full)
				serve_full(server);
			else
				serve(server, listener);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	return NULL;
}

static void open_listeners(struct server *server, unsigned port, unsigned ports)
{
	for (unsigned i = 0; i < ports; i++) {
		int fd = open_socket(SOCK_STREAM, port + i);

		if (i == 0)
			server->first_listener = fd;
		watch(server->epoll_fd, fd, EPOLLIN, (uint64_t)fd);
	}
}

int main(int argc, char **argv)
{
	struct server server = { .start = start_vfork, .full = -1 };
	pthread_t thread;

	if (argc != 7 && argc != 9) {
		(void)fprintf(stderr, "usage: raw-start vfork|clone root|nobody "
				      "plain|parked PORT PORTS PROGRAM "
				      "[FULL_PORT PLACES]\n");
		return 64;
	}
	if (strcmp(argv[1], "clone") == 0)
		server.start = start_clone;
	server.nobody = strcmp(argv[2], "nobody") == 0;
	server.parked = strcmp(argv[3], "parked") == 0;
	server.program = argv[6];
	raise_descriptors();
	server.epoll_fd = open_epoll();
	server.self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (argc == 9) {
		server.full = open_socket(SOCK_STREAM, raw_number(argv[7], 65535));
		server.places = raw_number(argv[8], 65535);
		watch(server.epoll_fd, server.full, EPOLLIN, (uint64_t)server.full);
	}
	open_listeners(&server, raw_number(argv[4], 65535), raw_number(argv[5], 60000));
	if (!server.parked)
		(void)loop(&server);
	if (pthread_create(&thread, NULL, loop, &server) != 0)
		die("pthread_create");
	for (;;)
		(void)pause();
}
