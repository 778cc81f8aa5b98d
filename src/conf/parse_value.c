/* SPDX-License-Identifier: ISC */
/*
 * Converters of one-word values into their fields. A converter sees the right number of
 * words (attribute_parse() counted them) and answers for one attribute alone; what
 * depends on other attributes is checked by build.c. Lists are in parse_list.c.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "usherd/base/clock.h"
#include "usherd/base/text.h"
#include "usherd/base/units.h"
#include "usherd/log/log.h"
#include "usherd/model/program.h"
#include "usherd/model/service.h"
#include "value_internal.h"

#define IDENT_NAME_MAX 64

static void *field(const struct attribute *attribute, void *object)
{
	return (char *)object + attribute->offset;
}

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

static int replace(char **target, const char *value, struct error *err)
{
	char *copy = strdup(value);
	if (copy == NULL)
		return out_of_memory(err);
	free(*target);
	*target = copy;
	return 0;
}

static int check_printable(const char *value, struct error *err)
{
	if (value[0] == '\0')
		return error_set(err, -EINVAL, "the value is empty");
	for (const char *at = value; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			return error_set(err, -EINVAL,
					 "the value contains a control character");
	return 0;
}

VALUE_PARSER(text)
{
	int result = check_printable(values->items[0], err);
	return result < 0 ? result
			  : replace(field(attribute, object), values->items[0], err);
}

VALUE_PARSER(path)
{
	if (values->items[0][0] != '/')
		return error_set(err, -EINVAL, "'%s' is not an absolute path",
				 values->items[0]);
	return replace(field(attribute, object), values->items[0], err);
}

/* argv[0] is the last component of the path until argv0 says otherwise. */
VALUE_PARSER(server)
{
	struct program *program = field(attribute, object);
	const char *path = values->items[0];
	const char *base = strrchr(path, '/');
	if (path[0] != '/')
		return error_set(err, -EINVAL, "'%s' is not an absolute path", path);
	if (base[1] == '\0')
		return error_set(err, -EINVAL, "'%s' is a directory", path);
	strings_done(&program->argv);
	if (strings_add(&program->argv, base + 1) < 0)
		return out_of_memory(err);
	return replace(&program->path, path, err);
}

/* Stands after server in the table, so argv[0] is there unless server was wrong. */
VALUE_PARSER(argv0)
{
	struct program *program = field(attribute, object);
	if (program->argv.count == 0)
		return 0;
	return replace(&program->argv.items[0], values->items[0], err);
}

VALUE_PARSER(boolean)
{
	return units_parse_boolean(values->items[0], field(attribute, object), err);
}

VALUE_PARSER(number)
{
	int64_t number;
	int result = units_parse_signed(values->items[0], attribute->min, attribute->max,
					&number, err);
	if (result == 0)
		*(int *)field(attribute, object) = (int)number;
	return result;
}

VALUE_PARSER(count)
{
	return units_parse_count(values->items[0], field(attribute, object), err);
}

VALUE_PARSER(duration)
{
	return units_parse_duration(values->items[0], field(attribute, object), err);
}

static int parse_mode_up_to(const struct attribute *attribute, const char *text,
			    mode_t *ret, struct error *err)
{
	unsigned mode;
	int result = units_parse_mode(text, &mode, err);
	if (result < 0)
		return result;
	if (mode > (unsigned)attribute->max)
		return error_set(err, -ERANGE, "'%s' is out of range: 0 to %o expected",
				 text, (unsigned)attribute->max);
	*ret = (mode_t)mode;
	return 0;
}

VALUE_PARSER(mode)
{
	return parse_mode_up_to(attribute, values->items[0], field(attribute, object),
				err);
}

VALUE_PARSER(umask)
{
	struct program *program = field(attribute, object);
	int result = parse_mode_up_to(attribute, values->items[0], &program->umask, err);
	if (result == 0)
		program->umask_given = true;
	return result;
}

VALUE_PARSER(word)
{
	const struct attribute_word *word = attribute->words;
	while (word->text != NULL && strcasecmp(word->text, values->items[0]) != 0)
		word++;
	if (word->text != NULL) {
		*(unsigned *)field(attribute, object) = word->value;
		return 0;
	}
	char buffer[128];
	struct text text;
	text_init(&text, buffer, sizeof(buffer));
	for (word = attribute->words; word->text != NULL; word++)
		text_addf(&text, "%s%s", word == attribute->words ? "" : ", ",
			  word->text);
	return error_set(err, -EINVAL, "unknown value '%s'; expected one of %s",
			 values->items[0], buffer);
}

VALUE_PARSER(interface)
{
	const char *name = values->items[0];
	if (name[0] == '\0' || strlen(name) >= IFNAMSIZ ||
	    strpbrk(name, "/ \t\n") != NULL)
		return error_set(err, -EINVAL, "'%s' is not the name of an interface",
				 name);
	(void)text_copy(field(attribute, object), IFNAMSIZ, name);
	return 0;
}

VALUE_PARSER(log)
{
	struct log_target target;
	int result = log_target_parse(values->items[0], &target, err);
	if (result < 0)
		return result;
	log_target_done(&target);
	return replace(field(attribute, object), values->items[0], err);
}

