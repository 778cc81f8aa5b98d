/* SPDX-License-Identifier: ISC */
/*
 * One byte at a time through a table of states. What a line means, and when the next one
 * may be taken, is none of its concern.
 */
#include "usherd/internal/line_input.h"

enum state {
	STATE_TEXT,
	STATE_CR,       /* a CR that may belong to the line's end */
	STATE_CR_ENDED, /* telnet: it has ended a line, LF or NUL belong to it */
	STATE_IAC,
	STATE_VERB, /* the option comes next */
	STATE_SUB,  /* within a subnegotiation */
	STATE_SUB_IAC,
};

#define TELNET_SB 250
#define TELNET_SE 240

static void put(struct line_input *input, const struct line_form *form, uint8_t byte)
{
	if (input->length < form->room)
		form->text[input->length++] = (char)byte;
	else
		input->cut = true;
}

static enum line_input_event take_text(struct line_input *input,
				       const struct line_form *form, uint8_t byte)
{
	input->state = STATE_TEXT;
	if (byte == '\n')
		return LINE_INPUT_LINE;
	if (byte == '\r') {
		input->state = form->telnet ? STATE_CR_ENDED : STATE_CR;
		return form->telnet ? LINE_INPUT_LINE : LINE_INPUT_MORE;
	}
	if (form->telnet && byte == TELNET_IAC)
		input->state = STATE_IAC;
	else
		put(input, form, byte);
	return LINE_INPUT_MORE;
}

static enum line_input_event take_after_cr(struct line_input *input,
					   const struct line_form *form, uint8_t byte)
{
	if (byte != '\n')
		put(input, form, '\r');
	return take_text(input, form, byte);
}

static enum line_input_event take_after_end(struct line_input *input,
					    const struct line_form *form, uint8_t byte)
{
	input->state = STATE_TEXT;
	if (byte == '\n' || byte == '\0')
		return LINE_INPUT_MORE;
	return take_text(input, form, byte);
}

static enum line_input_event take_command(struct line_input *input,
					  const struct line_form *form, uint8_t byte)
{
	input->state = STATE_TEXT;
	if (byte == TELNET_IAC)
		put(input, form, byte);
	else if (byte == TELNET_SB)
		input->state = STATE_SUB;
	else if (byte >= TELNET_WILL && byte <= TELNET_DONT) {
		input->state = STATE_VERB;
		input->verb = byte;
	}
	return LINE_INPUT_MORE;
}

/* A refusal is never answered, so that two who refuse do not go on for ever: RFC 854,
 * "General considerations". */
static enum line_input_event take_option(struct line_input *input,
					 const struct line_form *form, uint8_t byte)
{
	(void)form;
	input->state = STATE_TEXT;
	input->option = byte;
	if (input->verb == TELNET_WILL)
		input->verb = TELNET_DONT;
	else if (input->verb == TELNET_DO)
		input->verb = TELNET_WONT;
	else
		return LINE_INPUT_MORE;
	return LINE_INPUT_OPTION;
}

static enum line_input_event take_sub(struct line_input *input,
				      const struct line_form *form, uint8_t byte)
{
	(void)form;
	if (byte == TELNET_IAC)
		input->state = STATE_SUB_IAC;
	return LINE_INPUT_MORE;
}

static enum line_input_event take_sub_command(struct line_input *input,
					      const struct line_form *form, uint8_t byte)
{
	(void)form;
	input->state = byte == TELNET_SE ? STATE_TEXT : STATE_SUB;
	return LINE_INPUT_MORE;
}

static enum line_input_event (*const takers[])(struct line_input *input,
					       const struct line_form *form,
					       uint8_t byte) = {
	[STATE_TEXT] = take_text,           [STATE_CR] = take_after_cr,
	[STATE_CR_ENDED] = take_after_end,  [STATE_IAC] = take_command,
	[STATE_VERB] = take_option,         [STATE_SUB] = take_sub,
	[STATE_SUB_IAC] = take_sub_command,
};

enum line_input_event line_input_take(struct line_input *input,
				      const struct line_form *form,
				      struct line_source *source)
{
	enum line_input_event event = LINE_INPUT_MORE;

	while (event == LINE_INPUT_MORE && source->size > 0) {
		uint8_t byte = *source->data++;

		source->size--;
		event = takers[input->state](input, form, byte);
	}
	return event;
}

void line_input_next(struct line_input *input)
{
	input->length = 0;
	input->cut = false;
}
