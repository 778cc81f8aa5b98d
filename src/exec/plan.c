/* SPDX-License-Identifier: ISC */
/*
 * A program with everything allocated that its starts need. The environment is
 * environment.c's, the start itself spawn.c's.
 */
#include "usherd/exec/plan.h"

#include <stdlib.h>

#include "exec_internal.h"

int plan_new(struct service *service, struct environment *environment,
	     enum technique technique, struct plan **ret, struct error *err)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	plan->references = 1;
	plan->service = service_ref(service);
	plan->technique = technique;
	plan->bare[0] = service->program.path;
	if (environment_for(environment, &service->program, &plan->environment) != 0) {
		plan_unref(plan);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret = plan;
	return 0;
}

struct plan *plan_ref(struct plan *plan)
{
	plan->references++;
	return plan;
}

void plan_unref(struct plan *plan)
{
	if (plan == NULL || --plan->references > 0)
		return;
	environment_unref(plan->environment);
	service_unref(plan->service);
	free(plan);
}

size_t plan_environment_size(const struct plan *plan)
{
	return environment_size(plan->environment);
}

char *const *plan_environment(const struct plan *plan,
			      const struct invocation *invocation, void *room)
{
	return environment_fill(plan->environment, invocation, room);
}

char *const *plan_arguments(const struct plan *plan)
{
	const struct strings *argv = &plan->service->program.argv;

	/* An empty argv would be a surprise to any program, execve(2) "BUGS". */
	return argv->count == 0 ? plan->bare : argv->items;
}

const struct program *plan_program(const struct plan *plan)
{
	return &plan->service->program;
}

enum technique plan_technique(const struct plan *plan)
{
	return plan->technique;
}
