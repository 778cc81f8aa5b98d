/* SPDX-License-Identifier: ISC */
/*
 * Formatters: fields back into the shortest words that convert to the same value. They
 * return 1, 0 when the field says nothing, or -ENOMEM. Quoting is dump.c's business.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "usherd/base/clock.h"
#include "usherd/base/units.h"
#include "usherd/model/program.h"
#include "usherd/model/service.h"
#include "value_internal.h"

static const void *field(const struct attribute *attribute, const void *object)
{
	return (const char *)object + attribute->offset;
}

static int add(struct strings *ret, const char *word)
{
	return strings_add(ret, word) < 0 ? -ENOMEM : 1;
}

static int add_octal(struct strings *ret, int digits, mode_t mode)
{
	char buffer[UNITS_TEXT_SIZE];
	(void)snprintf(buffer, sizeof(buffer), "%0*o", digits, (unsigned)mode);
	return add(ret, buffer);
}

static int add_number(struct strings *ret, int64_t value)
{
	char buffer[UNITS_TEXT_SIZE];
	(void)snprintf(buffer, sizeof(buffer), "%" PRId64, value);
	return add(ret, buffer);
}

static int add_text(struct strings *ret, const char *text)
{
	return text != NULL ? add(ret, text) : 0;
}

VALUE_FORMATTER(text)
{
	return add_text(ret, *(char *const *)field(attribute, object));
}

VALUE_FORMATTER(name)
{
	const struct service *service = object;
	(void)attribute;
	if (service->name == NULL || service->id == NULL ||
	    strcmp(service->name, service->id) == 0)
		return 0;
	return add(ret, service->name);
}

VALUE_FORMATTER(server)
{
	const struct program *program = field(attribute, object);
	return add_text(ret, program->path);
}

VALUE_FORMATTER(argv0)
{
	const struct program *program = field(attribute, object);
	if (program->path == NULL || program->argv.count == 0)
		return 0;
	const char *base = strrchr(program->path, '/');
	if (base != NULL && strcmp(base + 1, program->argv.items[0]) == 0)
		return 0;
	return add(ret, program->argv.items[0]);
}

VALUE_FORMATTER(internal)
{
	/* It follows from redirect. */
	if (service_is_redirect(object))
		return 0;
	return format_text(attribute, object, ret);
}

VALUE_FORMATTER(boolean)
{
	return add(ret, *(const bool *)field(attribute, object) ? "yes" : "no");
}

VALUE_FORMATTER(number)
{
	return add_number(ret, *(const int *)field(attribute, object));
}

VALUE_FORMATTER(count)
{
	char buffer[UNITS_TEXT_SIZE];
	units_format_count(*(const uint64_t *)field(attribute, object), buffer);
	return add(ret, buffer);
}

VALUE_FORMATTER(duration)
{
	char buffer[UNITS_TEXT_SIZE];
	units_format_duration(*(const uint64_t *)field(attribute, object), buffer);
	return add(ret, buffer);
}

VALUE_FORMATTER(mode)
{
	return add_octal(ret, 4, *(const mode_t *)field(attribute, object));
}

VALUE_FORMATTER(umask)
{
	const struct program *program = field(attribute, object);
	return program->umask_given ? add_octal(ret, 3, program->umask) : 0;
}

VALUE_FORMATTER(word)
{
	unsigned value = *(const unsigned *)field(attribute, object);
	for (const struct attribute_word *word = attribute->words; word->text != NULL;
	     word++)
		if (word->value == value)
			return add(ret, word->text);
	return 0;
}

VALUE_FORMATTER(interface)
{
	const char *name = field(attribute, object);
	return name[0] != '\0' ? add(ret, name) : 0;
}

VALUE_FORMATTER(ident)
{
	static const char *const words[] = { [SERVICE_IDENT_HIDDEN] = "hidden",
					     [SERVICE_IDENT_FIXED] = "fixed:",
					     [SERVICE_IDENT_HASHED] = "hashed",
					     [SERVICE_IDENT_REAL] = "real" };
	const struct service *service = object;
	char buffer[128];
	(void)attribute;
	(void)snprintf(buffer, sizeof(buffer), "%s%s", words[service->ident],
		       service->ident_name != NULL ? service->ident_name : "");
	return add(ret, buffer);
}

/* The limit of the attribute, or NULL when it is not set. */
static const struct program_limit *limit_of(const struct attribute *attribute,
					    const void *object)
{
	const struct program *program = field(attribute, object);
	const struct program_limit *limit = &program->limits[attribute->index];
	return limit->set ? limit : NULL;
}

static uint64_t limit_value(const struct program_limit *limit)
{
	return limit->value == RLIM_INFINITY ? UNITS_UNLIMITED : limit->value;
}

VALUE_FORMATTER(rlimit_count)
{
	const struct program_limit *limit = limit_of(attribute, object);
	char buffer[UNITS_TEXT_SIZE];
	if (limit == NULL)
		return 0;
	units_format_count(limit_value(limit), buffer);
	return add(ret, buffer);
}

