/* SPDX-License-Identifier: ISC */
/* From a worker's plan to bytes and back. What a worker does with it is worker.c's. */
#include "usherd/serve/handover.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/pack.h"
#include "usherd/base/units.h"
#include "usherd/serve/billboard.h"
#include "usherd/serve/channel.h"
#include "usherd/serve/denials.h"
#include "usherd/serve/listening.h"
#include "usherd/serve/watching.h"

#define HANDOVER_MAGIC "usherd handover"

/* Structs travel as they are: their sizes tell most differences that a version number
 * left as it was does not. */
static uint64_t layout(void)
{
	return sizeof(struct endpoint) << 16 | tally_memory_size(1);
}

static void pack_descriptor(struct packer *packer, int fd)
{
	if (fd_set_cloexec(fd, false) < 0)
		packer->failed = true;
	pack_number(packer, (uint64_t)fd);
}

static void pack_ledger(struct packer *packer, const struct ledger *ledger)
{
	pack_descriptor(packer, ledger_fd(ledger));
	ledger_pack(ledger, packer);
}

/* What there may be, as a descriptor; -1: there is none. */
static void pack_optional(struct packer *packer, int fd)
{
	pack_number(packer, fd != -1);
	if (fd != -1)
		pack_descriptor(packer, fd);
}

static void pack_post(struct packer *packer, const struct post *post)
{
	size_t count = 0;

	for (size_t i = 0; i < post->listener_count; i++)
		count += listener_is_lent(post->listeners[i]);
	pack_text(packer, post->service->fingerprint);
	pack_optional(packer,
		      post->billboard != NULL ? billboard_fd(post->billboard) : -1);
	pack_number(packer, count);
	for (size_t i = 0; i < post->listener_count; i++) {
		const struct listener *listener = post->listeners[i];

		if (!listener_is_lent(listener))
			continue;
		pack_descriptor(packer, listener->fd);
		pack_bytes(packer, &listener->endpoint, sizeof(listener->endpoint));
	}
}

static void pack_plan(struct packer *packer, const struct worker_plan *plan, int channel)
{
	pack_text(packer, HANDOVER_MAGIC);
	pack_descriptor(packer, channel);
	pack_text(packer, USHERD_VERSION);
	pack_number(packer, layout());
	pack_optional(packer, plan->transfer);
	pack_number(packer, plan->root);
	pack_number(packer, plan->needs);
	pack_ledger(packer, plan->ledger);
	pack_number(packer, plan->slot);
	pack_optional(packer, plan->denials != NULL ? denials_fd(plan->denials) : -1);
	pack_number(packer, plan->predecessor_count);
	for (size_t i = 0; i < plan->predecessor_count; i++)
		pack_ledger(packer, plan->predecessors[i]);
	pack_number(packer, plan->post_count);
	for (size_t i = 0; i < plan->post_count; i++)
		pack_post(packer, plan->posts[i]);
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t count = write(fd, data, length);

		if (count == -1 && errno != EINTR)
			return -errno;
		if (count > 0) {
			data += count;
			length -= (size_t)count;
		}
	}
	return 0;
}

int handover_write(const struct worker_plan *plan, int channel, int *ret_fd)
{
	struct packer packer = { 0 };
	int fd = memfd_create("usherd-handover", 0);
	int r = fd == -1 ? -errno : 0;

	if (r == 0) {
		pack_plan(&packer, plan, channel);
		r = packer.failed ? -ENOMEM : write_all(fd, packer.data, packer.length);
	}
	packer_done(&packer);
	if (r < 0)
		fd_close(&fd);
	else
		*ret_fd = fd;
	return r;
}

/* One of ours that is really there; not one of the standard three. */
static int unpack_descriptor(struct unpacker *unpacker)
{
	int fd = (int)unpack_number(unpacker, INT32_MAX);

	if (fd > STDERR_FILENO && fd_set_cloexec(fd, true) == 0)
		return fd;
	unpacker->failed = true;
	return -1;
}

/* -1: there is none, or it has failed. */
static int unpack_optional(struct unpacker *unpacker)
{
	return unpack_number(unpacker, 1) != 0 ? unpack_descriptor(unpacker) : -1;
}

