/* SPDX-License-Identifier: ISC */
/* What runs, in words. Reads what others keep. */
#include "usherd/serve/roll.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "usherd/base/clock.h"
#include "usherd/base/text.h"

struct roll {
	char *buffer;
	size_t size;
	size_t length;
	bool full; /* an entry was left out: so are those that come after it */
};

const char *roll_time(int64_t wall_seconds, char buffer[ROLL_TIME_SIZE])
{
	time_t seconds = (time_t)wall_seconds;
	struct tm local = { 0 };

	(void)localtime_r(&seconds, &local);
	if (strftime(buffer, ROLL_TIME_SIZE, "%a %b %e %H:%M:%S %Y", &local) == 0)
		buffer[0] = '\0';
	return buffer;
}

const char *roll_entry(const struct serving *serving, char buffer[ROLL_ENTRY_SIZE])
{
	const struct post *post = serving->post;
	uint64_t now_ns = loop_now_ns(post->engine->loop);
	int64_t age_s = (int64_t)((now_ns - serving->started_ns) / CLOCK_NS_PER_SECOND);
	char started[ROLL_TIME_SIZE], peer[ADDR_TEXT_SIZE];
	struct text text;

	text_init(&text, buffer, ROLL_ENTRY_SIZE);
	text_addf(&text, "%s server\npid = %ld\nstart_time = %s\n", post->service->id,
		  (long)serving->pid, roll_time(clock_wall_seconds() - age_s, started));
	text_addf(&text, "Connection info:\n\tservice = %s\n\tremote_address = %s,%u\n\n",
		  post->service->name, addr_format_host(&serving->peer, peer),
		  (unsigned)addr_port(&serving->peer));
	return buffer;
}

static void add(struct roll *roll, const char *entry)
{
	size_t length = strlen(entry);

	if (roll->full || length > roll->size - roll->length) {
		roll->full = true;
		return;
	}
	memcpy(roll->buffer + roll->length, entry, length);
	roll->length += length;
}

static void add_program(void *data, const struct serving *serving)
{
	struct roll *roll = data;
	char entry[ROLL_ENTRY_SIZE];

	if (!roll->full)
		add(roll, roll_entry(serving, entry));
}

static void add_sessions(struct roll *roll, const struct post *post)
{
	const struct engine *engine = post->engine;
	uint64_t count;
	char entry[ROLL_ENTRY_SIZE];
	struct text text;

	if (post->internal == NULL || engine->sessions_of == NULL)
		return;
	count = engine->sessions_of(engine, post->service->id);
	if (count == 0)
		return;
	text_init(&text, entry, sizeof(entry));
	text_addf(&text, "%s server\nsessions = %" PRIu64 "\n\n", post->service->id,
		  count);
	add(roll, entry);
}

size_t roll_write(const struct engine *engine, char *buffer, size_t size)
{
	struct roll roll = { .buffer = buffer, .size = size };

	for (size_t i = 0; i < engine->post_count; i++)
		add_sessions(&roll, engine->posts[i]);
	serving_visit(engine, add_program, &roll);
	return roll.length;
}
