/* SPDX-License-Identifier: ISC */
/*
 * What has become of a start, and ending it where nothing does. From its step uid on a
 * child can be stopped by any process of that uid, and a file system that hangs can hold
 * it in any step that takes a path; nobody waits for it here.
 */
#include "exec_internal.h"

#include <string.h>
#include <sys/wait.h>

#include "usherd/base/clock.h"

/* Most starts have an end before it is worth a system call to see how their child is. */
#define LOOK_AFTER_NS (5 * CLOCK_NS_PER_MS)
#define DEADLINE_NS   (SPAWN_DEADLINE_MS * CLOCK_NS_PER_MS)
#define GRACE_NS      CLOCK_NS_PER_SECOND /* after SIGKILL */

#define NO_STATUS     (-1)

static void put_an_end_to(struct attempt *attempt, int why, uint64_t now_ns)
{
	attempt->killed = why;
	attempt->killed_ns = now_ns;
	(void)kill(attempt->pid, SIGKILL);
}

static void watch_over(struct attempt *attempt, uint64_t now_ns)
{
	enum child_state state = child_look(attempt->pid);

	/* What happens to it after the exec is no longer our concern. */
	if (state == CHILD_GONE || slot_is_left(attempt->slot)) {
		slots_release(attempt->slots, attempt->slot);
	} else if (attempt->killed != 0) {
		attempt->remains = now_ns - attempt->killed_ns >= GRACE_NS;
		if (attempt->remains)
			slots_forsake(attempt->slots, attempt->slot);
	} else if (state == CHILD_STOPPED) {
		put_an_end_to(attempt, -EINTR, now_ns);
	} else if (now_ns - attempt->began_ns >= DEADLINE_NS) {
		put_an_end_to(attempt, -ETIMEDOUT, now_ns);
	}
}

/* What the step itself has reported goes before what became of the child after it. */
static int describe(const struct attempt *attempt, int wait_status, struct error *err)
{
	const char *name = exec_steps[attempt->step].name;
	const char *meaning = steps_explain(attempt->step, attempt->error);

	if (meaning != NULL)
		return error_set(err, attempt->error, "step %s: %s (%s)", name,
				 strerror(-attempt->error), meaning);
	if (attempt->error != 0)
		return error_set_errno(err, attempt->error, "step %s", name);
	if (attempt->killed == -ETIMEDOUT)
		return error_set(err, -ETIMEDOUT, "step %s: not done within %d ms%s",
				 name, SPAWN_DEADLINE_MS,
				 attempt->remains ? " and cannot be killed" : "");
	if (attempt->killed != 0)
		return error_set(err, attempt->killed, "step %s: stopped by a signal",
				 name);
	if (wait_status == NO_STATUS || !WIFSIGNALED(wait_status))
		return error_set(err, -EINTR, "step %s: killed by a signal", name);
	return error_set(err, -EINTR, "step %s: killed by signal %d", name,
			 WTERMSIG(wait_status));
}

static bool has_failed(const struct attempt *attempt)
{
	return attempt->error != 0 || attempt->killed != 0;
}

static bool has_started(const struct attempt *attempt)
{
	/* Or was killed in the very exec: the same to a reaper. */
	return !has_failed(attempt) && attempt->step == exec_step_count - 1;
}

enum spawn_state spawn_look(struct attempt *attempt, struct error *err)
{
	uint64_t now_ns;

	if (attempt->slot != NULL && slot_is_left(attempt->slot))
		slots_release(attempt->slots, attempt->slot);
	now_ns = clock_monotonic_ns();
	if (attempt->slot != NULL && now_ns - attempt->began_ns >= LOOK_AFTER_NS)
		watch_over(attempt, now_ns);
	if (attempt->slot != NULL)
		return SPAWN_UNDER_WAY;
	if (has_started(attempt))
		return SPAWN_RUNS;
	/* Killed on its way: its reaper will hear by which signal. */
	if (!has_failed(attempt) && now_ns - attempt->began_ns < DEADLINE_NS)
		return SPAWN_UNDER_WAY;
	(void)describe(attempt, NO_STATUS, err);
	return SPAWN_FAILED;
}

enum spawn_state spawn_reaped(struct attempt *attempt, int wait_status, struct error *err)
{
	if (attempt->slot != NULL)
		slots_release(attempt->slots, attempt->slot);
	if (has_started(attempt))
		return SPAWN_RUNS;
	(void)describe(attempt, wait_status, err);
	return SPAWN_FAILED;
}

void spawn_abandon(struct attempt *attempt)
{
	if (attempt->slot != NULL)
		slots_forsake(attempt->slots, attempt->slot);
}
