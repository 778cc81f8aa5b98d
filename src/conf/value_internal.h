/* SPDX-License-Identifier: ISC */
/* The converters and formatters, paired into kinds by value_kinds.c. */
#ifndef USHERD_VALUE_INTERNAL_H
#define USHERD_VALUE_INTERNAL_H

#include "usherd/conf/attributes.h"

#define VALUE_PARSER(name)                                                               \
	int parse_##name(const struct attribute *attribute,                              \
			 const struct strings *values, void *object, struct error *err)
#define VALUE_FORMATTER(name)                                                            \
	int format_##name(const struct attribute *attribute, const void *object,         \
			  struct strings *ret)

VALUE_PARSER(text);
VALUE_PARSER(path);
VALUE_PARSER(server);
VALUE_PARSER(argv0);
VALUE_PARSER(boolean);
VALUE_PARSER(number);
VALUE_PARSER(count);
VALUE_PARSER(duration);
VALUE_PARSER(mode);
VALUE_PARSER(umask);
VALUE_PARSER(word);
VALUE_PARSER(interface);
VALUE_PARSER(ident);
VALUE_PARSER(libwrap);
VALUE_PARSER(log);
VALUE_PARSER(log_type);
VALUE_PARSER(rlimit_count);
VALUE_PARSER(rlimit_size);
VALUE_PARSER(rlimit_seconds);
VALUE_PARSER(rlimit_microseconds);
VALUE_PARSER(cps);
VALUE_PARSER(cpm);
VALUE_PARSER(source_prefix);
VALUE_PARSER(load);
VALUE_PARSER(deny_time);
VALUE_PARSER(access_times);
VALUE_PARSER(words);
VALUE_PARSER(protocols);
VALUE_PARSER(bind);
VALUE_PARSER(ports);
VALUE_PARSER(redirect);
VALUE_PARSER(rpc_version);
VALUE_PARSER(rpc_number);
VALUE_PARSER(arguments);
VALUE_PARSER(environment);
VALUE_PARSER(passenv);
VALUE_PARSER(prefixes);
VALUE_PARSER(index);
VALUE_PARSER(include);

VALUE_FORMATTER(text);
VALUE_FORMATTER(name);
VALUE_FORMATTER(server);
VALUE_FORMATTER(argv0);
VALUE_FORMATTER(internal);
VALUE_FORMATTER(boolean);
VALUE_FORMATTER(number);
VALUE_FORMATTER(count);
VALUE_FORMATTER(duration);
VALUE_FORMATTER(mode);
VALUE_FORMATTER(umask);
VALUE_FORMATTER(word);
VALUE_FORMATTER(interface);
VALUE_FORMATTER(ident);
VALUE_FORMATTER(log_type);
VALUE_FORMATTER(rlimit_count);
VALUE_FORMATTER(rlimit_size);
VALUE_FORMATTER(rlimit_seconds);
VALUE_FORMATTER(rlimit_microseconds);
VALUE_FORMATTER(cps);
VALUE_FORMATTER(cpm);
VALUE_FORMATTER(source_prefix);
VALUE_FORMATTER(load);
VALUE_FORMATTER(deny_time);
VALUE_FORMATTER(access_times);
VALUE_FORMATTER(words);
VALUE_FORMATTER(protocols);
VALUE_FORMATTER(ports);
VALUE_FORMATTER(redirect);
VALUE_FORMATTER(rpc_version);
VALUE_FORMATTER(rpc_number);
VALUE_FORMATTER(arguments);
VALUE_FORMATTER(strings);
VALUE_FORMATTER(passenv);
VALUE_FORMATTER(prefixes);
VALUE_FORMATTER(index);
VALUE_FORMATTER(include);

/* One port, as a number or as its name for all of @protocols (enum service_protocol). */
int value_parse_port(const char *text, unsigned protocols, uint16_t *ret,
		     struct error *err);

#endif
