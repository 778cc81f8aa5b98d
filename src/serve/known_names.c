/* SPDX-License-Identifier: ISC */
/* One slot for each hash of service and address. */
#include "usherd/serve/known_names.h"

#include "usherd/base/hash.h"

static size_t place_of(const void *about, const struct prefix *peer)
{
	uint64_t hash = hash_add(HASH_START, &about, sizeof(about));

	return hash_add(hash, peer->bytes, sizeof(peer->bytes)) % KNOWN_NAMES_SLOTS;
}

void known_names_put(struct known_names *names, const void *about,
		     const struct addr *peer, bool welcome, uint64_t now_ns)
{
	struct known_name name = {
		.about = about,
		.until_ns = now_ns + (welcome ? KNOWN_NAMES_YES_NS : KNOWN_NAMES_NO_NS),
		.welcome = welcome,
	};

	if (prefix_of(peer, 32, 128, &name.peer))
		names->slots[place_of(about, &name.peer)] = name;
}

enum known_answer known_names_get(const struct known_names *names, const void *about,
				  const struct addr *peer, uint64_t now_ns)
{
	const struct known_name *name;
	struct prefix prefix;

	if (!prefix_of(peer, 32, 128, &prefix))
		return KNOWN_NOTHING;
	name = &names->slots[place_of(about, &prefix)];
	if (name->about != about || !prefix_equal(&name->peer, &prefix) ||
	    name->until_ns <= now_ns)
		return KNOWN_NOTHING;
	return name->welcome ? KNOWN_WELCOME : KNOWN_UNWELCOME;
}
