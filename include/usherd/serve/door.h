/* SPDX-License-Identifier: ISC */
/*
 * The doors of a full service that a crowd has come to are closed: the kernel refuses
 * clients there (RST), which costs us nothing. They open as soon as a place is free, and
 * after a moment in any case: another process may have freed one, and clients are to be
 * counted and logged now and then.
 */
#ifndef USHERD_SERVE_DOOR_H
#define USHERD_SERVE_DOOR_H

#include "usherd/serve/duty.h"

/*
 * The listener, which is open here, has refused @refused clients in a row. True: they are
 * part of a crowd, the door is closed and not watched for now.
 */
bool door_turned_away(struct listener *listener, unsigned refused);

/* Somebody was let in by the listener. */
void door_let_in(struct listener *listener);

#endif
