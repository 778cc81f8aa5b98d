/* SPDX-License-Identifier: ISC */
/* What is in effect for one service, in the lines of xinetd's state dump. */
#ifndef USHERD_DAEMON_SERVICE_DUMP_H
#define USHERD_DAEMON_SERVICE_DUMP_H

#include <stdio.h>

#include "usherd/model/service.h"

/* With two tabs in front of each line. 0 or -ENOMEM; @out keeps its own errors. */
int service_dump(const struct service *service, FILE *out);

#endif
