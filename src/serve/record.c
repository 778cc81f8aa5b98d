/* SPDX-License-Identifier: ISC */
/* From what happened to an event. The line itself is log/event.c's. */
#include "usherd/serve/record.h"

#include "usherd/base/clock.h"

bool record_may_log(struct post *post, struct line_budget *budget, const char *what)
{
	struct engine *engine = post->engine;
	uint64_t now_ns = loop_now_ns(engine->loop);

	if (now_ns - budget->window_ns >= CLOCK_NS_PER_SECOND) {
		if (budget->suppressed > 0)
			report_message(engine->reporter, LOG_LEVEL_WARNING,
				       "service '%s': %u %s not logged",
				       post->service->id, budget->suppressed, what);
		*budget = (struct line_budget){ .window_ns = now_ns };
	}
	if (budget->written >= RECORD_LINES_PER_SECOND) {
		budget->suppressed++;
		return false;
	}
	budget->written++;
	return true;
}

static void emit(const struct post *post, struct event *event)
{
	if (post->service->log_type.kind == LOG_TYPE_NONE)
		return;
	(void)text_copy(event->service, sizeof(event->service), post->service->id);
	report_event(post->engine->reporter, event);
}

static void emit_start(const struct post *post, pid_t pid, const struct addr *peer)
{
	struct event event = { .kind = EVENT_START,
			       .fields = post->service->log_on_success,
			       .pid = pid,
			       .peer = *peer };

	if (event.fields != 0)
		emit(post, &event);
}

void record_start(const struct post *post, pid_t pid, const struct addr *peer)
{
	post->tally->counts.started++;
	emit_start(post, pid, peer);
}

void record_exit(const struct post *post, pid_t pid, int wait_status,
		 uint64_t duration_ns)
{
	struct event event = { .kind = EVENT_EXIT,
			       .fields = post->service->log_on_success,
			       .pid = pid,
			       .wait_status = wait_status,
			       .duration_s = duration_ns / CLOCK_NS_PER_SECOND };

	post->tally->counts.ended++;
	if ((event.fields & (EVENT_EXIT_STATUS | EVENT_DURATION)) != 0)
		emit(post, &event);
}

void record_traffic(const struct post *post, uint64_t bytes_in, uint64_t bytes_out)
{
	struct event event = { .kind = EVENT_BYTES,
			       .fields = post->service->log_on_success,
			       .bytes_in = bytes_in,
			       .bytes_out = bytes_out };

	post->tally->counts.bytes_in += bytes_in;
	post->tally->counts.bytes_out += bytes_out;
	if ((event.fields & EVENT_TRAFFIC) != 0)
		emit(post, &event);
}

void record_datagram(struct post *post, const struct addr *peer)
{
	post->tally->counts.datagrams++;
	if (record_may_log(post, &post->answers, "datagrams"))
		emit_start(post, post->engine->pid, peer);
}

static void emit_reason(struct post *post, struct event *event, const char *reason)
{
	if (!record_may_log(post, &post->notes, "notes"))
		return;
	(void)text_copy(event->reason, sizeof(event->reason), reason);
	emit(post, event);
}

void record_userid(struct post *post, const char *text)
{
	struct event event = { .kind = EVENT_USER };

	emit_reason(post, &event, text);
}

void record_no_userid(struct post *post, const char *reason, const struct addr *peer)
{
	struct event event = { .kind = EVENT_NOID, .peer = *peer };

	emit_reason(post, &event, reason);
}

void record_refusal(struct post *post, enum reason reason, const struct addr *peer)
{
	struct event event = { .kind = EVENT_FAIL,
			       .fields = post->service->log_on_failure,
			       .peer = *peer };

	post->tally->counts.refused[reason]++;
	if (event.fields == 0 || post->service->log_type.kind == LOG_TYPE_NONE ||
	    !record_may_log(post, &post->failures, "refusals"))
		return;
	(void)text_copy(event.reason, sizeof(event.reason), reason_word(reason));
	emit(post, &event);
}
