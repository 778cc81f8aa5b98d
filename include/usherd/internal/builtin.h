/* SPDX-License-Identifier: ISC */
/*
 * In-process services that are pure functions: bytes in, bytes out, no descriptor, no
 * clock of their own. session.c moves the bytes of streams, responder.c of datagrams.
 *
 *   echo RFC 862   discard RFC 863   chargen RFC 864   qotd RFC 865
 *   daytime RFC 867   time RFC 868
 */
#ifndef USHERD_INTERNAL_BUILTIN_H
#define USHERD_INTERNAL_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a stream session does with what the client sends. */
enum builtin_input {
	BUILTIN_INPUT_ECHO,    /* send it back, all of it, then end */
	BUILTIN_INPUT_DISCARD, /* read and forget until the client ends */
	BUILTIN_INPUT_IGNORE,  /* forget it; the end of the session is the output's end */
};

/* The moment an answer is made for: passed in, so that tests own the clock. */
struct builtin_moment {
	int64_t wall_seconds; /* since the epoch */
};

struct builtin {
	const char *name;
	enum builtin_input input;
	/*
	 * Streams: write the next bytes at *position (0 at the start of a session, kept
	 * by it) into @buffer and advance it. Returns how many; 0: that was all, close.
	 * The same position always gives the same bytes, in pieces of any size, so what
	 * a client did not take need not be kept. Only the call at position 0 looks at
	 * @moment. NULL: no output of its own.
	 */
	size_t (*produce)(uint64_t *position, uint8_t *buffer, size_t size,
			  const struct builtin_moment *moment);
	/*
	 * Datagrams: write the answer to @request into @reply. Returns its length, or -1
	 * for no answer, also where @size has no room for the whole of it. Never longer
	 * than the request, but for daytime and time whose answers are about 26 bytes
	 * (the name of the time zone decides) and 4 bytes whatever was asked.
	 */
	ssize_t (*answer)(const uint8_t *request, size_t length, uint8_t *reply,
			  size_t size, const struct builtin_moment *moment);
};

#endif
