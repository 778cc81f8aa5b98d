/* SPDX-License-Identifier: ISC */
/*
 * The in-process service `http`: static files, by libmicrohttpd on the worker's loop.
 * Part of the program usherd-http alone, so that the library is in nobody else's memory.
 *
 * A connection may be used for one request after the other. It is closed when the head of
 * a request has not come completely within the service's idle_timeout (HTTPD_IDLE_NS if
 * that is none) after the connection or the answer before, and when an answer has not
 * moved for so long. When the worker drains, connections that wait for a further request
 * are closed, the others after their answer.
 */
#ifndef USHERD_HTTPD_HTTPD_H
#define USHERD_HTTPD_HTTPD_H

#include "usherd/internal/internal.h"

#define HTTPD_IDLE_NS (UINT64_C(60) * 1000000000)

/* Room for the head of a request and that of its answer, which is all that a client can
 * make a connection remember. */
#define HTTPD_MEMORY 16384

/* The services of usherd-http; NULL for all others. */
const struct internal *httpd_find(const char *name);

#endif
