/* SPDX-License-Identifier: ISC */
/*
 * What the files of ident/ share: query.c has the form of RFC 1413, owner.c asks the
 * kernel who owns a connection, users.c has the names, ../ident.c the service.
 */
#ifndef USHERD_INTERNAL_IDENT_H
#define USHERD_INTERNAL_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "usherd/base/addr.h"

/* Ports of a connection: of ours first, then of who asks. 0 for one that is none. */
struct ident_ports {
	uint16_t local;
	uint16_t remote;
};

/*
 * "PORT , PORT" with blanks anywhere but inside. True if both are ports; if not, those of
 * *ret that can be shown in an answer are set. Pure.
 */
bool ident_parse(const char *text, size_t length, struct ident_ports *ret);

/* Room for any answer. */
#define IDENT_REPLY_SIZE 640

/* "6193, 23 : USERID : UNIX : name" and "6193, 23 : ERROR : NO-USER", with their CR LF.
 * @name: without NUL, CR, LF, at most 512 bytes. Pure. Return the length. */
size_t ident_reply_user(char reply[IDENT_REPLY_SIZE], const struct ident_ports *ports,
			const char *system, const char *name);
size_t ident_reply_error(char reply[IDENT_REPLY_SIZE], const struct ident_ports *ports,
			 const char *error);

/* The addresses that connections between a host and us can have. */
struct ident_hosts {
	sa_family_t family; /* AF_UNSPEC: no connection of theirs can be asked about */
	uint32_t local[4];  /* network order */
	uint32_t remote[4];
	uint32_t interface; /* of link-local addresses, or 0 */
};
struct ident_hosts ident_hosts_of(const struct addr *local, const struct addr *remote);

/*
 * sock_diag(7): who owns the sockets of this network namespace. Asking needs no right,
 * and is answered at once: nothing here blocks.
 */
struct ident_asker {
	int fd; /* owned; -1: cannot be asked */
	uint32_t sequence;
};
/* May load a module of the kernel. 0 or a negative errno; fd is -1 then. */
int ident_asker_open(struct ident_asker *asker);
void ident_asker_close(struct ident_asker *asker);

/* The user of our end of a connection that a process has. 0; -ENOENT if there is none; or
 * another negative errno. */
int ident_owner(struct ident_asker *asker, const struct ident_hosts *hosts,
		const struct ident_ports *ports, uid_t *ret);

/* User names by uid, as they were when it was read. */
struct ident_users {
	struct ident_user *users; /* owned, by uid */
	size_t count;
	char *names; /* owned */
	size_t names_size;
	bool cut; /* there were more than IDENT_USERS_MAX, or no memory for them */
};

#define IDENT_USERS_MAX     65536
#define IDENT_USER_NAME_MAX 256 /* bytes; RFC 1413 allows 512 */

/* All of getpwent(3); blocks. */
void ident_users_read(struct ident_users *users);
/* NULL if there is no name. */
const char *ident_users_find(const struct ident_users *users, uid_t uid);
void ident_users_done(struct ident_users *users);

#endif
