/* SPDX-License-Identifier: ISC */
/* Every kind of value: how it is written, its converter and its formatter. Which
 * attribute has which kind is said in attributes.c. */
#include "usherd/conf/value_kinds.h"

#include "value_internal.h"

#define KIND_ONE(kind, in, out, text)                                                    \
	const struct value_kind kind_##kind = { .syntax = (text),                        \
						.words = 1,                              \
						.parse = parse_##in,                     \
						.format = format_##out }
#define KIND_TWO(kind, text)                                                             \
	const struct value_kind kind_##kind = { .syntax = (text),                        \
						.words = 2,                              \
						.parse = parse_##kind,                   \
						.format = format_##kind }
#define KIND_SOME(kind, most, text)                                                      \
	const struct value_kind kind_##kind = { .syntax = (text),                        \
						.words = 1,                              \
						.words_max = (most),                     \
						.parse = parse_##kind,                   \
						.format = format_##kind }
#define KIND_LIST(kind, in, out, text)                                                   \
	const struct value_kind kind_##kind = { .syntax = (text),                        \
						.list = true,                            \
						.parse = parse_##in,                     \
						.format = format_##out }

KIND_ONE(text, text, text, "a word");
KIND_ONE(name, text, name, "a word");
KIND_ONE(internal, text, internal, "a word");
KIND_ONE(id, include, include, "a word");
KIND_ONE(path, path, text, "an absolute path");
KIND_ONE(server, server, server, "an absolute path");
KIND_ONE(argv0, argv0, argv0, "a word");
KIND_ONE(boolean, boolean, boolean, "yes or no");
KIND_ONE(number, number, number, "a number");
KIND_ONE(count, count, count, "a number or UNLIMITED");
KIND_ONE(duration, duration, duration, "a duration (ms s m h d)");
KIND_ONE(mode, mode, mode, "an octal mode");
KIND_ONE(umask, umask, umask, "an octal mode");
KIND_ONE(word, word, word, "one word of");
KIND_ONE(interface, interface, interface, "the name of a network interface");
KIND_ONE(ident, ident, ident, "hidden, hashed, real or fixed:NAME");
KIND_ONE(libwrap, libwrap, text, "yes, no or the name of a daemon");
KIND_ONE(rpc_version, rpc_version, rpc_version, "a version or a range (A-B)");
KIND_ONE(rpc_number, rpc_number, rpc_number, "a number");
KIND_ONE(log, log, text, "stderr, syslog, syslog:FACILITY or file:PATH");
KIND_ONE(load, load, load, "a number such as 2.5, or UNLIMITED");
KIND_ONE(deny_time, deny_time, deny_time,
	 "FOREVER, NEVER, minutes, or a duration with a unit (ms s m h d)");
KIND_ONE(rlimit_count, rlimit_count, rlimit_count, "a number or UNLIMITED");
KIND_ONE(rlimit_size, rlimit_size, rlimit_size, "bytes (K M G T) or UNLIMITED");
KIND_ONE(rlimit_seconds, rlimit_seconds, rlimit_seconds,
	 "a duration of whole seconds, or UNLIMITED");
KIND_ONE(rlimit_microseconds, rlimit_microseconds, rlimit_microseconds,
	 "a duration (ms s m h d) or UNLIMITED");

KIND_TWO(cps, "{ connections per second, duration of the pause }");
KIND_TWO(cpm, "{ connections per minute, duration of the pause }");
KIND_TWO(source_prefix, "{ bits for IPv4, bits for IPv6 }");

KIND_SOME(log_type, 4,
	  "{ SYSLOG, facility, level }, { FILE, path, soft limit, hard limit }, none or "
	  "main");

KIND_LIST(words, words, words, "a list of");
KIND_LIST(protocols, protocols, protocols,
	  "a name of the protocols database, or a list of");
KIND_LIST(bind, bind, strings, "a list of addresses, host names, \"*\", paths or @names");
KIND_LIST(ports, ports, ports, "a list of ports, ranges (A-B) or service names");
KIND_LIST(redirect, redirect, redirect,
	  "a list of HOST:PORT, [ADDRESS]:PORT, paths and @names, or HOST and PORT");
KIND_LIST(arguments, arguments, arguments, "a list of words");
KIND_LIST(environment, environment, strings, "a list of NAME=VALUE");
KIND_LIST(passenv, passenv, passenv, "a list of variable names");
KIND_LIST(prefixes, prefixes, prefixes,
	  "a list of addresses, ADDRESS/BITS, ADDRESS/MASK, \"A.B.{X,Y}\", host names, "
	  ".domains or names of networks");
KIND_LIST(access_times, access_times, access_times,
	  "a list of spans of the day (H:M-H:M)");
KIND_LIST(index, index, index, "a list of names of files");
KIND_LIST(ids, include, include, "a list of titles of services");
KIND_LIST(include, include, include, "a list of paths or patterns");
