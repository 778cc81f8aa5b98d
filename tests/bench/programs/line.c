/* SPDX-License-Identifier: ISC */
/* Reads a line, writes it back, ends. */
#include "bare.h"

_Noreturn void program_start(void);

_Noreturn void program_start(void)
{
	bare_answer_line();
	bare_exit(0);
}
