/* SPDX-License-Identifier: ISC */
/*
 * The service table as canonical native text: attributes in the order of the table, what
 * is at its built-in default left out, words quoted only where they must be. Defaults
 * are not reconstructed: every service says all that is its own.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_internal.h"

static bool is_plain(const char *word)
{
	if (word[0] == '\0' || strstr(word, "//") != NULL)
		return false;
	for (const char *at = word; *at != '\0'; at++)
		if (!isascii((unsigned char)*at) ||
		    (!isalnum((unsigned char)*at) && strchr("_./:@%-!~", *at) == NULL))
			return false;
	return true;
}

/* The escapes of double quotes that libconfuse undoes; '$' could begin a variable. */
static void print_word(const char *word, FILE *out)
{
	if (is_plain(word)) {
		(void)fputs(word, out);
		return;
	}
	(void)fputc('"', out);
	for (const char *at = word; *at != '\0'; at++) {
		if (*at == '"' || *at == '\\' || *at == '$')
			(void)fprintf(out, "\\%c", *at);
		else if (iscntrl((unsigned char)*at))
			(void)fprintf(out, "\\x%02x", (unsigned)(unsigned char)*at);
		else
			(void)fputc(*at, out);
	}
	(void)fputc('"', out);
}

static void print_attribute(const struct attribute *attribute,
			    const struct strings *words, const char *indent, FILE *out)
{
	bool list = words->count != 1;
	(void)fprintf(out, "%s%s = %s", indent, attribute->name, list ? "{" : "");
	for (size_t i = 0; i < words->count; i++) {
		(void)fputs(i > 0 ? ", " : list ? " " : "", out);
		print_word(words->items[i], out);
	}
	(void)fputs(list ? (words->count > 0 ? " }\n" : "}\n") : "\n", out);
}

/* 1 to be printed, with its words; 0 for a built-in default. */
static int collect_words(const struct attribute *attribute, const void *object,
			 const void *built_in, struct strings *ret)
{
	struct strings other = { 0 };
	int here = attribute_format(attribute, object, ret);
	int there = attribute_format(attribute, built_in, &other);
	int result = here;
	if (there < 0)
		result = there;
	else if (here == 1 && there == 1 && (attribute->flags & ATTRIBUTE_ALWAYS) == 0 &&
		 strings_equal(ret, &other))
		result = 0;
	strings_done(&other);
	return result;
}

/* What was not given is at its built-in default, and need not be compared with it. */
static bool may_differ(const struct attribute *attribute, const struct assignments *given)
{
	return given == NULL || (attribute->flags & ATTRIBUTE_ALWAYS) != 0 ||
	       given->items[attribute_index(attribute)].set;
}

/* @given: what @object was made of, NULL when that is not known. */
static int dump_attributes(unsigned place, const void *object, const void *built_in,
			   const struct assignments *given, FILE *out)
{
	const char *indent = place == ATTRIBUTE_SETTING ? "" : "\t";
	const struct attribute *attribute;
	for (size_t i = 0; (attribute = attribute_at(i)) != NULL; i++) {
		if ((attribute->place & place) == 0 || !may_differ(attribute, given))
			continue;
		struct strings words = { 0 };
		int result = collect_words(attribute, object, built_in, &words);
		if (result == 1)
			print_attribute(attribute, &words, indent, out);
		strings_done(&words);
		if (result < 0)
			return result;
	}
	return 0;
}

static int dump_service(const struct service *service, const struct assignments *given,
			FILE *out)
{
	struct service *built_in = service_new();
	if (built_in == NULL)
		return -ENOMEM;
	(void)fputs("service ", out);
	print_word(service->id, out);
	(void)fputs(" {\n", out);
	int result = dump_attributes(ATTRIBUTE_SERVICE, service, built_in, given, out);
	(void)fputs("}\n", out);
	service_unref(built_in);
	return result;
}

static void print_credentials(const struct credentials *credentials, FILE *out)
{
	(void)fprintf(out, "ids %d %lu %lu", credentials->change,
		      (unsigned long)credentials->uid, (unsigned long)credentials->gid);
	for (size_t i = 0; i < credentials->group_count; i++)
		(void)fprintf(out, " %lu", (unsigned long)credentials->groups[i]);
	(void)fputc('\n', out);
}

static void print_endpoint(const struct endpoint *endpoint, FILE *out)
{
	char text[ENDPOINT_TEXT_SIZE];
	(void)fprintf(out, "%s %lu %lu\n", endpoint_format(endpoint, text),
		      (unsigned long)endpoint->owner, (unsigned long)endpoint->group);
}

/* The same, but for the port that follows? */
static bool is_next_port(const struct endpoint *before, const struct endpoint *endpoint)
{
	unsigned port = addr_port(&endpoint->addr);
	struct addr addr = endpoint->addr;
	if (before->transport != endpoint->transport ||
	    addr_port(&before->addr) + 1 != (int)port)
		return false;
	addr_set_port(&addr, (uint16_t)(port - 1));
	return addr_equal(&addr, &before->addr);
}

/* The ports of a range stand in the entry: of each address the first one is enough. */
static void print_endpoints(const struct service *service, FILE *out)
{
	const struct endpoint *before = NULL;
	for (size_t i = 0; i < service->endpoint_count; i++) {
		const struct endpoint *endpoint = &service->endpoints[i];
		if (before == NULL || !is_next_port(before, endpoint))
			print_endpoint(endpoint, out);
		before = endpoint;
	}
}

char *dump_fingerprint(const struct service *service, const struct assignments *given)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (out == NULL)
		return NULL;
	int result = dump_service(service, given, out);
	print_credentials(&service->program.credentials, out);
	if (service_is_rpc(service))
		(void)fprintf(out, "rpc %lu\n", (unsigned long)service->rpc_program);
	print_endpoints(service, out);
	bool failed = ferror(out) != 0;
	if (fclose(out) == EOF || failed || result < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int dump_settings(const struct settings *settings, FILE *out)
{
	struct table *built_in = table_new();
	if (built_in == NULL)
		return -ENOMEM;
	int result = dump_attributes(ATTRIBUTE_SETTING, settings, &built_in->settings,
				     NULL, out);
	table_free(built_in);
	return result;
}

/* What was converted says where it came from. */
static int dump_named(const struct service *service, FILE *out)
{
	if (service->dialect != DIALECT_NATIVE)
		(void)fprintf(out, "# from %s:%u\n", service->file, service->line);
	return dump_service(service, NULL, out);
}

int conf_dump(const struct table *table, FILE *out)
{
	errno = 0;
	int result = dump_settings(&table->settings, out);
	for (size_t i = 0; i < table->count && result == 0; i++)
		result = dump_named(table->services[i], out);
	if (result == 0 && (fflush(out) == EOF || ferror(out) != 0))
		result = errno != 0 ? -errno : -EIO;
	return result;
}
