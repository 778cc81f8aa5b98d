/* SPDX-License-Identifier: ISC */
/* Datagram clients of in-process services: guard, then one answer each. */
#ifndef USHERD_SERVE_ANSWERING_H
#define USHERD_SERVE_ANSWERING_H

#include "usherd/serve/duty.h"

void answering_ready(struct listener *listener);

#endif
