/* SPDX-License-Identifier: ISC */
/* A service on several addresses has each of its ports in the text once. */
#include "usherd/serve/catalogue.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/base/hash.h"
#include "usherd/serve/duty.h"

#define PORTS_SIZE ((UINT16_MAX + 1) / CHAR_BIT)

/* The ports of one service that are in the text, a bit each, for streams and datagrams.
 */
struct seen {
	uint8_t ports[2][PORTS_SIZE];
};

/* True the first time. */
static bool see(struct seen *seen, const struct endpoint *endpoint)
{
	unsigned port = addr_port(&endpoint->addr);
	uint8_t *byte =
		&seen->ports[transport_is_stream(endpoint->transport)][port / CHAR_BIT];
	uint8_t bit = (uint8_t)(1U << port % CHAR_BIT);
	bool first = (*byte & bit) == 0;

	*byte |= bit;
	return first;
}

static void write_endpoint(const struct service *service, const struct endpoint *endpoint,
			   FILE *out)
{
	char host[ADDR_TEXT_SIZE];

	(void)fprintf(out, "%s %s ", service->name,
		      service->protocol_name != NULL
			      ? service->protocol_name
			      : transport_name(endpoint->transport));
	if (transport_is_unix(endpoint->transport))
		(void)fprintf(out, "%s\n", addr_format_host(&endpoint->addr, host));
	else
		(void)fprintf(out, "%u\n", (unsigned)addr_port(&endpoint->addr));
}

static void write_service(const struct service *service, FILE *out)
{
	struct seen seen;

	if (service->endpoint_count > 1)
		memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < service->endpoint_count; i++) {
		const struct endpoint *endpoint = &service->endpoints[i];

		if (service->endpoint_count == 1 ||
		    transport_is_unix(endpoint->transport) || see(&seen, endpoint))
			write_endpoint(service, endpoint, out);
	}
}

char *catalogue_make(const struct engine *engine)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < engine->post_count; i++)
		write_service(engine->posts[i]->service, out);
	failed = ferror(out) != 0;
	if (fclose(out) == EOF || failed) {
		free(text);
		return NULL;
	}
	return text;
}

uint64_t catalogue_sign(const struct engine *engine, uint64_t hash)
{
	for (size_t i = 0; i < engine->post_count; i++) {
		const struct service *service = engine->posts[i]->service;
		const char *fingerprint =
			service->fingerprint != NULL ? service->fingerprint : service->id;

		hash = hash_add(hash, fingerprint, strlen(fingerprint) + 1);
	}
	return hash;
}
