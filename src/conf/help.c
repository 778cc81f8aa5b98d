/* SPDX-License-Identifier: ISC */
/* The attribute table for people. The manual says more; this is never out of date. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "usherd/conf/attributes.h"
#include "usherd/conf/load.h"

static void print_syntax(const struct attribute *attribute, FILE *out)
{
	(void)fputs(attribute->kind->syntax, out);
	if (attribute->words == NULL)
		return;
	for (const struct attribute_word *word = attribute->words; word->text != NULL;
	     word++)
		(void)fprintf(out, "%s%s", word == attribute->words ? " " : ", ",
			      word->text);
}

static void print_places(const struct attribute *attribute, FILE *out)
{
	if (attribute->place == ATTRIBUTE_SETTING)
		(void)fputs("outside of sections", out);
	else if (attribute->place == ATTRIBUTE_OFFER)
		(void)fputs("in defaults", out);
	else if ((attribute->place & ATTRIBUTE_DEFAULTS) != 0)
		(void)fputs("in a service, or in defaults for all services", out);
	else
		(void)fputs("in a service", out);
}

static void print_restrictions(const struct attribute *attribute, FILE *out)
{
	static const struct {
		unsigned flag;
		const char *text;
	} restrictions[] = {
		{ ATTRIBUTE_PROGRAM, "services with a server" },
		{ ATTRIBUTE_INET, "tcp and udp" },
		{ ATTRIBUTE_UNIX, "protocol = unix" },
		{ ATTRIBUTE_RPC, "type = RPC" },
	};
	for (size_t i = 0; i < sizeof(restrictions) / sizeof(restrictions[0]); i++)
		if ((attribute->flags & restrictions[i].flag) != 0)
			(void)fprintf(out, "\tonly:    %s\n", restrictions[i].text);
	if (attribute->internal != NULL)
		(void)fprintf(out, "\tonly:    internal = %s\n", attribute->internal);
}

static int print_default(const struct attribute *attribute, FILE *out)
{
	struct table *table = table_new();
	struct service *service = service_new();
	struct strings words = { 0 };
	int result = -ENOMEM;
	if (table != NULL && service != NULL) {
		const void *object = service;
		if (attribute->place == ATTRIBUTE_SETTING)
			object = &table->settings;
		result = attribute_format(attribute, object, &words);
	}
	if (result == 1 && words.count > 0)
		(void)fputs("\tdefault:", out);
	for (size_t i = 0; result == 1 && i < words.count; i++)
		(void)fprintf(out, " %s%s", words.items[i],
			      i + 1 < words.count ? "," : "\n");
	strings_done(&words);
	service_unref(service);
	table_free(table);
	return result < 0 ? result : 0;
}

static int print_detail(const struct attribute *attribute, FILE *out)
{
	(void)fprintf(out, "%s: %s\n", attribute->name, attribute->help);
	(void)fputs("\tvalue:   ", out);
	print_syntax(attribute, out);
	(void)fputs("\n\tstands:  ", out);
	print_places(attribute, out);
	(void)fputc('\n', out);
	if (attribute->kind->list && (attribute->place & ATTRIBUTE_DEFAULTS) != 0)
		(void)fputs("\tnote:    += adds to what was inherited\n", out);
	if (attribute->alias != NULL)
		(void)fprintf(out, "\talso:    %s\n", attribute->alias);
	print_restrictions(attribute, out);
	return print_default(attribute, out);
}

static void print_list(unsigned place, const char *title, FILE *out)
{
	const struct attribute *attribute;
	(void)fprintf(out, "%s\n", title);
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++)
		if ((attribute->place & place) != 0)
			(void)fprintf(out, "  %-18s %s\n", attribute->name,
				      attribute->help);
}

static int finish(int result, FILE *out)
{
	if (result == 0 && (fflush(out) == EOF || ferror(out) != 0))
		return -EIO;
	return result;
}

int conf_help(const char *name, FILE *out)
{
	if (name == NULL) {
		print_list(ATTRIBUTE_SETTING, "Settings, outside of sections:", out);
		print_list(ATTRIBUTE_OFFER, "In defaults alone:", out);
		print_list(ATTRIBUTE_SERVICE, "Attributes of services:", out);
		return finish(0, out);
	}
	const struct attribute *attribute = attribute_find(name);
	if (attribute != NULL)
		return finish(print_detail(attribute, out), out);
	const char *near = attribute_suggest(name, ATTRIBUTE_SERVICE | ATTRIBUTE_SETTING |
							   ATTRIBUTE_OFFER);
	if (near != NULL)
		(void)fprintf(out, "unknown attribute '%s'; did you mean '%s'?\n", name,
			      near);
	else
		(void)fprintf(out, "unknown attribute '%s'\n", name);
	(void)fflush(out);
	return -ENOENT;
}
