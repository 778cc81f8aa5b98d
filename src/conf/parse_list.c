/* SPDX-License-Identifier: ISC */
/*
 * Converters of lists. Each replaces the whole field: merging with the defaults has
 * happened before, on words. One-word values are in parse_value.c.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/text.h"
#include "usherd/base/units.h"
#include "usherd/model/service.h"
#include "value_internal.h"

#define INDEX_MAX 8

static void *field(const struct attribute *attribute, void *object)
{
	return (char *)object + attribute->offset;
}

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

static int replace_strings(struct strings *target, const struct strings *values,
			   struct error *err)
{
	struct strings copy = { 0 };
	if (strings_add_all(&copy, values) < 0) {
		strings_done(&copy);
		return out_of_memory(err);
	}
	strings_done(target);
	*target = copy;
	return 0;
}

static const struct attribute_word *find_word(const struct attribute_word *words,
					      const char *text)
{
	for (; words->text != NULL; words++)
		if (strcasecmp(words->text, text) == 0)
			return words;
	return NULL;
}

VALUE_PARSER(words)
{
	unsigned set = 0;
	for (size_t i = 0; i < values->count; i++) {
		const struct attribute_word *word =
			find_word(attribute->words, values->items[i]);
		if (word != NULL) {
			set |= word->value;
			continue;
		}
		char buffer[128];
		struct text text;
		text_init(&text, buffer, sizeof(buffer));
		for (word = attribute->words; word->text != NULL; word++)
			text_addf(&text, "%s%s", word == attribute->words ? "" : ", ",
				  word->text);
		return error_set(err, -EINVAL, "unknown value '%s'; expected any of %s",
				 values->items[i], buffer);
	}
	if (set == 0 && attribute->min > 0)
		return error_set(err, -EINVAL, "the list is empty");
	*(unsigned *)field(attribute, object) = set;
	return 0;
}

/* What an address may be depends on the protocol: see endpoints.c. */
VALUE_PARSER(bind)
{
	if (values->count == 0)
		return error_set(err, -EINVAL, "the list is empty");
	for (size_t i = 0; i < values->count; i++)
		if (values->items[i][0] == '\0')
			return error_set(err, -EINVAL, "the address is empty");
	return replace_strings(field(attribute, object), values, err);
}

/* The port of a name in the services database, the same for all @protocols. */
static int find_named_port(const char *name, unsigned protocols, uint16_t *ret,
			   struct error *err)
{
	static const struct attribute_word databases[] = { { "tcp", SERVICE_TCP },
							   { "udp", SERVICE_UDP },
							   { NULL, 0 } };
	uint16_t found = 0;
	for (const struct attribute_word *base = databases; base->text != NULL; base++) {
		if ((protocols & base->value) == 0)
			continue;
		const struct servent *entry = getservbyname(name, base->text);
		if (entry == NULL)
			return error_set(err, -EINVAL,
					 "'%s' is neither a port nor a %s service that "
					 "is known",
					 name, base->text);
		uint16_t port = ntohs((uint16_t)entry->s_port);
		if (found != 0 && found != port)
			return error_set(err, -EINVAL,
					 "'%s' has different ports for tcp and udp",
					 name);
		found = port;
	}
	if (found == 0)
		return error_set(err, -EINVAL, "'%s' is not a port", name);
	*ret = found;
	return 0;
}

static int parse_port_number(const char *text, size_t length, uint16_t *ret,
			     struct error *err)
{
	char digits[8];
	uint64_t port = 0;
	if (length == 0 || strspn(text, "0123456789") < length)
		return error_set(err, -EINVAL,
				 "expected a port or a range such as "
				 "7000-7010");
	if (length >= sizeof(digits))
		return error_set(err, -ERANGE,
				 "port '%.*s' is out of range: 1 to 65535 expected",
				 (int)(length > 32 ? 32 : length), text);
	memcpy(digits, text, length);
	digits[length] = '\0';
	int result = units_parse_unsigned(digits, 0, 9999999, &port, err);
	if (result < 0)
		return result;
	if (port < 1 || port > UINT16_MAX)
		return error_set(err, -ERANGE,
				 "port '%s' is out of range: 1 to 65535 expected",
				 digits);
	*ret = (uint16_t)port;
	return 0;
}

