/* SPDX-License-Identifier: ISC */
/*
 * From a diff to posts on duty. The listeners of removed and replaced services go into a
 * pool; new and replaced services take from it what fits; what is left is closed before
 * anything new is bound.
 */
#include "usherd/serve/roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/fd.h"
#include "usherd/net/listener.h"
#include "usherd/serve/berth.h"
#include "usherd/serve/billboards.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/mooring.h"
#include "usherd/serve/post.h"
#include "usherd/serve/screening.h"

/* What one ADD or REPLACE brings. */
struct entry {
	enum change_kind kind;
	struct post *post;           /* on duty already: REPLACE, REMOVE; else NULL */
	struct post *fresh;          /* owned: ADD, REPLACE */
	struct listener **listeners; /* owned, one per endpoint of the new service */
	size_t count;
};

struct pooled {
	struct listener *listener;
	char name[ENDPOINT_TEXT_SIZE];
	uint64_t chosen_for; /* of the endpoint; then its name has no port */
};

struct roster_change {
	struct entry *entries; /* owned */
	size_t count;
	struct pooled *pool; /* owned, sorted by name */
	size_t pool_count;
	struct listener **detached; /* owned, scratch of the pool's size */
};

static void entry_done(struct entry *entry)
{
	for (size_t i = 0; i < entry->count; i++)
		listener_free(entry->listeners[i]);
	free((void *)entry->listeners);
	post_unref(entry->fresh);
}

void roster_abandon(struct roster_change *change)
{
	if (change == NULL)
		return;
	for (size_t i = 0; i < change->count; i++)
		entry_done(&change->entries[i]);
	free(change->entries);
	free(change->pool);
	free((void *)change->detached);
	free(change);
}

static int make_listeners(struct entry *entry, const struct service *service)
{
	size_t room = service->endpoint_count > 0 ? service->endpoint_count : 1;

	entry->listeners = (struct listener **)calloc(room, sizeof(struct listener *));
	if (entry->listeners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < service->endpoint_count; i++) {
		entry->listeners[i] = listener_new(&service->endpoints[i]);
		if (entry->listeners[i] == NULL)
			return -ENOMEM;
		entry->count++;
	}
	return 0;
}

static int make_entry(struct engine *engine, const struct change *change,
		      struct entry *entry, struct error *err)
{
	int r;

	entry->kind = change->kind;
	if (change->kind == CHANGE_KEEP)
		return 0;
	if (change->before != NULL)
		entry->post = engine_find(engine, change->before->id);
	if (change->kind == CHANGE_REMOVE)
		return 0;
	r = post_new(engine, change->after, &entry->fresh, err);
	if (r < 0)
		return r;
	r = make_listeners(entry, change->after);
	if (r == 0)
		r = post_reserve(entry->post != NULL ? entry->post : entry->fresh,
				 entry->count);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}

static int make_pool(struct roster_change *change)
{
	size_t room = 1;

	for (size_t i = 0; i < change->count; i++)
		if (change->entries[i].post != NULL)
			room += change->entries[i].post->listener_count;
	change->pool = calloc(room, sizeof(*change->pool));
	change->detached = (struct listener **)calloc(room, sizeof(struct listener *));
	return change->pool == NULL || change->detached == NULL ? -ENOMEM : 0;
}

int roster_prepare(struct engine *engine, const struct diff *diff,
		   struct roster_change **ret, struct error *err)
{
	struct roster_change *change = calloc(1, sizeof(*change));
	int r = 0;

	if (change == NULL)
		return error_set(err, -ENOMEM, "out of memory");
	change->entries = calloc(diff->count + 1, sizeof(*change->entries));
	if (change->entries == NULL) {
		free(change);
		return error_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; r == 0 && i < diff->count; i++) {
		change->count++;
		r = make_entry(engine, &diff->changes[i], &change->entries[i], err);
	}
	if (r == 0 && (make_pool(change) < 0 ||
		       engine_reserve(engine, diff->totals[CHANGE_ADD]) < 0))
		r = error_set(err, -ENOMEM, "out of memory");
	if (r < 0) {
		roster_abandon(change);
		return r;
	}
	*ret = change;
	return 0;
}

static int compare_pooled(const void *a, const void *b)
{
	const struct pooled *left = a;
	const struct pooled *right = b;

	if (left->chosen_for != right->chosen_for)
		return left->chosen_for < right->chosen_for ? -1 : 1;
	return strcmp(left->name, right->name);
}

static void name_pooled(struct pooled *pooled, const struct endpoint *endpoint)
{
	struct endpoint named = *endpoint;

	pooled->chosen_for = named.chosen_for;
	if (named.chosen_for != 0)
		addr_set_port(&named.addr, 0);
	(void)endpoint_format(&named, pooled->name);
}

static void fill_pool(struct engine *engine, struct roster_change *change)
{
	for (size_t i = 0; i < change->count; i++) {
		struct entry *entry = &change->entries[i];
		size_t count;

		if (entry->post == NULL)
			continue;
		count = post_detach_all(entry->post, change->detached);
		for (size_t j = 0; j < count; j++) {
			struct pooled *pooled = &change->pool[change->pool_count++];

			pooled->listener = change->detached[j];
			name_pooled(pooled, &pooled->listener->endpoint);
		}
		if (entry->kind == CHANGE_REMOVE)
			engine_dismiss(engine, entry->post);
	}
	qsort(change->pool, change->pool_count, sizeof(*change->pool), compare_pooled);
}

