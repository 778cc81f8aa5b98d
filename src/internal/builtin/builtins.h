/* SPDX-License-Identifier: ISC */
/*
 * What the in-process services share among themselves and with internal.c, which lists
 * them. Nobody else includes this.
 */
#ifndef USHERD_INTERNAL_BUILTINS_H
#define USHERD_INTERNAL_BUILTINS_H

#include "usherd/internal/builtin.h"

extern const struct builtin builtins_chargen;
extern const struct builtin builtins_daytime;
extern const struct builtin builtins_discard;
extern const struct builtin builtins_echo;
extern const struct builtin builtins_qotd;
extern const struct builtin builtins_time;

/* Room for the text of a service that says one thing and ends. */
#define BUILTINS_TEXT_SIZE 512

/* The text for one moment: writes fewer than BUILTINS_TEXT_SIZE bytes, returns how
 * many; 0 if there is no text for that moment. */
typedef size_t builtins_render(const struct builtin_moment *moment,
			       uint8_t text[BUILTINS_TEXT_SIZE]);

/*
 * builtin.produce of such a service: the text of the moment of the first call, whole or
 * in pieces, then the end.
 */
size_t builtins_produce_text(uint64_t *position, uint8_t *buffer, size_t size,
			     const struct builtin_moment *moment,
			     builtins_render *render);

/*
 * builtin.answer of such a service: the text of the moment, cut to @limit bytes. -1 if
 * there is none or if @size has no room for it.
 */
ssize_t builtins_answer_text(size_t limit, uint8_t *reply, size_t size,
			     const struct builtin_moment *moment,
			     builtins_render *render);

#endif
