/* SPDX-License-Identifier: ISC */
/*
 * raw-wait root|nobody PORT PROGRAM: a UDP socket that is given to a program when there
 * is a datagram, and again when that has ended.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

static _Noreturn void become_program(char *program, int fd, bool nobody)
{
	char *const argv[] = { program, NULL };
	char *const environment[] = { NULL };

	for (int target = 0; target < 3; target++) {
		if (syscall(SYS_dup3, fd, target, 0) == -1)
			_exit(126);
	}
	if (!nobody || become_nobody() == 0)
		(void)syscall(SYS_execve, program, argv, environment);
	_exit(127);
}

int main(int argc, char **argv)
{
	struct pollfd entry = { .events = POLLIN };

	if (argc != 4) {
		(void)fprintf(stderr, "usage: raw-wait root|nobody PORT PROGRAM\n");
		return 64;
	}
	entry.fd = open_socket(SOCK_DGRAM, raw_number(argv[2], 65535));
	for (;;) {
		pid_t pid;

		if (poll(&entry, 1, -1) != 1)
			die("poll");
		pid = vfork();
		if (pid == 0)
			become_program(argv[3], entry.fd, strcmp(argv[1], "nobody") == 0);
		if (pid == -1 || waitpid(pid, NULL, 0) != pid)
			die("child");
	}
}