static int set_limit(const struct attribute *attribute, void *object, uint64_t value,
		     struct error *err)
{
	struct program *program = field(attribute, object);
	rlim_t limit = RLIM_INFINITY;
	if (value != UNITS_UNLIMITED) {
		limit = (rlim_t)value;
		/* rlim_t may be narrower than the number, and its highest value is taken.
		 */
		if (limit != value || limit == RLIM_INFINITY)
			return error_set(err, -ERANGE,
					 "the limit is too large; UNLIMITED is the word "
					 "for no limit");
	}
	if (attribute->max > 0 && value > (uint64_t)attribute->max &&
	    value != UNITS_UNLIMITED)
		return error_set(err, -ERANGE,
				 "the limit is too large: 0 to %" PRId64 " expected",
				 attribute->max);
	program->limits[attribute->index] =
		(struct program_limit){ .set = true, .value = limit };
	return 0;
}

VALUE_PARSER(rlimit_count)
{
	uint64_t value;
	int result = units_parse_count(values->items[0], &value, err);
	return result < 0 ? result : set_limit(attribute, object, value, err);
}

VALUE_PARSER(rlimit_size)
{
	uint64_t value;
	int result = units_parse_size(values->items[0], &value, err);
	return result < 0 ? result : set_limit(attribute, object, value, err);
}

static int parse_time_limit(const struct attribute *attribute, const char *text,
			    void *object, uint64_t unit_ns, struct error *err)
{
	if (strcasecmp(text, "UNLIMITED") == 0)
		return set_limit(attribute, object, UNITS_UNLIMITED, err);
	uint64_t ns;
	int result = units_parse_duration(text, &ns, err);
	if (result < 0)
		return result;
	if (ns % unit_ns != 0)
		return error_set(err, -EINVAL, "'%s' is not a number of whole seconds",
				 text);
	return set_limit(attribute, object, ns / unit_ns, err);
}

VALUE_PARSER(rlimit_seconds)
{
	return parse_time_limit(attribute, values->items[0], object, CLOCK_NS_PER_SECOND,
				err);
}

/* RLIMIT_RTTIME counts microseconds, see getrlimit(2). */
VALUE_PARSER(rlimit_microseconds)
{
	return parse_time_limit(attribute, values->items[0], object,
				CLOCK_NS_PER_MS / 1000, err);
}

/* A rate and the pause after more. */
static int parse_rate(const struct strings *values, uint64_t *ret_rate,
		      uint64_t *ret_pause_ns, struct error *err)
{
	uint64_t rate = 0;
	uint64_t pause_ns = 0;
	int result = units_parse_unsigned(values->items[0], 0, UINT32_MAX, &rate, err);
	if (result == 0)
		result = units_parse_duration(values->items[1], &pause_ns, err);
	if (result < 0)
		return result;
	if (rate > 0 && pause_ns == 0)
		return error_set(err, -EINVAL,
				 "a pause of 0 would be no limit; "
				 "{ 0, 1 } is the way to say that");
	*ret_rate = rate;
	*ret_pause_ns = pause_ns;
	return 0;
}

VALUE_PARSER(cps)
{
	struct policy *policy = field(attribute, object);
	return parse_rate(values, &policy->cps_rate, &policy->cps_pause_ns, err);
}

VALUE_PARSER(cpm)
{
	struct policy *policy = field(attribute, object);
	return parse_rate(values, &policy->cpm_rate, &policy->cpm_pause_ns, err);
}

VALUE_PARSER(source_prefix)
{
	struct policy *policy = field(attribute, object);
	uint64_t ipv4_bits = 0;
	uint64_t ipv6_bits = 0;
	int result = units_parse_unsigned(values->items[0], 0, 32, &ipv4_bits, err);
	if (result == 0)
		result = units_parse_unsigned(values->items[1], 0, 128, &ipv6_bits, err);
	if (result < 0)
		return result;
	policy->source_ipv4_bits = (unsigned)ipv4_bits;
	policy->source_ipv6_bits = (unsigned)ipv6_bits;
	return 0;
}

/* RFC 1413: an octet string; what clients can be expected to take is less. */
static bool is_user_name(const char *name)
{
	size_t length = strlen(name);
	if (length < 1 || length > IDENT_NAME_MAX)
		return false;
	for (const char *at = name; *at != '\0'; at++)
		if (!isgraph((unsigned char)*at))
			return false;
	return true;
}

VALUE_PARSER(ident)
{
	static const struct attribute_word words[] = { { "hidden", SERVICE_IDENT_HIDDEN },
						       { "hashed", SERVICE_IDENT_HASHED },
						       { "real", SERVICE_IDENT_REAL },
						       { NULL, 0 } };
	struct service *service = object;
	const char *value = values->items[0];
	(void)attribute;
	for (const struct attribute_word *word = words; word->text != NULL; word++) {
		if (strcmp(word->text, value) != 0)
			continue;
		service->ident = (enum service_ident)word->value;
		return 0;
	}
	if (strncmp(value, "fixed:", 6) != 0)
		return error_set(err, -EINVAL,
				 "expected hidden, hashed, real or fixed:NAME, got '%s'",
				 value);
	if (!is_user_name(value + 6))
		return error_set(err, -EINVAL,
				 "a name has 1 to %d printing characters and no blank",
				 IDENT_NAME_MAX);
	service->ident = SERVICE_IDENT_FIXED;
	return replace(&service->ident_name, value + 6, err);
}
