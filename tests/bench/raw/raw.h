/* SPDX-License-Identifier: ISC */
/*
 * Servers that do one thing the fastest way known, without a configuration, limits,
 * access lists or a log: the bounds that usherd is measured against.
 */
#ifndef USHERD_BENCH_RAW_H
#define USHERD_BENCH_RAW_H

#include <stdbool.h>
#include <stdint.h>

#define RAW_BACKLOG 1024
#define NOBODY      65534

/* Never returns: "raw: what: error" on standard error, exit status 71. */
_Noreturn void die(const char *what);

/* A decimal number up to @max, or usage and exit status 64. */
unsigned raw_number(const char *text, unsigned max);

/* As many descriptors as the hard limit gives. */
void raise_descriptors(void);

/* A close-on-exec socket bound to 127.0.0.1:@port; one of SOCK_STREAM listens. */
int open_socket(int type, unsigned port);

int open_epoll(void);

/* EPOLL_CTL_ADD or die; the data of the event is @data. */
void watch(int epoll_fd, int fd, uint32_t events, uint64_t data);

/*
 * Groups, gid and uid of nobody by plain system calls: the C library's would tell other
 * threads, and in a child that shares its parent's memory the parent. 0, or -1.
 */
int become_nobody(void);

#endif
