/* SPDX-License-Identifier: ISC */
/*
 * The nearest word. Distance is optimal string alignment: insert, delete, change one
 * letter, or swap two neighbours, each costs one. Names of attributes are short, so
 * longer words are not compared at all and the table has a fixed size.
 */
#include "usherd/base/closest.h"

#include <string.h>

#define LONGEST_WORD 64

static char fold(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* One row of the table: @rows[0] is computed from the one before and the one before
 * that; @i counts letters of @a from 1. */
static void compute_row(unsigned *rows[3], const char *a, size_t i, const char *b,
			size_t b_length)
{
	rows[0][0] = (unsigned)i;
	for (size_t j = 1; j <= b_length; j++) {
		char from = fold(a[i - 1]);
		char to = fold(b[j - 1]);
		unsigned cost = rows[1][j - 1] + (from == to ? 0 : 1);

		cost = least(cost, least(rows[1][j], rows[0][j - 1]) + 1);
		if (i > 1 && j > 1 && from == fold(b[j - 2]) && to == fold(a[i - 2]))
			cost = least(cost, rows[2][j - 2] + 1);
		rows[0][j] = cost;
	}
}

static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned cells[3][LONGEST_WORD + 1] = { { 0 } };
	unsigned *rows[3] = { cells[0], cells[1], cells[2] };

	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *oldest = rows[2];

		rows[2] = rows[1];
		rows[1] = rows[0];
		rows[0] = oldest;
		compute_row(rows, a, i, b, b_length);
	}
	return rows[0][b_length];
}

void closest_init(struct closest *search, const char *word)
{
	unsigned limit = strlen(word) < 5 ? 1 : 2;

	*search = (struct closest){ .word = word, .best_distance = limit + 1 };
}

void closest_consider(struct closest *search, const char *candidate)
{
	size_t word_length = strlen(search->word);
	size_t length = strlen(candidate);
	unsigned found;

	if (word_length > LONGEST_WORD || length > LONGEST_WORD)
		return;
	found = distance(search->word, word_length, candidate, length);
	if (found < search->best_distance) {
		search->best = candidate;
		search->best_distance = found;
	}
}
