/* SPDX-License-Identifier: ISC */
/*
 * The clients of the benchmark: one process, one thread, epoll(7), every latency kept. A
 * mode is called with KEY=NUMBER arguments and writes one JSON object to its standard
 * output. Times are nanoseconds of CLOCK_MONOTONIC, in the output microseconds.
 */
#ifndef USHERD_BENCH_LOAD_H
#define USHERD_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE        "ping over the loopback\n"
#define LINE_LENGTH (sizeof(LINE) - 1)

/* What the runner may ask for; a key that a mode does not use does no harm. */
struct options {
	uint64_t port;
	uint64_t ports;       /* connections go round over that many, from port on; 1 */
	uint64_t concurrency; /* connections, sessions or sockets at once */
	uint64_t count; /* connections or listeners in all; 0: until the time is over */
	uint64_t milliseconds;
	uint64_t warm_ms;    /* at the start, left out of rates and latencies */
	uint64_t half_close; /* the client ends the session, not the server */
	uint64_t timeout_ms; /* after which a client or datagram is lost */
	uint64_t trace; /* standard error: a line per connection, start and first byte */
	uint64_t since; /* listening: the clock at exec */
};

/* A growing list of durations in ns. */
struct samples {
	uint64_t *values; /* owned */
	size_t count;
	size_t room;
};

/* Never returns: "what: error" on standard error, exit status 71. */
_Noreturn void die(const char *what);

uint64_t now_ns(void);

/* As many descriptors as the hard limit gives. */
void raise_descriptors(void);

void samples_add(struct samples *samples, uint64_t value);
/* Sorts; @part of 1 in microseconds, 0 if there are no samples. */
double samples_part_us(struct samples *samples, double part);

/*
 * A non-blocking socket of @type, bound to one of 64 loopback addresses in turn and
 * connecting to 127.0.0.1:@port. Sources change because a client that ends a session
 * itself leaves its pair of addresses in TIME_WAIT: 28,000 ports of one source would be
 * used up within a second. IP_BIND_ADDRESS_NO_PORT leaves the choice of the port to
 * connect(2), which knows that pair. -1 with errno on failure (of connect, too, but for
 * EINPROGRESS).
 */
int open_client(int type, uint16_t port);

/*
 * Closes without TIME_WAIT: a reset for a peer that has already closed, and was read to
 * its end, loses nothing.
 */
void close_at_once(int fd);

/* epoll_ctl() or die. */
void watch(int epoll_fd, int how, int fd, uint32_t events, uint64_t data);

/* The modes; each ends with a JSON object on standard output. */
void churn(const struct options *options);
void steady(const struct options *options);
void datagrams(const struct options *options);
void hold(const struct options *options);
void flood(const struct options *options);
void stream(const struct options *options);
void source(const struct options *options);
void listening(const struct options *options);

#endif
