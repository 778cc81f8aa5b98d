/* SPDX-License-Identifier: ISC */
/* One request, answered: which status, which fields, which bytes. */
#ifndef USHERD_HTTPD_ANSWER_H
#define USHERD_HTTPD_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>

#include "usherd/httpd/site.h"

struct request {
	struct MHD_Connection *connection; /* borrowed */
	const char *method;
	const char *target;
	bool last; /* the connection is not to be used again */
};

/* Queue the answer; MHD_NO if there is no memory for it: the connection is then closed.
 * Only once for a request, in the first call for it. */
enum MHD_Result answer_request(const struct site *site, const struct request *request);

#endif
