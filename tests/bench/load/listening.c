/* SPDX-License-Identifier: ISC */
/*
 * Waits until @count TCP sockets listen on ports from @port on, and says when: the clock.
 * A listener accepts from that moment on, as the kernel completes the handshakes.
 * sock_diag(7) tells which do; asked for ten thousand each time it would take the
 * server's time away, so /proc/net/sockstat says first whether there are enough of any.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

#define STATE_LISTEN 10 /* TCP_LISTEN of the kernel's tcp_states.h */
#define PAUSE_NS     200000

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

static uint64_t sockets_in_use(void)
{
	char text[1024];
	const char *at;
	FILE *file = fopen("/proc/net/sockstat", "re");
	size_t length;

	if (file == NULL)
		die("/proc/net/sockstat");
	length = fread(text, 1, sizeof(text) - 1, file);
	(void)fclose(file);
	text[length] = '\0';
	at = strstr(text, "TCP: inuse ");
	return at == NULL ? 0 : strtoull(at + strlen("TCP: inuse "), NULL, 10);
}

static void ask(int netlink, int family)
{
	struct request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = (uint8_t)family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1U << STATE_LISTEN },
	};

	if (send(netlink, &request, sizeof(request), 0) == -1)
		die("sock_diag");
}

/* False at the end of the answer. */
static bool count_in(char *buffer, size_t length, const struct options *options,
		     bool *seen)
{
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;

	for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		const struct inet_diag_msg *entry = NLMSG_DATA(header);
		uint64_t port;

		if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			return false;
		port = ntohs(entry->id.idiag_sport);
		if (port >= options->port && port < options->port + options->count)
			seen[port - options->port] = true;
	}
	return true;
}

static bool all_listen(int netlink, const struct options *options, bool *seen)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static char buffer[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	uint64_t found = 0;

	memset(seen, 0, options->count * sizeof(*seen));
	for (size_t i = 0; i < 2; i++) {
		ssize_t length;

		ask(netlink, families[i]);
		do {
			length = recv(netlink, buffer, sizeof(buffer), 0);
			if (length == -1)
				die("sock_diag answer");
		} while (count_in(buffer, (size_t)length, options, seen));
	}
	for (uint64_t i = 0; i < options->count; i++)
		found += seen[i];
	return found == options->count;
}

void listening(const struct options *options)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool *seen = calloc(options->count, sizeof(*seen));
	uint64_t before = sockets_in_use();
	uint64_t give_up = now_ns() + options->timeout_ms * 1000000;
	bool done = false;

	if (netlink == -1 || seen == NULL)
		die("listening");
	(void)printf("{\"waiting\": %llu}\n", (unsigned long long)options->count);
	(void)fflush(stdout);
	while (!done && now_ns() < give_up) {
		uint64_t now = now_ns();

		if (sockets_in_use() >= before + options->count)
			done = all_listen(netlink, options, seen);
		if (done)
			(void)printf("{\"clock\": %llu}\n", (unsigned long long)now);
		else
			(void)nanosleep(&pause, NULL);
	}
	if (!done)
		(void)printf("{\"clock\": 0}\n");
	free(seen);
}
