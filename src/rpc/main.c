/* SPDX-License-Identifier: ISC */
/*
 * usherd-rpc: tells rpcbind(8) what its standard input says, see order.h, and ends.
 * Started by usherd(8). The first failure is told on standard error, in one line.
 */
#include <cap-ng.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/rpc/order.h"
#include "usherd/rpc/perform.h"

/* rpcbind is on this machine: one that does not answer by then is not well. */
#define LIFE_SECONDS 20

#define LINE_SIZE    256

/* Of root's rights a port below 1024 is all that a registration may need. */
static int give_up_rights(void)
{
	const struct rlimit none = { 0, 0 };
	bool keep;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1)
		return -1;
#ifndef USHERD_COVERAGE /* it writes its counters at the end */
	if (setrlimit(RLIMIT_FSIZE, &none) == -1)
		return -1;
#endif
	if (geteuid() != 0)
		return 0;
	/* In some containers it is not there to be kept. */
	keep = capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_PERMITTED, CAP_NET_BIND_SERVICE) != 0;
	capng_clear(CAPNG_SELECT_CAPS);
	if (keep && capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				 CAP_NET_BIND_SERVICE) != 0)
		return -1;
	return capng_apply(CAPNG_SELECT_CAPS);
}

/* An order that rpcbind refuses does not keep the others back; no rpcbind does. */
static int perform_all(FILE *in, struct error *first)
{
	char line[LINE_SIZE];
	int result = 0;

	while (fgets(line, sizeof(line), in) != NULL) {
		struct order order;
		struct error err = { 0 };
		int r = order_parse(line, &order, &err);

		if (r == 0)
			r = order_perform(&order, &err);
		if (r < 0 && result == 0) {
			result = r;
			*first = err;
		}
		if (r == -ECONNREFUSED)
			break;
	}
	return result;
}

int main(void)
{
	struct error err = { 0 };

	/* usherd tells everybody to end when it stops; what it has ordered counts. */
	(void)signal(SIGTERM, SIG_IGN);
	(void)alarm(LIFE_SECONDS);
	if (give_up_rights() != 0) {
		(void)fprintf(stderr, "cannot give up rights\n");
		return EX_NOPERM;
	}
	if (perform_all(stdin, &err) == 0)
		return EX_OK;
	(void)fprintf(stderr, "%s\n", err.text);
	return EX_UNAVAILABLE;
}
