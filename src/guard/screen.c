/* SPDX-License-Identifier: ISC */
/*
 * From address lists to a packet filter. Points are the addresses at which the guard's
 * word changes, found by asking it there; the program is a binary search among them, word
 * by word. Attaches nothing.
 */
#include "usherd/guard/screen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/guard/guard.h"

#define ADDRESS_SIZE  16
#define ADDRESS_WORDS 4
#define LAST_WORD     (ADDRESS_WORDS - 1)

/* Where the first word of the source would stand, had it four: RFC 8200 section 3, RFC
 * 791 section 3.1 (whose one word is the last of the mapped form). */
#define IPV6_SOURCE  8
#define IPV4_SOURCE  0

#define VERSION_MASK 0xf0
#define VERSION_IPV4 0x40
#define VERSION_IPV6 0x60

#define PASS_WHOLE   UINT32_MAX
#define DROP         0

static const uint8_t mapped_first[ADDRESS_SIZE] = { [10] = 0xff, [11] = 0xff };
static const uint8_t mapped_last[ADDRESS_SIZE] = { [10] = 0xff, 0xff, 0xff,
						   0xff,        0xff, 0xff };

/* From this address on, up to the next point. */
struct point {
	uint8_t bytes[ADDRESS_SIZE];
	bool welcome;
};

struct points {
	struct point *items; /* owned, ascending; the first is address 0 */
	size_t count;
};

struct writer {
	struct sock_filter *code; /* BPF_MAXINSNS of them */
	size_t count;
	uint32_t source; /* offset of word 0 in the network header */
	bool full;
};

/* Points of which all words before one are alike, those of that one from low to high. */
struct region {
	const struct point *points;
	size_t count;
	uint32_t low;
	uint32_t high;
	bool before; /* the word on what comes before the first point */
};

static int compare_points(const void *a, const void *b)
{
	const struct point *left = a;
	const struct point *right = b;

	return memcmp(left->bytes, right->bytes, ADDRESS_SIZE);
}

static void add_point(struct points *points, const uint8_t *bytes)
{
	memcpy(points->items[points->count++].bytes, bytes, ADDRESS_SIZE);
}

/* The address after @bytes; none comes after the last. */
static void add_next(struct points *points, const uint8_t *bytes)
{
	uint8_t next[ADDRESS_SIZE];
	size_t i = ADDRESS_SIZE;

	memcpy(next, bytes, sizeof(next));
	while (i-- > 0) {
		if (++next[i] == 0)
			continue;
		add_point(points, next);
		return;
	}
}

static void add_set(struct points *points, const struct addrset *set)
{
	for (size_t i = 0; i < set->count; i++) {
		add_point(points, set->ranges[i].first);
		add_next(points, set->ranges[i].last);
	}
}

static bool is_mapped(const uint8_t *bytes)
{
	return memcmp(bytes, mapped_first, ADDRESS_SIZE) >= 0 &&
	       memcmp(bytes, mapped_last, ADDRESS_SIZE) <= 0;
}

static bool is_welcome(const struct policy *policy, const uint8_t *bytes)
{
	struct addr addr = { .length = sizeof(addr.u.in6) };

	addr.u.in6.sin6_family = AF_INET6;
	memcpy(&addr.u.in6.sin6_addr, bytes, ADDRESS_SIZE);
	addr_normalise(&addr);
	return guard_welcomes(policy, &addr);
}

/* Ask at each point, and leave out those where nothing changes. The addresses of IPv4 are
 * in no packet of IPv6: nobody is welcome who says so. */
static void ask_guard(struct points *points, const struct policy *policy, int family)
{
	size_t kept = 0;

	for (size_t i = 0; i < points->count; i++) {
		struct point point = points->items[i];

		point.welcome = is_mapped(point.bytes) == (family == AF_INET) &&
				is_welcome(policy, point.bytes);
		if (kept == 0 || points->items[kept - 1].welcome != point.welcome)
			points->items[kept++] = point;
	}
	points->count = kept;
}

/* Of @family; of the other nobody is welcome. */
static int find_points(const struct policy *policy, int family, struct points *ret)
{
	static const uint8_t zero[ADDRESS_SIZE];
	size_t ranges = policy->only_from.set.count + policy->no_access.set.count;
	struct points points = { .count = 0 };

	points.items = calloc(ranges * 2 + 3, sizeof(*points.items));
	if (points.items == NULL)
		return -ENOMEM;
	add_point(&points, zero);
	add_point(&points, mapped_first);
	add_next(&points, mapped_last);
	add_set(&points, &policy->only_from.set);
	add_set(&points, &policy->no_access.set);
	qsort(points.items, points.count, sizeof(*points.items), compare_points);
	ask_guard(&points, policy, family);
	*ret = points;
	return 0;
}

static void write_one(struct writer *writer, struct sock_filter instruction)
{
	if (writer->count == BPF_MAXINSNS)
		writer->full = true;
	else
		writer->code[writer->count++] = instruction;
}

static void write_return(struct writer *writer, bool welcome)
{
	write_one(writer, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						       welcome ? PASS_WHOLE : DROP));
}

/* A jump over what has been written since @start, to be taken unless @condition. What
 * stands there has no jump out of itself. */
