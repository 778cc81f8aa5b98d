/* SPDX-License-Identifier: ISC */
/* The answer of an ident server (RFC 1413), which is whatever a stranger likes it to be.
 * Pure. */
#ifndef USHERD_GUARD_USERID_H
#define USHERD_GUARD_USERID_H

#include <stddef.h>
#include <stdint.h>

#define USERID_LINE_MAX  1024 /* of a reply, with its end */
#define USERID_TEXT_SIZE 128

enum userid_outcome {
	USERID_KNOWN = 0,
	USERID_NO_SERVER, /* nobody listens there */
	USERID_TIMEOUT,
	USERID_UNREADABLE, /* the connection broke, or was too much or too little said */
	USERID_BAD_RESPONSE,
	USERID_SYSTEM_ERROR,
};

/* xinetd's words, as in its NOID lines; "none" for USERID_KNOWN. */
const char *userid_word(enum userid_outcome outcome);

/*
 * The line @line of @length bytes, without its CRLF, as an answer about the connection
 * from @peer_port there to @local_port here. USERID_KNOWN with what follows "USERID :",
 * such as "UNIX : joe": the system and the user, in whatever bytes, cut to fit;
 * USERID_BAD_RESPONSE for anything else, "ERROR" included.
 */
enum userid_outcome userid_parse(const char *line, size_t length, uint16_t peer_port,
				 uint16_t local_port, char ret[USERID_TEXT_SIZE]);

#endif
