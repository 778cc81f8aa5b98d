/* SPDX-License-Identifier: ISC */
/* What runs, as text: programs one by one, in the form of xinetd's dump, and how many
 * sessions in-process services have. */
#ifndef USHERD_SERVE_ROLL_H
#define USHERD_SERVE_ROLL_H

#include <stddef.h>
#include <stdint.h>

#include "usherd/serve/serving.h"

/* As ctime(3), without its newline. Returns @buffer. */
#define ROLL_TIME_SIZE 64
const char *roll_time(int64_t wall_seconds, char buffer[ROLL_TIME_SIZE]);

/* For one entry, all that may be in it. */
#define ROLL_ENTRY_SIZE 1024

/* One program: several lines, and an empty one. Returns @buffer. */
const char *roll_entry(const struct serving *serving, char buffer[ROLL_ENTRY_SIZE]);

/* In the supervisor: all of it, as many whole entries as fit into @size bytes. Returns
 * how many bytes that are; there is no NUL. */
size_t roll_write(const struct engine *engine, char *buffer, size_t size);

#endif
