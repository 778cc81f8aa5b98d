/* SPDX-License-Identifier: ISC */
/* The header field Accept-Encoding (RFC 9110 section 12.5.3). Pure. */
#ifndef USHERD_HTTP_CODING_H
#define USHERD_HTTP_CODING_H

#include <stdbool.h>

/* May the answer be compressed with gzip? @value NULL: no such field, and so no. */
bool http_coding_accepts_gzip(const char *value);

#endif