static void jump_over(struct writer *writer, size_t start, struct sock_filter condition)
{
	size_t length = writer->count - start;
	size_t needed = length > UINT8_MAX ? 2 : 1;

	if (writer->full || writer->count + needed > BPF_MAXINSNS) {
		writer->full = true;
		return;
	}
	memmove(&writer->code[start + needed], &writer->code[start],
		length * sizeof(*writer->code));
	writer->count += needed;
	/* The offsets of a condition are bytes. */
	if (needed == 1) {
		condition.jt = condition.jt != 0 ? (uint8_t)length : 0;
		condition.jf = condition.jf != 0 ? (uint8_t)length : 0;
	} else {
		condition.jt = condition.jt == 0;
		condition.jf = condition.jf == 0;
		writer->code[start + 1] =
			(struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)length);
	}
	writer->code[start] = condition;
}

static uint32_t word_of(const struct point *point, size_t level)
{
	uint32_t word;

	memcpy(&word, point->bytes + level * sizeof(word), sizeof(word));
	return ntohl(word);
}

/* Is all after the word at @level zero? */
static bool begins_word(const struct point *point, size_t level)
{
	for (size_t i = level + 1; i < ADDRESS_WORDS; i++)
		if (word_of(point, i) != 0)
			return false;
	return true;
}

static void write_region(struct writer *writer, struct region region, size_t level);

static void write_words(struct writer *writer, const struct point *points, size_t count,
			bool before, size_t level)
{
	const struct region all = {
		.points = points, .count = count, .high = UINT32_MAX, .before = before
	};

	if (count > 0)
		write_one(writer, (struct sock_filter)BPF_STMT(
					  BPF_LD | BPF_W | BPF_ABS,
					  (uint32_t)SKF_NET_OFF + writer->source +
						  (uint32_t)(level * sizeof(uint32_t))));
	write_region(writer, all, level);
}

/* What is less than @split, and what is not. */
static void write_split(struct writer *writer, const struct region *region,
			uint32_t split, size_t level)
{
	struct region left = *region;
	struct region right = *region;
	size_t start = writer->count;

	left.count = 0;
	while (left.count < region->count &&
	       word_of(&region->points[left.count], level) < split)
		left.count++;
	left.high = split - 1;
	right.points += left.count;
	right.count -= left.count;
	right.low = split;
	if (left.count > 0)
		right.before = left.points[left.count - 1].welcome;
	write_region(writer, left, level);
	jump_over(writer, start,
		  (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, split, 1, 0));
	write_region(writer, right, level);
}

static void write_region(struct writer *writer, struct region region, size_t level)
{
	uint32_t middle;

	if (writer->full)
		return;
	if (region.count > 0 && word_of(region.points, level) == region.low &&
	    begins_word(region.points, level)) {
		region.before = region.points->welcome;
		region.points++;
		region.count--;
	}
	if (region.count == 0) {
		write_return(writer, region.before);
		return;
	}
	/* Only where there is a next word: in the last each point begins one. */
	if (region.low == region.high) {
		write_words(writer, region.points, region.count, region.before,
			    level + 1);
		return;
	}
	middle = word_of(&region.points[region.count / 2], level);
	write_split(writer, &region, middle > region.low ? middle : middle + 1, level);
}

static void write_ipv4(struct writer *writer, const struct points *points)
{
	size_t first = 1;
	size_t count = 0;

	while (first < points->count &&
	       memcmp(points->items[first].bytes, mapped_first, ADDRESS_SIZE) <= 0)
		first++;
	while (first + count < points->count &&
	       is_mapped(points->items[first + count].bytes))
		count++;
	writer->source = IPV4_SOURCE;
	write_words(writer, points->items + first, count,
		    points->items[first - 1].welcome, LAST_WORD);
}

static void write_ipv6(struct writer *writer, const struct points *points)
{
	writer->source = IPV6_SOURCE;
	write_words(writer, points->items + 1, points->count - 1,
		    points->items[0].welcome, 0);
}

static int write_program(struct writer *writer, const struct policy *policy)
{
	static const struct {
		int family;
		uint32_t version;
		void (*write)(struct writer *writer, const struct points *points);
	} families[] = { { AF_INET, VERSION_IPV4, write_ipv4 },
			 { AF_INET6, VERSION_IPV6, write_ipv6 } };

	write_one(writer, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
						       (uint32_t)SKF_NET_OFF));
	write_one(writer,
		  (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, VERSION_MASK));
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		size_t start = writer->count;
		struct points points;

		if (find_points(policy, families[i].family, &points) < 0)
			return -ENOMEM;
		families[i].write(writer, &points);
		free(points.items);
		jump_over(writer, start,
			  (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						       families[i].version, 0, 1));
	}
	write_return(writer, false);
	return writer->full ? -E2BIG : 0;
}

int screen_compile(const struct policy *policy, struct sock_fprog *ret, struct error *err)
{
	struct writer writer = { .count = 0 };
	int r = -ENOMEM;

	writer.code = calloc(BPF_MAXINSNS, sizeof(*writer.code));
	if (writer.code != NULL)
		r = write_program(&writer, policy);
	if (r == 0) {
		*ret = (struct sock_fprog){ .len = (unsigned short)writer.count,
					    .filter = writer.code };
		return 0;
	}
	free(writer.code);
	if (r == -ENOMEM)
		return error_set(err, r, "out of memory");
	return error_set(err, r,
			 "the lists need more than the %d instructions that a packet "
			 "filter may have",
			 BPF_MAXINSNS);
}

void screen_done(struct sock_fprog *screen)
{
	free(screen->filter);
	*screen = (struct sock_fprog){ .len = 0 };
}
