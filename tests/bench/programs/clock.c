/* SPDX-License-Identifier: ISC */
/* Takes one datagram from descriptor 0 and answers with the clock at its own start. */
#include <linux/time.h>
#include <linux/types.h>

#include "bare.h"

#define ADDRESS_SIZE 128 /* struct sockaddr_storage */

_Noreturn void program_start(void);

_Noreturn void program_start(void)
{
	char address[ADDRESS_SIZE];
	char buffer[512];
	int size = sizeof(address);
	long now[2] = { 0, 0 };
	__u64 clock;

	(void)call6(SYS_clock_gettime, CLOCK_MONOTONIC, (long)now, 0, 0, 0, 0);
	clock = (__u64)now[0] * 1000000000U + (__u64)now[1];
	if (call6(SYS_recvfrom, 0, (long)buffer, sizeof(buffer), 0, (long)address,
		  (long)&size) >= 0)
		(void)call6(SYS_sendto, 0, (long)&clock, sizeof(clock), 0, (long)address,
			    size);
	bare_exit(0);
}
