/* SPDX-License-Identifier: ISC */
/*
 * protocol = ...: tcp, udp and unix, and whatever else the protocols database knows. What
 * of it can be combined with what is check_protocol.c's.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/model/service.h"
#include "value_internal.h"

static unsigned find_word(const struct attribute *attribute, const char *text)
{
	for (const struct attribute_word *word = attribute->words; word->text != NULL;
	     word++)
		if (strcasecmp(word->text, text) == 0)
			return word->value;
	return 0;
}

/* What is in the database for @text; 0 and an error that says what it may be. */
static unsigned look_up(const char *text, struct service *service, struct error *err)
{
	const struct protoent *entry = getprotobyname(text);

	if (entry == NULL) {
		error_set(err, -EINVAL,
			  "unknown value '%s'; expected any of tcp, udp, unix, or "
			  "another name of the protocols database",
			  text);
		return 0;
	}
	if (service->protocol_name != NULL) {
		error_set(err, -EINVAL, "'%s' and '%s' cannot be combined",
			  service->protocol_name, entry->p_name);
		return 0;
	}
	service->protocol_name = strdup(entry->p_name);
	service->protocol_number = entry->p_proto;
	if (service->protocol_name == NULL) {
		error_set(err, -ENOMEM, "out of memory");
		return 0;
	}
	return SERVICE_IP;
}

VALUE_PARSER(protocols)
{
	struct service *service = object;
	unsigned set = 0;

	free(service->protocol_name);
	service->protocol_name = NULL;
	service->protocol_number = 0;
	for (size_t i = 0; i < values->count; i++) {
		struct error why = { .code = -EINVAL };
		unsigned found = find_word(attribute, values->items[i]);

		if (found == 0)
			found = look_up(values->items[i], service, &why);
		if (found == 0)
			return error_set(err, why.code, "%s", why.text);
		set |= found;
	}
	if (set == 0)
		return error_set(err, -EINVAL, "the list is empty");
	service->protocols = set;
	return 0;
}

VALUE_FORMATTER(protocols)
{
	const struct service *service = object;
	int r = format_words(attribute, object, ret);

	if (r == 1 && (service->protocols & SERVICE_IP) != 0 &&
	    strings_add(ret, service->protocol_name) < 0)
		return -ENOMEM;
	return r;
}
