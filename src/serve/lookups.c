/* SPDX-License-Identifier: ISC */
/* Which service is looked up when. The looking up itself is lookup.c's. */
#include "usherd/serve/lookups.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "usherd/base/fd.h"
#include "usherd/serve/lookup.h"
#include "usherd/serve/post.h"
#include "usherd/serve/retarget.h"

struct lookups {
	struct engine *engine;
	struct workers *workers;
	struct timer timer; /* armed while a service has something to be looked up */
	struct lookup *all; /* those that are going on */
	size_t running;
	bool root;
};

/* One that is going on. */
struct lookup {
	struct child child; /* first: a child leads back here */
	struct lookup *prev, *next;
	struct lookups *lookups; /* NULL when they have gone */
	struct post *post;       /* counted */
	struct timer timer;
	struct target_list targets; /* owned; what was asked */
	int fd;                     /* owned; the answers */
};

bool lookups_is_due(const struct lookups_state *state, const struct lookups_case *now,
		    uint64_t now_ns)
{
	uint64_t since_ns = now_ns - state->asked_ns;
	bool in_use = now->active > 0 || now->admitted != state->admitted;

	if (state->running)
		return false;
	if (state->wanted && now->names)
		return true;
	if (now->unknown || now->unreached != state->unreached)
		return since_ns >= LOOKUPS_FAILING_NS;
	return now->names && in_use && since_ns >= LOOKUPS_IN_USE_NS;
}

static bool is_absolute(const struct target *target)
{
	return target_is_path(target) && target->text[0] == '/';
}

/* Is there anything to look up: a name, or a directory of which a worker without a root
 * has only a descriptor? */
static bool has_questions(const struct lookups *lookups, const struct post *post,
			  struct lookups_case *ret)
{
	bool paths = false;

	for (size_t i = 0; i < post->targets.count; i++) {
		const struct target *target = &post->targets.items[i];

		if (target->name != NULL) {
			ret->names = true;
			ret->unknown = ret->unknown || target->at.count == 0;
		} else if (is_absolute(target)) {
			paths = lookups->root;
		}
	}
	return ret->names || paths;
}

static void complain(struct post *post, const char *what, const char *why)
{
	report_throttled(post->engine->reporter, &post->trouble,
			 loop_now_ns(post->engine->loop), LOG_LEVEL_WARNING,
			 "service '%s': looking up '%s' failed: %s", post->service->id,
			 what, why);
}

static bool same_hosts(const struct host *a, const struct host *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!addr_equal(&a->addresses[i], &b->addresses[i]))
			return false;
	return true;
}

/* A reload may have changed the service meanwhile: then the answers are to other
 * questions. */
static bool same_questions(const struct target_list *a, const struct target_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].text, b->items[i].text) != 0)
			return false;
	return true;
}

/* Take what is new. Returns true if anything is. */
static bool take_answer(struct lookup *lookup, struct lookup_answers *answers, size_t i)
{
	struct target *target = &lookup->post->targets.items[i];
	bool asked =
		target->name != NULL || (is_absolute(target) && lookup->lookups->root);

	if (!asked)
		return false;
	if (!answers->items[i].answered || answers->items[i].code < 0) {
		complain(lookup->post, target->text,
			 answers->items[i].answered ? answers->items[i].why
						    : "no answer");
		return false;
	}
	if (target->name == NULL)
		return answers->items[i].directory != -1;
	if (same_hosts(&target->at, &answers->items[i].host))
		return false;
	target->at = answers->items[i].host;
	return true;
}

static void take_answers(struct lookup *lookup)
{
	struct post *post = lookup->post;
	struct lookup_answers answers;
	int directories[TARGETS_MAX];
	size_t count = 0;
	bool changed = false;

	if (!same_questions(&lookup->targets, &post->targets))
		return;
	lookup_read(lookup->fd, &lookup->targets, &answers);
	for (size_t i = 0; i < post->targets.count; i++) {
		changed = take_answer(lookup, &answers, i) || changed;
		if (is_absolute(&post->targets.items[i]))
			directories[count++] = answers.items[i].directory;
	}
	if (changed || post->lookup.unsent)
		post->lookup.unsent =
			!retarget_send(lookup->lookups->workers, post->service->id,
				       &post->targets, directories, count);
	lookup_answers_done(&answers);
}

static void lookup_free(struct lookup *lookup)
{
	loop_timer_cancel(&lookup->timer);
	fd_close(&lookup->fd);
	target_list_done(&lookup->targets);
	post_unref(lookup->post);
	free(lookup);
}

