/* SPDX-License-Identifier: ISC */
/*
 * RFC 865, quote of the day: one of a few proverbs, chosen by the second. Old sayings
 * without an author, and sayings about this trade. Reads no file.
 */
#include <string.h>

#include "builtins.h"

/* RFC 865: fewer than 512 characters, printing ones, space, CR and LF. */
static const char *const quotes[] = {
	"A stitch in time saves nine.\r\n",
	"Look before you leap.\r\n",
	"Many hands make light work.\r\n",
	"Still waters run deep.\r\n",
	"Well begun is half done.\r\n",
	"Measure twice, cut once.\r\n",
	"Make haste slowly.\r\n",
	"Good fences make good neighbours.\r\n",
	"A chain is as strong as its weakest link.\r\n",
	"The shoemaker's children go barefoot.\r\n",
	"An ounce of prevention is worth a pound of cure.\r\n",
	"A door that nobody knows of is still a door.\r\n",
	"The guest list is short; the queue outside is long.\r\n",
	"Who holds the door for everybody never sits down.\r\n",
	"A limit nobody reaches is a decoration;\r\na limit nobody set is a promise.\r\n",
	"The port you forgot to close remembers you.\r\n",
	"Trust the address, and you trust whoever wrote it.\r\n",
	"Every server is small until its clients meet.\r\n",
	"Give a program only what it needs,\r\nand it will break only what it has.\r\n",
	"He who answers every stranger soon speaks to himself.\r\n",
};

#define QUOTE_COUNT (sizeof(quotes) / sizeof(quotes[0]))

static size_t qotd_render(const struct builtin_moment *moment,
			  uint8_t text[BUILTINS_TEXT_SIZE])
{
	const char *quote = quotes[(uint64_t)moment->wall_seconds % QUOTE_COUNT];
	size_t length = strnlen(quote, BUILTINS_TEXT_SIZE - 1);

	memcpy(text, quote, length);
	return length;
}

static size_t qotd_produce(uint64_t *position, uint8_t *buffer, size_t size,
			   const struct builtin_moment *moment)
{
	return builtins_produce_text(position, buffer, size, moment, qotd_render);
}

/* Never longer than the request: a forged sender gains nothing. */
static ssize_t qotd_answer(const uint8_t *request, size_t length, uint8_t *reply,
			   size_t size, const struct builtin_moment *moment)
{
	(void)request;
	return builtins_answer_text(length, reply, size, moment, qotd_render);
}

const struct builtin builtins_qotd = {
	.name = "qotd",
	.input = BUILTIN_INPUT_IGNORE,
	.produce = qotd_produce,
	.answer = qotd_answer,
};