VALUE_FORMATTER(rlimit_size)
{
	const struct program_limit *limit = limit_of(attribute, object);
	char buffer[UNITS_TEXT_SIZE];
	if (limit == NULL)
		return 0;
	units_format_size(limit_value(limit), buffer);
	return add(ret, buffer);
}

static int format_time_limit(const struct program_limit *limit, uint64_t unit_ns,
			     struct strings *ret)
{
	char buffer[UNITS_TEXT_SIZE];
	if (limit == NULL)
		return 0;
	if (limit->value == RLIM_INFINITY)
		return add(ret, "UNLIMITED");
	units_format_duration(limit->value * unit_ns, buffer);
	return add(ret, buffer);
}

VALUE_FORMATTER(rlimit_seconds)
{
	return format_time_limit(limit_of(attribute, object), CLOCK_NS_PER_SECOND, ret);
}

VALUE_FORMATTER(rlimit_microseconds)
{
	return format_time_limit(limit_of(attribute, object), CLOCK_NS_PER_MS / 1000,
				 ret);
}

static int format_rate(uint64_t rate, uint64_t pause_ns, struct strings *ret)
{
	char text[UNITS_TEXT_SIZE];
	char pause[UNITS_TEXT_SIZE];
	units_format_count(rate, text);
	units_format_duration(pause_ns, pause);
	int result = add(ret, text);
	return result < 0 ? result : add(ret, pause);
}

VALUE_FORMATTER(cps)
{
	const struct policy *policy = field(attribute, object);
	return format_rate(policy->cps_rate, policy->cps_pause_ns, ret);
}

VALUE_FORMATTER(cpm)
{
	const struct policy *policy = field(attribute, object);
	return format_rate(policy->cpm_rate, policy->cpm_pause_ns, ret);
}

VALUE_FORMATTER(source_prefix)
{
	const struct policy *policy = field(attribute, object);
	int result = add_number(ret, policy->source_ipv4_bits);
	return result < 0 ? result : add_number(ret, policy->source_ipv6_bits);
}

VALUE_FORMATTER(words)
{
	unsigned set = *(const unsigned *)field(attribute, object);
	for (const struct attribute_word *word = attribute->words; word->text != NULL;
	     word++)
		if ((set & word->value) != 0 && strings_add(ret, word->text) < 0)
			return -ENOMEM;
	return 1;
}

VALUE_FORMATTER(ports)
{
	const struct service *service = object;
	(void)attribute;
	for (size_t i = 0; i < service->port_count; i++) {
		const struct port_range *range = &service->ports[i];
		char buffer[UNITS_TEXT_SIZE];
		int used = snprintf(buffer, sizeof(buffer), "%u", (unsigned)range->first);
		if (range->last != range->first)
			(void)snprintf(buffer + used, sizeof(buffer) - (size_t)used,
				       "-%u", (unsigned)range->last);
		if (strings_add(ret, buffer) < 0)
			return -ENOMEM;
	}
	return service->port_count > 0;
}

VALUE_FORMATTER(redirect)
{
	const struct target_list *list = field(attribute, object);
	for (size_t i = 0; i < list->count; i++)
		if (strings_add(ret, list->items[i].text) < 0)
			return -ENOMEM;
	return list->count > 0;
}

VALUE_FORMATTER(arguments)
{
	const struct program *program = field(attribute, object);
	for (size_t i = 1; i < program->argv.count; i++)
		if (strings_add(ret, program->argv.items[i]) < 0)
			return -ENOMEM;
	return program->argv.count > 1;
}

VALUE_FORMATTER(strings)
{
	const struct strings *list = field(attribute, object);
	return strings_add_all(ret, list) < 0 ? -ENOMEM : list->count > 0;
}

VALUE_FORMATTER(passenv)
{
	const struct program *program = field(attribute, object);
	if (!program->passenv_given)
		return 0;
	return strings_add_all(ret, &program->passenv) < 0 ? -ENOMEM : 1;
}

VALUE_FORMATTER(prefixes)
{
	const struct prefix_list *list = field(attribute, object);
	for (size_t i = 0; i < list->count; i++) {
		char buffer[ADDR_TEXT_SIZE];
		if (strings_add(ret, prefix_format(&list->items[i], buffer)) < 0)
			return -ENOMEM;
	}
	if (strings_add_all(ret, &list->names) < 0)
		return -ENOMEM;
	return list->given;
}

VALUE_FORMATTER(index)
{
	const struct service *service = object;
	(void)attribute;
	if (!service->index_given)
		return add(ret, SERVICE_INDEX);
	return strings_add_all(ret, &service->index) < 0 ? -ENOMEM : 1;
}

VALUE_FORMATTER(include)
{
	(void)attribute;
	(void)object;
	(void)ret;
	return 0;
}