/* An open socket for @endpoint, taken out of the pool; NULL if there is none. */
static struct listener *pool_take(struct roster_change *change,
				  const struct endpoint *endpoint)
{
	struct pooled wanted = { .listener = NULL };
	struct pooled *found;
	struct listener *listener;

	name_pooled(&wanted, endpoint);
	found = bsearch(&wanted, change->pool, change->pool_count, sizeof(wanted),
			compare_pooled);
	if (found == NULL || found->listener == NULL ||
	    !listener_is_bound(found->listener) ||
	    !endpoint_same_socket(&found->listener->endpoint, endpoint))
		return NULL;
	listener = found->listener;
	found->listener = NULL;
	return listener;
}

/* The socket stays, with the port it has. */
static void take_over(struct listener *listener, const struct endpoint *endpoint)
{
	uint16_t port = (uint16_t)addr_port(&listener->endpoint.addr);

	listener->endpoint = *endpoint;
	if (endpoint->chosen_for != 0)
		addr_set_port(&listener->endpoint.addr, port);
}

/* Replace the entry's new listeners by open ones where there are any. */
static void use_pool(struct roster_change *change, struct entry *entry)
{
	if (change->pool_count == 0)
		return;
	for (size_t i = 0; i < entry->count; i++) {
		struct listener *listener =
			pool_take(change, &entry->listeners[i]->endpoint);

		if (listener == NULL)
			continue;
		take_over(listener, &entry->listeners[i]->endpoint);
		listener_free(entry->listeners[i]);
		entry->listeners[i] = listener;
	}
}

static void adjust(struct listener *listener)
{
	struct error err = { 0 };
	int r;

	if (!screening_renew(listener))
		return;
	/* Its service may have been resting; a program that has it is not disturbed. */
	if (listener->holder == NULL)
		listener_reopen(listener);
	r = listener_hold(listener);
	if (r < 0) {
		(void)error_set_errno(&err, r, "cannot adjust its socket");
	} else {
		r = listener_adjust(listener->fd, &listener->endpoint, &err);
		/* Programs decide for themselves; a worker sets it again. */
		listener_keep_alive(listener->fd, &listener->endpoint, 0);
		listener_release(listener);
	}
	if (r < 0)
		report_message(listener->engine->reporter, LOG_LEVEL_ERROR,
			       "service '%s': %s", listener->post->service->id, err.text);
}

static void inherit(struct listener *listener, struct inherited *inherited)
{
	struct engine *engine = listener->post->engine;
	struct error err = { 0 };

	for (size_t i = 0; i < inherited->count; i++) {
		int fd = inherited->fds[i];

		if (fd == -1 || !listener_matches(fd, &listener->endpoint))
			continue;
		if (screening_adopt(listener, fd, &err) < 0) {
			report_message(engine->reporter, LOG_LEVEL_ERROR,
				       "service '%s': inherited socket: %s",
				       listener->post->service->id, err.text);
			continue;
		}
		inherited->fds[i] = -1;
		listener->adopted = true;
		listener_take(listener, fd);
		return;
	}
}

static struct post *put_on_duty(struct engine *engine, struct entry *entry)
{
	struct post *post = entry->post;

	if (post == NULL) {
		post = entry->fresh;
		engine_enlist(engine, post);
	} else {
		post_replace(post, entry->fresh);
	}
	entry->fresh = NULL;
	for (size_t i = 0; i < entry->count; i++)
		post_attach(post, entry->listeners[i]);
	entry->count = 0;
	return post;
}

static void open_listeners(struct post *post, struct inherited *inherited)
{
	for (size_t i = 0; i < post->listener_count; i++) {
		struct listener *listener = post->listeners[i];

		if (listener_is_bound(listener))
			adjust(listener);
		else if (inherited != NULL)
			inherit(listener, inherited);
		listener_activate(listener);
	}
}

static void close_pool(struct engine *engine, struct roster_change *change)
{
	for (size_t i = 0; i < change->pool_count; i++)
		listener_free(change->pool[i].listener);
	/* The next to bind may want the same port. */
	if (engine->parking != NULL && change->pool_count > 0)
		parking_settle(engine->parking);
}

/* What could not be bound for good may be mended now: why else would one reload? */
static void try_unbound(struct engine *engine)
{
	for (size_t i = 0; i < engine->post_count; i++) {
		const struct post *post = engine->posts[i];

		for (size_t j = 0; j < post->listener_count; j++)
			if (!listener_is_bound(post->listeners[j]) &&
			    !loop_timer_is_armed(&post->listeners[j]->timer))
				listener_activate(post->listeners[j]);
	}
}

void roster_each_removed(const struct roster_change *change,
			 void (*removed)(void *data, struct post *post), void *data)
{
	for (size_t i = 0; i < change->count; i++)
		if (change->entries[i].kind == CHANGE_REMOVE &&
		    change->entries[i].post != NULL)
			removed(data, change->entries[i].post);
}

void roster_commit(struct engine *engine, struct roster_change *change,
		   struct inherited *inherited)
{
	fill_pool(engine, change);
	for (size_t i = 0; i < change->count; i++)
		use_pool(change, &change->entries[i]);
	close_pool(engine, change);
	try_unbound(engine);
	for (size_t i = 0; i < change->count; i++) {
		struct entry *entry = &change->entries[i];

		if (entry->fresh != NULL)
			open_listeners(put_on_duty(engine, entry), inherited);
	}
	listeners_moor_rest(engine);
	roster_abandon(change);
	/* Before a worker is asked for them. */
	billboards_tend(engine);
	if (engine->internal_changed != NULL)
		engine->internal_changed(engine);
}

size_t roster_listeners(const struct engine *engine, size_t *ret_bound)
{
	size_t all = 0;
	size_t bound = 0;

	for (size_t i = 0; i < engine->post_count; i++) {
		const struct post *post = engine->posts[i];

		all += post->listener_count;
		for (size_t j = 0; j < post->listener_count; j++)
			bound += listener_is_bound(post->listeners[j]);
	}
	*ret_bound = bound;
	return all;
}
