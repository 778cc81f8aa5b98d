/* SPDX-License-Identifier: ISC */
/*
 * The way of one client: readiness -> connection -> verdict -> program or session.
 */
#ifndef USHERD_SERVE_DISPATCH_H
#define USHERD_SERVE_DISPATCH_H

#include "usherd/loop/loop.h"

/* A listener is ready: engine_setup.listener_ready. */
void dispatch_ready(struct watch *watch, short revents);

#endif