static int unpack_ledger(struct unpacker *unpacker, struct ledger **ret)
{
	int fd = unpack_descriptor(unpacker);

	return fd == -1 ? -EBADMSG : ledger_unpack(unpacker, fd, ret);
}

static void **make_array(struct unpacker *unpacker, size_t *ret_count)
{
	/* Each entry has at least a number. */
	size_t count = (size_t)unpack_number(unpacker, unpacker->left / sizeof(uint64_t));

	*ret_count = unpacker->failed ? 0 : count;
	return (void **)calloc(*ret_count + 1, sizeof(void *));
}

static int unpack_predecessors(struct unpacker *unpacker, struct handover *handover)
{
	size_t count;
	int r = 0;

	handover->predecessors = (struct ledger **)make_array(unpacker, &count);
	if (handover->predecessors == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++) {
		r = unpack_ledger(unpacker, &handover->predecessors[i]);
		handover->predecessor_count += r == 0;
	}
	return r;
}

static bool endpoint_is_valid(const struct endpoint *endpoint)
{
	return endpoint->transport <= TRANSPORT_UNIX_DGRAM &&
	       endpoint->addr.length <= sizeof(endpoint->addr.u) &&
	       memchr(endpoint->interface, '\0', sizeof(endpoint->interface)) != NULL;
}

static int unpack_listener(struct unpacker *unpacker, struct post *post)
{
	int fd = unpack_descriptor(unpacker);
	struct listener *listener;
	struct endpoint endpoint;

	unpack_bytes(unpacker, &endpoint, sizeof(endpoint));
	if (unpacker->failed || !endpoint_is_valid(&endpoint))
		return -EBADMSG;
	listener = listener_new(&endpoint);
	if (listener == NULL)
		return -ENOMEM;
	listener->fd = fd;
	post->listeners[post->listener_count++] = listener;
	return 0;
}

static int unpack_service(struct unpacker *unpacker, handover_recall *recall,
			  struct post *post, struct error *err)
{
	char *fingerprint = unpack_text(unpacker);
	int r = -EBADMSG;

	if (fingerprint != NULL)
		r = recall(fingerprint, &post->service, err);
	free(fingerprint);
	return r == 0 && post->service->internal == NULL ? -EBADMSG : r;
}

static int unpack_post(struct unpacker *unpacker, handover_recall *recall,
		       struct post *post, struct error *err)
{
	size_t count = 0;
	int r = unpack_service(unpacker, recall, post, err);
	int billboard = unpack_optional(unpacker);

	if (r == 0 && billboard != -1)
		r = billboard_open(billboard, &post->billboard);
	if (r < 0)
		return r;
	post->listeners = (struct listener **)make_array(unpacker, &count);
	if (post->listeners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++)
		r = unpack_listener(unpacker, post);
	return r;
}

static int unpack_posts(struct unpacker *unpacker, handover_recall *recall,
			struct handover *handover, struct error *err)
{
	size_t count;
	int r = 0;

	handover->posts = (struct post **)make_array(unpacker, &count);
	if (handover->posts == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++) {
		struct post *post = calloc(1, sizeof(*post));

		if (post == NULL)
			return -ENOMEM;
		handover->posts[handover->post_count++] = post;
		r = unpack_post(unpacker, recall, post, err);
	}
	/* Whose rights it is to take is said by its services. */
	return r == 0 && count == 0 ? -EBADMSG : r;
}

static bool unpack_word(struct unpacker *unpacker, const char *word)
{
	char *text = unpack_text(unpacker);
	bool same = text != NULL && strcmp(text, word) == 0;

	free(text);
	return same;
}

static int unpack_plan(struct unpacker *unpacker, handover_recall *recall,
		       struct handover *handover, struct error *err)
{
	int denied;
	int r;

