/* SPDX-License-Identifier: ISC */
/*
 * The attribute log_type: xinetd's words (xinetd.conf(5) "log_type"), and the two that
 * xinetd has no word for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "usherd/base/units.h"
#include "usherd/log/log.h"
#include "usherd/model/service.h"
#include "value_internal.h"

#define LIMIT_MAX (UINT64_C(1) << 62)

static int parse_syslog(const struct strings *values, struct log_type *ret,
			struct error *err)
{
	int r = log_facility_parse(values->items[1], &ret->facility, err);

	ret->severity = LOG_INFO;
	if (r == 0 && values->count > 2)
		r = log_severity_parse(values->items[2], &ret->severity, err);
	return r;
}

static int parse_limit(const char *text, const char *which, uint64_t *ret,
		       struct error *err)
{
	int r = units_parse_size(text, ret, err);

	if (r < 0)
		error_prefix(err, "%s limit", which);
	else if (*ret == 0 || *ret > LIMIT_MAX)
		r = error_set(err, -ERANGE, "'%s' is no %s limit for a file", text,
			      which);
	return r;
}

static int parse_limits(const struct strings *values, struct log_type *ret,
			struct error *err)
{
	int r = 0;

	if (values->count > 2)
		r = parse_limit(values->items[2], "soft", &ret->soft_limit, err);
	if (r < 0 || values->count <= 2)
		return r;
	ret->hard_limit = log_type_hard_limit(ret->soft_limit);
	if (values->count > 3)
		r = parse_limit(values->items[3], "hard", &ret->hard_limit, err);
	if (r == 0 && ret->hard_limit < ret->soft_limit)
		r = error_set(err, -EINVAL, "the hard limit is below the soft limit");
	return r;
}

static int parse_file(const struct strings *values, struct log_type *ret,
		      struct error *err)
{
	int r = parse_limits(values, ret, err);

	if (r < 0)
		return r;
	if (values->items[1][0] != '/')
		return error_set(err, -EINVAL, "'%s' is not an absolute path",
				 values->items[1]);
	ret->path = strdup(values->items[1]);
	return ret->path != NULL ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static int parse_nothing(const struct strings *values, struct log_type *ret,
			 struct error *err)
{
	(void)values;
	(void)ret;
	(void)err;
	return 0;
}

static const struct form {
	const char *word;
	size_t least, most; /* words */
	const char *syntax;
	int (*parse)(const struct strings *values, struct log_type *ret,
		     struct error *err);
} forms[] = {
	[LOG_TYPE_MAIN] = { "main", 1, 1, "main", parse_nothing },
	[LOG_TYPE_NONE] = { "none", 1, 1, "none", parse_nothing },
	[LOG_TYPE_SYSLOG] = { "SYSLOG", 2, 3, "{ SYSLOG, facility, level }",
			      parse_syslog },
	[LOG_TYPE_FILE] = { "FILE", 2, 4, "{ FILE, path, soft limit, hard limit }",
			    parse_file },
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

static int parse_form(const struct form *form, const struct strings *values,
		      struct log_type *ret, struct error *err)
{
	ret->kind = (enum log_type_kind)(form - forms);
	if (values->count < form->least || values->count > form->most)
		return error_set(err, -EINVAL, "too %s values for %s",
				 values->count < form->least ? "few" : "many",
				 form->syntax);
	return form->parse(values, ret, err);
}

VALUE_PARSER(log_type)
{
	struct log_type *field =
		(struct log_type *)(void *)((char *)object + attribute->offset);
	struct log_type type = { .kind = LOG_TYPE_MAIN };

	for (size_t i = 0; i < FORM_COUNT; i++) {
		int r;

		if (strcasecmp(values->items[0], forms[i].word) != 0)
			continue;
		r = parse_form(&forms[i], values, &type, err);
		if (r < 0)
			return r;
		log_type_done(field);
		*field = type;
		return 0;
	}
	return error_set(err, -EINVAL,
			 "unknown value '%s'; expected SYSLOG, FILE, none or main",
			 values->items[0]);
}

static int add_size(struct strings *ret, uint64_t size)
{
	char text[UNITS_TEXT_SIZE];

	units_format_size(size, text);
	return strings_add(ret, text);
}

static int add_syslog(const struct log_type *type, struct strings *ret)
{
	int r = strings_add(ret, log_facility_name(type->facility));

	if (r == 0 && type->severity != LOG_INFO)
		r = strings_add(ret, log_severity_name(type->severity));
	return r;
}

static int add_file(const struct log_type *type, struct strings *ret)
{
	int r = strings_add(ret, type->path);

	if (r == 0 && type->hard_limit != 0)
		r = add_size(ret, type->soft_limit);
	if (r == 0 && type->hard_limit != 0 &&
	    type->hard_limit != log_type_hard_limit(type->soft_limit))
		r = add_size(ret, type->hard_limit);
	return r;
}

VALUE_FORMATTER(log_type)
{
	const struct log_type *type =
		(const struct log_type *)(const void *)((const char *)object +
							attribute->offset);
	int r = strings_add(ret, forms[type->kind].word);

	if (r == 0 && type->kind == LOG_TYPE_SYSLOG)
		r = add_syslog(type, ret);
	if (r == 0 && type->kind == LOG_TYPE_FILE)
		r = add_file(type, ret);
	return r < 0 ? -ENOMEM : 1;
}
