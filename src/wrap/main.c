/* SPDX-License-Identifier: ISC */
/*
 * usherd-libwrap DAEMON: started by usherd(8) for one client, with the connection as
 * standard input; or usherd-libwrap DAEMON CLIENT SERVER: for a datagram that came from
 * one address to the other. Writes one byte to descriptor 3 if hosts.allow and hosts.deny
 * let him in, and nothing otherwise; its exit status says nothing, as it may be that of a
 * command which has taken its place.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/wrap/hosts.h"

#define ANSWER_FD (STDERR_FILENO + 1)

static bool sender_is_allowed(char *const *words)
{
	struct addr client, server;

	return addr_parse_ip(words[1], 0, &client, NULL) == 0 &&
	       addr_parse_ip(words[2], 0, &server, NULL) == 0 &&
	       hosts_allow_sender(words[0], &client, &server);
}

int main(int argc, char *argv[])
{
	bool allowed;

	if ((argc != 2 && argc != 4) || fcntl(ANSWER_FD, F_SETFD, FD_CLOEXEC) == -1)
		return EX_USAGE;
	allowed = argc == 4 ? sender_is_allowed(argv + 1)
			    : hosts_allow(argv[1], STDIN_FILENO);
	if (allowed && write(ANSWER_FD, "+", 1) == 1)
		return EX_OK;
	return EX_NOPERM;
}