static void lookup_ended(struct child *child, int wait_status, uint64_t now_ns)
{
	struct lookup *lookup = (struct lookup *)child;

	(void)now_ns;
	lookup->post->lookup.running = false;
	if (lookup->lookups != NULL && wait_status != CHILD_FORGOTTEN) {
		lookup->lookups->running--;
		DL_DELETE(lookup->lookups->all, lookup);
		take_answers(lookup);
	}
	lookup_free(lookup);
}

/* What it has said until now counts. */
static void patience_over(struct timer *timer)
{
	struct lookup *lookup = timer->data;

	(void)kill(lookup->child.pid, SIGKILL);
}

static int start(struct lookups *lookups, struct lookup *lookup)
{
	struct engine *engine = lookups->engine;
	struct lookup_plan plan = {
		.targets = &lookup->targets,
		.credentials = &lookup->post->service->program.credentials,
		.root = lookups->root,
	};
	int r = target_list_copy(&lookup->post->targets, &lookup->targets);

	if (r == 0)
		r = loop_timer_set(engine->loop, &lookup->timer,
				   loop_now_ns(engine->loop) + LOOKUPS_PATIENCE_NS);
	if (engine->before_fork != NULL)
		engine->before_fork(engine);
	if (r == 0)
		r = lookup_fork(&plan, &lookup->fd, &lookup->child.pid);
	if (r < 0)
		return r;
	r = children_add(engine->children, &lookup->child);
	if (r < 0)
		(void)kill(lookup->child.pid, SIGKILL);
	return r;
}

static void begin(struct lookups *lookups, struct post *post)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	int r;

	if (lookup == NULL) {
		complain(post, post->targets.items[0].text, strerror(ENOMEM));
		return;
	}
	lookup->fd = -1;
	lookup->lookups = lookups;
	lookup->post = post_ref(post);
	lookup->child.ended = lookup_ended;
	lookup->timer.fired = patience_over;
	lookup->timer.data = lookup;
	r = start(lookups, lookup);
	if (r < 0) {
		complain(post, post->targets.items[0].text, strerror(-r));
		lookup_free(lookup);
		return;
	}
	lookups->running++;
	DL_APPEND(lookups->all, lookup);
	post->lookup.running = true;
}

static void look_at(struct lookups *lookups, struct post *post, struct lookups_case *now)
{
	uint64_t now_ns = loop_now_ns(lookups->engine->loop);
	struct retarget_counts counts =
		retarget_count(lookups->workers, post->service->id);

	now->active = counts.active;
	now->admitted = counts.admitted;
	now->unreached = counts.unreached;
	if (lookups->running >= LOOKUPS_MAX ||
	    !lookups_is_due(&post->lookup, now, now_ns))
		return;
	post->lookup.asked_ns = now_ns;
	post->lookup.admitted = counts.admitted;
	post->lookup.unreached = counts.unreached;
	post->lookup.wanted = false;
	begin(lookups, post);
}

/* Every few seconds, and not at all while nothing needs it. */
static void timer_fired(struct timer *timer)
{
	struct lookups *lookups = timer->data;
	struct engine *engine = lookups->engine;
	bool any = false;

	for (size_t i = 0; i < engine->post_count; i++) {
		struct lookups_case now = { 0 };

		if (!has_questions(lookups, engine->posts[i], &now))
			continue;
		any = true;
		look_at(lookups, engine->posts[i], &now);
	}
	if (any)
		(void)loop_timer_set(engine->loop, timer,
				     loop_now_ns(engine->loop) + LOOKUPS_FAILING_NS);
}

int lookups_new(struct engine *engine, struct workers *workers, bool root,
		struct lookups **ret)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));

	if (lookups == NULL)
		return -ENOMEM;
	lookups->engine = engine;
	lookups->workers = workers;
	lookups->root = root;
	lookups->timer.fired = timer_fired;
	lookups->timer.data = lookups;
	*ret = lookups;
	return 0;
}

void lookups_free(struct lookups *lookups)
{
	struct lookup *lookup;

	if (lookups == NULL)
		return;
	loop_timer_cancel(&lookups->timer);
	DL_FOREACH(lookups->all, lookup)
		lookup->lookups = NULL;
	free(lookups);
}

void lookups_refresh(struct lookups *lookups)
{
	struct engine *engine = lookups->engine;
	uint64_t now_ns = loop_now_ns(engine->loop);

	for (size_t i = 0; i < engine->post_count; i++) {
		struct lookups_state *state = &engine->posts[i]->lookup;

		/* One that is new has been looked up with its configuration. */
		state->wanted = state->asked_ns != 0;
		if (state->asked_ns == 0)
			state->asked_ns = now_ns;
	}
	(void)loop_timer_set(engine->loop, &lookups->timer, now_ns);
}
