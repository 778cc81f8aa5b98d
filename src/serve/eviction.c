/* SPDX-License-Identifier: ISC */
/* Programs are found by way of the child table: there are no lists of them by service,
 * which every start and every end would have to keep. */
#include "usherd/serve/eviction.h"

#include <signal.h>

#include "usherd/serve/serving.h"

struct search {
	const struct post *post;                       /* its programs, or: */
	bool (*wanted)(const struct service *service); /* of all of these */
	uint64_t overdue_ns; /* or: of posts whose time was up then */
	int signo;
};

static bool is_meant(const struct search *search, const struct post *post)
{
	if (search->post != NULL)
		return post == search->post;
	if (search->wanted != NULL)
		return search->wanted(post->service);
	return post->kill_at_ns != 0 && post->kill_at_ns <= search->overdue_ns;
}

/* A program of a service that has changed may belong to a post that is another's now. */
static void visit(void *data, const struct serving *serving)
{
	const struct search *search = data;

	if (is_meant(search, serving->post))
		child_signal(&serving->child, search->signo);
}

struct agenda {
	uint64_t now_ns;
	uint64_t next_ns; /* 0: nothing is left to do */
};

static void note_next(void *data, const struct serving *serving)
{
	struct agenda *agenda = data;
	uint64_t at_ns = serving->post->kill_at_ns;

	/* What has been killed just now is still there. */
	if (at_ns > agenda->now_ns && (agenda->next_ns == 0 || at_ns < agenda->next_ns))
		agenda->next_ns = at_ns;
}

static void time_is_up(struct timer *timer)
{
	struct eviction *eviction = timer->data;
	struct engine *engine = eviction->engine;
	struct agenda agenda = { .now_ns = loop_now_ns(engine->loop) };
	struct search search = { .overdue_ns = agenda.now_ns, .signo = SIGKILL };

	serving_visit(engine, visit, &search);
	serving_visit(engine, note_next, &agenda);
	if (agenda.next_ns == 0 ||
	    loop_timer_set(engine->loop, timer, agenda.next_ns) == 0)
		return;
	/* As below. */
	search.overdue_ns = UINT64_MAX;
	serving_visit(engine, visit, &search);
}

void eviction_init(struct eviction *eviction, struct engine *engine)
{
	*eviction = (struct eviction){ .engine = engine };
	eviction->timer.fired = time_is_up;
	eviction->timer.data = eviction;
}

void eviction_done(struct eviction *eviction)
{
	loop_timer_cancel(&eviction->timer);
}

void eviction_of(struct eviction *eviction, struct post *post, uint64_t grace_ns)
{
	struct engine *engine = eviction->engine;
	struct timer *timer = &eviction->timer;
	struct search search = { .post = post, .signo = SIGTERM };

	post->kill_at_ns = loop_now_ns(engine->loop) + grace_ns;
	/* Without memory for a timer there is no grace. */
	if ((!loop_timer_is_armed(timer) || timer->deadline_ns > post->kill_at_ns) &&
	    loop_timer_set(engine->loop, timer, post->kill_at_ns) < 0)
		search.signo = SIGKILL;
	serving_visit(engine, visit, &search);
}

void eviction_signal(const struct engine *engine,
		     bool (*wanted)(const struct service *service), int signo)
{
	struct search search = { .wanted = wanted, .signo = signo };

	serving_visit(engine, visit, &search);
}
