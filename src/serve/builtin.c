/* SPDX-License-Identifier: ISC */
/*
 * The list of in-process services. What each of them says stands in builtin/, one file
 * per service; nothing here knows a protocol.
 */
#include <string.h>

#include "builtin/builtins.h"

static const struct builtin *const builtins[] = {
	&builtins_chargen, &builtins_daytime, &builtins_discard,
	&builtins_echo,    &builtins_qotd,    &builtins_time,
};

#define BUILTIN_COUNT (sizeof(builtins) / sizeof(builtins[0]))

const struct builtin *builtin_find(const char *name)
{
	for (size_t i = 0; i < BUILTIN_COUNT; i++) {
		if (strcmp(builtins[i]->name, name) == 0)
			return builtins[i];
	}
	return NULL;
}

bool builtin_exists(const char *name, bool stream)
{
	const struct builtin *builtin = builtin_find(name);

	if (builtin == NULL)
		return false;
	if (!stream)
		return builtin->answer != NULL;
	return builtin->input != BUILTIN_INPUT_IGNORE || builtin->produce != NULL;
}

const struct builtin *builtin_at(size_t index)
{
	return index < BUILTIN_COUNT ? builtins[index] : NULL;
}
