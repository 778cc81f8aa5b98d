/* SPDX-License-Identifier: ISC */
/* What the parts of the inetd reader share: reader_inetd.c follows the lines,
 * inetd_words.c cuts them into words, inetd_pairs.c reads NetBSD's `key = value` entries,
 * inetd_names.c and inetd_fields.c understand what the fields say, inetd_service.c makes
 * stanzas of that, inetd_draft.c is what these three have in common. */
#ifndef USHERD_INETD_INTERNAL_H
#define USHERD_INETD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "usherd/conf/reader_inetd.h"

#define INETD_BLANKS " \t"

struct inetd_reading {
	char *at;        /* in the text, the line after the present one */
	unsigned number; /* of the present line */
	const char *file;
	char *address; /* owned; what the last `ADDRESS:` line said, or NULL */
	struct inetd_includer *includer;
	struct stanzas *stanzas;
	struct diagnostics *diagnostics;
};

/* The words of one entry, whichever its form. All borrowed; NULL: not given. */
struct inetd_entry {
	unsigned line;
	bool off;
	const char *name; /* as written: with address, versions and all */
	const char *bind; /* of its own key */
	const char *socket_type;
	char *protocol;
	const char *wait;       /* with whatever limits are written behind it */
	const char *per_minute; /* starts of the service */
	const char *per_source_per_minute;
	char *user; /* with group and class */
	const char *group;
	const char *program;
	struct strings arguments; /* owned; argv[0] is the first */
	char *buffers;            /* what follows the comma of the protocol */
};

/* An entry becoming a stanza. */
struct inetd_draft {
	struct inetd_reading *reading;
	const struct inetd_entry *entry;
	struct stanza *stanza;
	int result; /* 0 or -ENOMEM: then nothing more is added */
};

enum inetd_base {
	INETD_TCP,
	INETD_UDP,
	INETD_UNIX,
	INETD_OTHER, /* as it is written */
};

enum inetd_family {
	INETD_ANY, /* a socket for each, unless another line has IPv6 alone */
	INETD_IPV4,
	INETD_IPV6,
	INETD_BOTH, /* one socket for both */
};

struct inetd_protocol {
	enum inetd_base base;
	enum inetd_family family;
	bool rpc;
};

/* Parts of the first field; all borrowed but the address. */
struct inetd_name {
	char *address;    /* owned; NULL: the one that holds for the lines here */
	const char *word; /* name, port or path */
};

/*
 * Cut the next word off *cursor, in place. Quotes at its begin are taken off; with
 * @pairs they are anywhere in it, a backslash in them means something, and a word also
 * ends at one of ",;#=". *ret_stop: the byte that ended it (NUL, a blank, newline, ...),
 * which *cursor is past, unless it is NUL. False: a quote is not closed on its line.
 */
bool inetd_take_word(char **cursor, bool pairs, char **ret_word, char *ret_stop);

/* Does an entry begin on this line of text? Looks at two words, modifies nothing. */
bool inetd_begins_pairs(const char *line);
bool inetd_begins_entry(const char *line);

/* To the line after @at, or NULL past the last. */
char *inetd_skip_line(char *at);

void inetd_complain(struct inetd_reading *reading, enum severity severity, unsigned line,
		    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* `NAME on|off KEY = VALUE..., ... ;` at the begin of a line. 0 or -ENOMEM. */
int inetd_read_pairs(struct inetd_reading *reading, char *line);

/* Make a stanza of what the entry says. 0 or -ENOMEM. */
int inetd_add_entry(struct inetd_reading *reading, struct inetd_entry *entry);

/* Of an entry in the making. */
void inetd_give(struct inetd_draft *draft, const char *name, const char *value);
void inetd_warn(struct inetd_draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void inetd_refuse(struct inetd_draft *draft, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* inetd_names.c: title, name or port, addresses or path. 0 or -ENOMEM. */
int inetd_add_inet(struct inetd_draft *draft, const struct inetd_protocol *protocol);
int inetd_add_unix(struct inetd_draft *draft);
/* [@address:]@name/@protocol, or what fits of it; NULL when out of memory. */
char *inetd_make_title(const char *address, const char *name, const char *protocol);

/* Fields. Each complains itself; false: it is not understood. */
bool inetd_parse_protocol(struct inetd_draft *draft, struct inetd_protocol *ret);
void inetd_add_socket_type(struct inetd_draft *draft);
void inetd_add_wait(struct inetd_draft *draft);
void inetd_add_user(struct inetd_draft *draft);

#endif
