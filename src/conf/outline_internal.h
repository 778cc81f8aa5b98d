/* SPDX-License-Identifier: ISC */
/* The structure of the text, told word by word by the pre-scan. */
#ifndef USHERD_OUTLINE_INTERNAL_H
#define USHERD_OUTLINE_INTERNAL_H

#include "scan_internal.h"

/* What the structure makes of the next word (from @start to the position), '=', '+=',
 * '{', '}', ',' and the end of the text. */
void outline_word(struct scan *scan, size_t start, bool quoted);
void outline_assignment(struct scan *scan, bool append);
void outline_open(struct scan *scan);
void outline_close(struct scan *scan);
void outline_comma(struct scan *scan);
void outline_end(struct scan *scan);

#endif
