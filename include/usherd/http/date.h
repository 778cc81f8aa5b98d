/* SPDX-License-Identifier: ISC */
/* Moments as HTTP writes them (RFC 9110 section 5.6.7), in GMT. */
#ifndef USHERD_HTTP_DATE_H
#define USHERD_HTTP_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define HTTP_DATE_SIZE 32

/* "Sun, 06 Nov 1994 08:49:37 GMT"; a year beyond 9999 or before 0 is cut to the nearest.
 */
const char *http_date_format(int64_t seconds, char buffer[HTTP_DATE_SIZE]);

/* That form and the two old ones that are still to be understood. */
bool http_date_parse(const char *text, int64_t *ret);

#endif
