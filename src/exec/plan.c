/* SPDX-License-Identifier: ISC */
/*
 * A program with everything allocated that its starts need. The environment is
 * environment.c's, the start itself spawn.c's.
 */
#include "usherd/exec/plan.h"

#include <stdlib.h>

#include "exec_internal.h"

struct plan {
	const struct program *program; /* borrowed */
	struct environment environment;
	char *bare[2]; /* the path alone, for a program without an argv */
};

int plan_new(const struct program *program, char *const *environment, struct plan **ret,
	     struct error *err)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	plan->program = program;
	plan->bare[0] = program->path;
	if (environment_init(&plan->environment, program, environment) != 0) {
		plan_free(plan);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret = plan;
	return 0;
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	environment_done(&plan->environment);
	free(plan);
}

char *const *plan_environment(struct plan *plan, const struct invocation *invocation)
{
	environment_fill(&plan->environment, invocation);
	return plan->environment.items;
}

char *const *plan_arguments(const struct plan *plan)
{
	/* An empty argv would be a surprise to any program, execve(2) "BUGS". */
	return plan->program->argv.count == 0 ? plan->bare : plan->program->argv.items;
}

const struct program *plan_program(const struct plan *plan)
{
	return plan->program;
}
