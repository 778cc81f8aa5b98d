/* SPDX-License-Identifier: ISC */
/*
 * Bytes of a stranger into lines: pure, bounded, in pieces of any size.
 *
 * A line ends with LF or CR LF. With telnet it also ends with CR NUL or a lone CR, and
 * the commands of RFC 854 are taken out: a client that asks for an option is to be
 * refused, everything else (Interrupt, subnegotiations, ...) is passed over.
 */
#ifndef USHERD_INTERNAL_LINE_INPUT_H
#define USHERD_INTERNAL_LINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 854, what an answer to a request for an option is made of. */
#define TELNET_WILL 251
#define TELNET_WONT 252
#define TELNET_DO   253
#define TELNET_DONT 254
#define TELNET_IAC  255

/* What is known of the line that has not ended yet. All zero is fresh. */
struct line_input {
	size_t length; /* of its text so far */
	bool cut; /* there was more than the text has room for: it has been dropped */
	uint8_t state; /* private */
	uint8_t verb;  /* with LINE_INPUT_OPTION: the refusal, TELNET_WONT or TELNET_DONT
			*/
	uint8_t option;
};

/* Where the text goes: the same bytes in every call until the line has ended. */
struct line_form {
	char *text;
	size_t room; /* bytes of text */
	bool telnet;
};

/* What is waiting to be taken. */
struct line_source {
	const uint8_t *data;
	size_t size;
};

enum line_input_event {
	LINE_INPUT_MORE,   /* all has been taken, the line goes on */
	LINE_INPUT_LINE,   /* text[0..length) is a line; line_input_next() is due */
	LINE_INPUT_OPTION, /* telnet: see verb and option */
};

/* Take from @source, which is advanced, up to the next event. */
enum line_input_event line_input_take(struct line_input *input,
				      const struct line_form *form,
				      struct line_source *source);

/* The line has been dealt with: begin the next. */
void line_input_next(struct line_input *input);

#endif
