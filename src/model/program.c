/* SPDX-License-Identifier: ISC */
/*
 * What a program and its credentials own. Names were resolved before; starting the
 * program is exec's.
 */
#include "usherd/model/program.h"

#include <stdlib.h>

void credentials_done(struct credentials *credentials)
{
	free(credentials->groups);
	*credentials = (struct credentials){ 0 };
}

bool credentials_equal(const struct credentials *a, const struct credentials *b)
{
	if (a->change != b->change)
		return false;
	if (!a->change)
		return true; /* the ids are then those of the daemon */
	if (a->uid != b->uid || a->gid != b->gid || a->group_count != b->group_count)
		return false;
	for (size_t i = 0; i < a->group_count; i++)
		if (a->groups[i] != b->groups[i])
			return false;
	return true;
}

void program_done(struct program *program)
{
	free(program->path);
	strings_done(&program->argv);
	strings_done(&program->env);
	strings_done(&program->passenv);
	credentials_done(&program->credentials);
	free(program->chroot);
	free(program->directory);
	*program = (struct program){ 0 };
}
