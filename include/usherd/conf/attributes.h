/* SPDX-License-Identifier: ISC */
/*
 * The attribute table: the only list of attributes there is. Readers, conversion, dump,
 * help and the test of the manual go through it.
 */
#ifndef USHERD_CONF_ATTRIBUTES_H
#define USHERD_CONF_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "usherd/base/error.h"
#include "usherd/base/strings.h"

struct attribute;

/* How a value is written, and both ways between words and the field. */
struct value_kind {
	const char *syntax; /* for people: "yes or no" */
	bool list;          /* any number of words, += and -= make sense */
	size_t words;       /* exactly so many, when not a list; */
	size_t words_max;   /* or, if not 0, up to so many */
	/* @object is the struct service or settings. 0, -EINVAL, -ENOMEM. */
	int (*parse)(const struct attribute *attribute, const struct strings *values,
		     void *object, struct error *err);
	/* Append the words. 1, 0 when the field says nothing, or -ENOMEM. */
	int (*format)(const struct attribute *attribute, const void *object,
		      struct strings *ret);
};

/* Where an attribute may stand. What may stand in defaults is inherited from there. */
enum attribute_place {
	ATTRIBUTE_SERVICE = 1 << 0,
	ATTRIBUTE_DEFAULTS = 1 << 1,
	ATTRIBUTE_SETTING = 1 << 2,
	ATTRIBUTE_OFFER = 1 << 3, /* in defaults, about which services there are */
};

/* Which services it applies to, and how it is printed. */
enum attribute_flag {
	ATTRIBUTE_PROGRAM = 1 << 0,  /* only services with a server */
	ATTRIBUTE_REDIRECT = 1 << 1, /* only services with redirect */
	ATTRIBUTE_INET = 1 << 2,     /* only tcp and udp */
	ATTRIBUTE_UNIX = 1 << 3,     /* only protocol = unix */
	ATTRIBUTE_ALWAYS = 1 << 4,   /* dumped even at its built-in default */
	ATTRIBUTE_PER_FILE = 1 << 5, /* every file may set it for itself */
	ATTRIBUTE_RPC = 1 << 7,      /* only type = RPC */
	ATTRIBUTE_SET = 1 << 6,      /* takes += and -= in xinetd's files as well */
};

/* One word of a closed vocabulary. */
struct attribute_word {
	const char *text;
	unsigned value;
};

struct attribute {
	const char *name;
	const char *alias; /* or NULL */
	const struct value_kind *kind;
	unsigned place;                     /* enum attribute_place */
	unsigned flags;                     /* enum attribute_flag */
	size_t offset;                      /* of the field in its struct */
	int64_t min, max;                   /* of numbers */
	unsigned index;                     /* RLIMIT_* */
	const struct attribute_word *words; /* up to a NULL text */
	const char *internal; /* only for this in-process service; NULL: any service */
	const char *help;     /* one line */
};

#define ATTRIBUTES_MAX 96

/* In canonical order. NULL past the end; the index is below ATTRIBUTES_MAX. */
const struct attribute *attribute_at(size_t index);
size_t attribute_index(const struct attribute *attribute);

/* By name or alias; NULL if there is none. */
const struct attribute *attribute_find(const char *name);

/* The nearest name that may stand at one of @places, or NULL. */
const char *attribute_suggest(const char *name, unsigned places);

/* Convert @values into the field of @object after checking how many they are. 0 or
 * -EINVAL / -ERANGE / -ENOMEM with a sentence that begins with the attribute's name. */
int attribute_parse(const struct attribute *attribute, const struct strings *values,
		    void *object, struct error *err);

/* The canonical words of the field: 1, 0 for none (not the same as an empty list), or
 * -ENOMEM. @ret is to be freed by the caller in any case. */
int attribute_format(const struct attribute *attribute, const void *object,
		     struct strings *ret);

#endif
