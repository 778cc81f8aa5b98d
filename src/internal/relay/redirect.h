/* SPDX-License-Identifier: ISC */
/* What internal.c lists. Nobody else includes this. */
#ifndef USHERD_INTERNAL_REDIRECT_H
#define USHERD_INTERNAL_REDIRECT_H

#include "usherd/internal/internal.h"

/* SERVICE_REDIRECT */
extern const struct internal redirect_internal;

#endif
