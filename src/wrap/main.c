/* SPDX-License-Identifier: ISC */
/*
 * usherd-libwrap DAEMON: started by usherd(8) for one client, with the connection as
 * standard input. Writes one byte to descriptor 3 if hosts.allow and hosts.deny let him
 * in, and nothing otherwise; its exit status says nothing, as it may be that of a command
 * which has taken its place.
 */
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/wrap/hosts.h"

#define ANSWER_FD (STDERR_FILENO + 1)

int main(int argc, char *argv[])
{
	if (argc != 2 || fcntl(ANSWER_FD, F_SETFD, FD_CLOEXEC) == -1)
		return EX_USAGE;
	if (hosts_allow(argv[1], STDIN_FILENO) && write(ANSWER_FD, "+", 1) == 1)
		return EX_OK;
	return EX_NOPERM;
}