/* "21", "7000-7010" or a name ("ftp-data" has a hyphen, too). */
static int parse_port(const char *text, unsigned protocols, struct port_range *ret,
		      struct error *err)
{
	struct port_range range = { 0 };
	int result;
	size_t digits = strspn(text, "0123456789");
	if (digits > 0 && text[digits] == '-') {
		const char *last = text + digits + 1;
		result = parse_port_number(text, digits, &range.first, err);
		if (result == 0)
			result = parse_port_number(last, strlen(last), &range.last, err);
	} else if (digits > 0 && text[digits] == '\0') {
		result = parse_port_number(text, digits, &range.first, err);
		range.last = range.first;
	} else {
		result = find_named_port(text, protocols, &range.first, err);
		range.last = range.first;
	}
	if (result < 0)
		return result;
	if (range.first > range.last)
		return error_set(err, -EINVAL, "range '%s' ends before it begins", text);
	*ret = range;
	return 0;
}

int value_parse_port(const char *text, unsigned protocols, uint16_t *ret,
		     struct error *err)
{
	size_t length = strlen(text);
	if (length > 0 && strspn(text, "0123456789") == length)
		return parse_port_number(text, length, ret, err);
	return find_named_port(text, protocols, ret, err);
}

VALUE_PARSER(ports)
{
	struct service *service = object;
	(void)attribute;
	if (values->count == 0)
		return error_set(err, -EINVAL, "the list is empty");
	struct port_range *ports = calloc(values->count, sizeof(*ports));
	if (ports == NULL)
		return out_of_memory(err);
	for (size_t i = 0; i < values->count; i++) {
		int result =
			parse_port(values->items[i], service->protocols, &ports[i], err);
		if (result < 0) {
			free(ports);
			return result;
		}
	}
	free(service->ports);
	service->ports = ports;
	service->port_count = values->count;
	return 0;
}

/* Stands after server and argv0 in the table: what they left is argv[0]. */
VALUE_PARSER(arguments)
{
	struct program *program = field(attribute, object);
	while (program->argv.count > 1)
		strings_remove(&program->argv, program->argv.count - 1);
	return strings_add_all(&program->argv, values) < 0 ? out_of_memory(err) : 0;
}

static bool same_variable(const char *a, const char *b)
{
	size_t length = (size_t)(strchrnul(a, '=') - a);
	return strncmp(a, b, length) == 0 && (b[length] == '=' || b[length] == '\0');
}

/* The last setting of a variable counts, so that a service can change a default. */
VALUE_PARSER(environment)
{
	struct strings kept = { 0 };
	int result = 0;
	for (size_t i = 0; i < values->count && result == 0; i++) {
		const char *entry = values->items[i];
		const char *equal = strchr(entry, '=');
		if (equal == NULL || equal == entry) {
			strings_done(&kept);
			return error_set(err, -EINVAL,
					 "'%s' is not of the form NAME=VALUE", entry);
		}
		for (size_t k = kept.count; k-- > 0;)
			if (same_variable(entry, kept.items[k]))
				strings_remove(&kept, k);
		result = strings_add(&kept, entry);
	}
	if (result == 0)
		result = replace_strings(field(attribute, object), &kept, err);
	else
		(void)out_of_memory(err);
	strings_done(&kept);
	return result;
}

VALUE_PARSER(passenv)
{
	struct program *program = field(attribute, object);
	for (size_t i = 0; i < values->count; i++)
		if (values->items[i][0] == '\0' || strchr(values->items[i], '=') != NULL)
			return error_set(err, -EINVAL,
					 "'%s' is not the name of a variable",
					 values->items[i]);
	int result = replace_strings(&program->passenv, values, err);
	if (result == 0)
		program->passenv_given = true;
	return result;
}

/* Looked for one after the other, for whoever asks: names of plain files, and few. */
VALUE_PARSER(index)
{
	struct service *service = object;
	if (values->count > INDEX_MAX)
		return error_set(err, -ERANGE, "more than %d names", INDEX_MAX);
	for (size_t i = 0; i < values->count; i++) {
		const char *name = values->items[i];
		char shown[64];
		if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
		    strlen(name) > NAME_MAX)
			return error_set(err, -EINVAL, "'%s' is not the name of a file",
					 text_escape(shown, sizeof(shown), name));
	}
	int result = replace_strings(field(attribute, object), values, err);
	if (result == 0)
		service->index_given = true;
	return result;
}

VALUE_PARSER(include)
{
	(void)attribute;
	(void)object;
	for (size_t i = 0; i < values->count; i++)
		if (values->items[i][0] == '\0')
			return error_set(err, -EINVAL, "a word is empty");
	return 0;
}