	if (!unpack_word(unpacker, HANDOVER_MAGIC))
		return -EBADMSG;
	handover->channel = unpack_descriptor(unpacker);
	if (!unpack_word(unpacker, USHERD_VERSION) ||
	    unpack_number(unpacker, UINT64_MAX) != layout())
		return error_set(err, -EPROTO,
				 "usherd is another version than the worker's program: "
				 "it has to be restarted");
	handover->plan.transfer = unpack_optional(unpacker);
	handover->plan.root = unpack_number(unpacker, 1) != 0;
	handover->plan.needs = (unsigned)unpack_number(unpacker, UINT32_MAX);
	r = unpack_ledger(unpacker, &handover->ledger);
	if (r == 0)
		handover->plan.slot = (unsigned)unpack_number(
			unpacker, ledger_slots(handover->ledger) - 1);
	denied = r == 0 ? unpack_optional(unpacker) : -1;
	if (denied != -1)
		r = denials_open(denied, &handover->plan.denials);
	if (r == 0)
		r = unpack_predecessors(unpacker, handover);
	if (r == 0)
		r = unpack_posts(unpacker, recall, handover, err);
	return r == 0 && (unpacker->failed || unpacker->left > 0) ? -EBADMSG : r;
}

static void make_plan(struct handover *handover)
{
	struct worker_plan *plan = &handover->plan;

	assert(handover->posts != NULL && handover->post_count > 0);
	plan->credentials = &handover->posts[0]->service->program.credentials;
	plan->posts = handover->posts;
	plan->post_count = handover->post_count;
	plan->ledger = handover->ledger;
	plan->predecessors = (const struct ledger *const *)handover->predecessors;
	plan->predecessor_count = handover->predecessor_count;
}

int handover_read(int fd, handover_recall *recall, struct handover *ret,
		  struct error *err)
{
	struct handover handover = { .channel = -1 };
	struct unpacker unpacker;
	struct stat status;
	void *data;
	int r;

	ret->channel = -1;
	if (fstat(fd, &status) == -1)
		return error_set_errno(err, -errno, "handover");
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return error_set_errno(err, -errno, "handover");
	unpacker_init(&unpacker, data, (size_t)status.st_size);
	r = unpack_plan(&unpacker, recall, &handover, err);
	(void)munmap(data, (size_t)status.st_size);
	if (r == 0) {
		make_plan(&handover);
		*ret = handover;
		return 0;
	}
	ret->channel = handover.channel;
	handover_done(&handover);
	return err->text[0] != '\0' ? r : error_set_errno(err, r, "handover");
}

static void free_post(struct post *post)
{
	for (size_t i = 0; i < post->listener_count; i++)
		free(post->listeners[i]);
	free((void *)post->listeners);
	billboard_unref(post->billboard);
	service_unref(post->service);
	free(post);
}

void handover_done(struct handover *handover)
{
	for (size_t i = 0; i < handover->post_count; i++)
		free_post(handover->posts[i]);
	for (size_t i = 0; i < handover->predecessor_count; i++)
		ledger_free(handover->predecessors[i]);
	ledger_free(handover->ledger);
	denials_free(handover->plan.denials);
	free((void *)handover->posts);
	free((void *)handover->predecessors);
	*handover = (struct handover){ .channel = -1 };
}

/* By the channel, if that much could be read: standard error may lead nowhere. */
static int refuse(const char *name, int channel, const struct error *err)
{
	struct channel_reporter reporter;

	(void)fprintf(stderr, "%s: %s\n", name, err->text);
	if (channel == -1)
		return EX_PROTOCOL;
	channel_reporter_init(&reporter, channel);
	report_message(&reporter.reporter, LOG_LEVEL_ERROR, "%s: %s", name, err->text);
	return EX_PROTOCOL;
}

int handover_serve(int argc, char *const argv[], handover_recall *recall,
		   const struct internal *(*find_internal)(const char *name))
{
	struct error err = { 0 };
	struct handover handover;
	uint64_t fd;

	if (argc != 2 ||
	    units_parse_unsigned(argv[1], STDERR_FILENO + 1, INT32_MAX, &fd, NULL) < 0) {
		(void)fprintf(stderr,
			      "%s: only usherd(8) starts this, for its services\n",
			      argc > 0 ? argv[0] : "?");
		return EX_USAGE;
	}
	if (handover_read((int)fd, recall, &handover, &err) < 0)
		return refuse(argv[0], handover.channel, &err);
	handover.plan.find_internal = find_internal;
	worker_become(&handover.plan, handover.channel);
}
