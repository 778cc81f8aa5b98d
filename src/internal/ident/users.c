/* SPDX-License-Identifier: ISC */
/* A copy of the user database, for a process that can no longer read it. */
#include <ctype.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "ident.h"

struct ident_user {
	uid_t uid;
	uint32_t at; /* its name, in names */
};

/* RFC 1413: anything but NUL, CR, LF; no terminal should suffer from it, either. */
static bool is_presentable(const char *name)
{
	size_t length = strnlen(name, IDENT_USER_NAME_MAX + 1);

	if (length < 1 || length > IDENT_USER_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (iscntrl((unsigned char)name[i]))
			return false;
	return true;
}

/* Room for one more, doubling. */
static bool reserve(struct ident_users *users, size_t *user_room, size_t *name_room,
		    size_t length)
{
	if (users->count == *user_room) {
		size_t room = *user_room > 0 ? *user_room * 2 : 64;
		struct ident_user *more = reallocarray(users->users, room, sizeof(*more));

		if (more == NULL)
			return false;
		users->users = more;
		*user_room = room;
	}
	if (users->names_size + length > *name_room) {
		size_t room = (users->names_size + length) * 2;
		char *more = realloc(users->names, room);

		if (more == NULL)
			return false;
		users->names = more;
		*name_room = room;
	}
	return true;
}

/* Of several names for a uid the first in the database counts, as with getpwuid(3). */
static int compare(const void *a, const void *b)
{
	const struct ident_user *left = a;
	const struct ident_user *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return (left->at > right->at) - (left->at < right->at);
}

void ident_users_read(struct ident_users *users)
{
	size_t user_room = 0, name_room = 0;
	const struct passwd *entry;

	*users = (struct ident_users){ 0 };
	setpwent();
	while (!users->cut && (entry = getpwent()) != NULL) {
		size_t length = strlen(entry->pw_name) + 1;

		if (!is_presentable(entry->pw_name))
			continue;
		if (users->count == IDENT_USERS_MAX ||
		    !reserve(users, &user_room, &name_room, length)) {
			users->cut = true;
			break;
		}
		users->users[users->count++] =
			(struct ident_user){ .uid = entry->pw_uid,
					     .at = (uint32_t)users->names_size };
		memcpy(users->names + users->names_size, entry->pw_name, length);
		users->names_size += length;
	}
	endpwent();
	if (users->count > 0)
		qsort(users->users, users->count, sizeof(*users->users), compare);
}

const char *ident_users_find(const struct ident_users *users, uid_t uid)
{
	size_t low = 0, high = users->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users->users[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == users->count || users->users[low].uid != uid)
		return NULL;
	return users->names + users->users[low].at;
}

void ident_users_done(struct ident_users *users)
{
	free(users->users);
	free(users->names);
	*users = (struct ident_users){ 0 };
}
