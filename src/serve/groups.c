/* SPDX-License-Identifier: ISC */
/* Sorting posts into groups. Who serves a group is workers.c's affair. */
#include "usherd/serve/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/hash.h"
#include "usherd/serve/catalogue.h"
#include "usherd/serve/inquiry.h"
#include "usherd/serve/ledger.h"
#include "usherd/serve/mux.h"
#include "usherd/serve/watching.h"

/* By a socket, or by name through another service. */
static bool can_be_reached(const struct post *post)
{
	if (service_is_multiplexed(post->service))
		return true;
	if (inquiry_concerns(post->service))
		return post->listener_count > 0;
	for (size_t i = 0; i < post->listener_count; i++)
		if (listener_is_lent(post->listeners[i]))
			return true;
	return false;
}

static uint64_t sign_post(uint64_t hash, const struct post *post)
{
	const char *fingerprint = post->service->fingerprint;

	hash = hash_add(hash, fingerprint, strlen(fingerprint) + 1);
	for (size_t i = 0; i < post->listener_count; i++)
		if (listener_is_lent(post->listeners[i]))
			hash = hash_add(hash, &post->listeners[i]->serial,
					sizeof(post->listeners[i]->serial));
	return hash;
}

static bool same_program(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Something of its clients is in the memory of one process: of all, or of those whose
 * datagrams are flows. */
static bool is_for_one_worker(const struct post *post)
{
	if (post->internal->one_worker)
		return true;
	for (size_t i = 0; post->internal->open_flow != NULL && i < post->listener_count;
	     i++)
		if (!transport_is_stream(post->listeners[i]->endpoint.transport))
			return true;
	return false;
}

static struct group *find_group(const struct group_list *list,
				const struct credentials *credentials,
				const struct internal *internal, unsigned workers)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->groups[i].needs == internal->needs &&
		    list->groups[i].workers == workers &&
		    same_program(list->groups[i].executable, internal->executable) &&
		    credentials_equal(list->groups[i].credentials, credentials))
			return &list->groups[i];
	return NULL;
}

static uint64_t hash_owner(const struct credentials *credentials,
			   const struct internal *internal, bool apart)
{
	const char *executable = internal->executable != NULL ? internal->executable : "";
	uint64_t hash = hash_add(HASH_START, &internal->needs, sizeof(internal->needs));

	hash = hash_add(hash, executable, strlen(executable) + 1);
	hash = hash_add(hash, &apart, sizeof(apart));
	hash = hash_add(hash, &credentials->change, sizeof(credentials->change));
	hash = hash_add(hash, &credentials->uid, sizeof(credentials->uid));
	hash = hash_add(hash, &credentials->gid, sizeof(credentials->gid));
	return hash_add(hash, credentials->groups,
			credentials->group_count * sizeof(*credentials->groups));
}

/* Each worker has to know the ports of all, who gives clients away those who can be given
 * some, and who lists services all of them. */
static uint64_t sign_surroundings(const struct group_list *list,
				  const struct engine *engine, unsigned needs)
{
	uint64_t hash = hash_add(HASH_START, &list->ports, sizeof(list->ports));

	if ((needs & INTERNAL_HANDS_OVER) != 0)
		hash = mux_sign(engine, hash);
	return (needs & INTERNAL_LISTS) != 0 ? catalogue_sign(engine, hash) : hash;
}

/* NULL when out of memory. */
static struct group *new_group(struct group_list *list, const struct post *post,
			       size_t most, unsigned workers)
{
	const struct credentials *credentials = &post->service->program.credentials;
	bool apart = workers < post->engine->workers;
	struct post **posts = (struct post **)calloc(most, sizeof(struct post *));
	struct group *group;

	if (posts == NULL)
		return NULL;
	group = &list->groups[list->count++];
	group->credentials = credentials;
	group->needs = post->internal->needs;
	group->executable = post->internal->executable;
	group->workers = workers;
	group->owner = hash_owner(credentials, post->internal, apart);
	group->transfer = (group->needs & INTERNAL_HANDS_OVER) != 0;
	group->signature = sign_surroundings(list, post->engine, group->needs);
	group->signature = hash_add(group->signature, &workers, sizeof(workers));
	group->posts = posts;
	return group;
}

static int add_to_group(struct group_list *list, struct post *post, size_t most)
{
	unsigned workers = is_for_one_worker(post) ? 1 : post->engine->workers;
	struct group *group = find_group(list, &post->service->program.credentials,
					 post->internal, workers);

	if (group == NULL)
		group = new_group(list, post, most, workers);
	if (group == NULL)
		return -ENOMEM;
	group->posts[group->count++] = post;
	if (service_is_multiplexed(post->service) || inquiry_concerns(post->service))
		group->transfer = true;
	group->signature = sign_post(group->signature, post);
	return 0;
}

static void collect_ports(const struct engine *engine, struct responder_ports *ports)
{
	for (size_t i = 0; i < engine->post_count; i++) {
		const struct post *post = engine->posts[i];

		for (size_t j = 0; post->internal != NULL && j < post->listener_count;
		     j++)
			if (post->listeners[j]->endpoint.transport == TRANSPORT_UDP)
				responder_ports_add(
					ports, addr_port(&post->listeners[j]->local));
	}
}

int groups_make(const struct engine *engine, struct group_list *ret)
{
	/* Room for one group per post: the most there can be. */
	size_t most = engine->post_count;
	struct group_list list = { .groups = calloc(most + 1, sizeof(struct group)) };

	if (list.groups == NULL)
		return -ENOMEM;
	collect_ports(engine, &list.ports);
	for (size_t i = 0; i < most; i++) {
		struct post *post = engine->posts[i];

		if (post->internal == NULL || !can_be_reached(post))
			continue;
		if (add_to_group(&list, post, most) < 0) {
			groups_done(&list);
			return -ENOMEM;
		}
	}
	*ret = list;
	return 0;
}

void groups_done(struct group_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((void *)list->groups[i].posts);
	free(list->groups);
	list->groups = NULL;
	list->count = 0;
}

int group_ledger(const struct group *group, struct ledger **ret)
{
	struct service **services =
		(struct service **)calloc(group->count, sizeof(struct service *));
	int r;

	if (services == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < group->count; i++)
		services[i] = group->posts[i]->service;
	r = ledger_new(services, group->count, group->workers, ret);
	free((void *)services);
	return r;
}
