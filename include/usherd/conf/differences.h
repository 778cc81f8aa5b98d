/* SPDX-License-Identifier: ISC */
/* Where usherd does not do with a service what the program its file was written for did.
 */
#ifndef USHERD_CONF_DIFFERENCES_H
#define USHERD_CONF_DIFFERENCES_H

#include <stddef.h>

#include "usherd/conf/diagnostics.h"
#include "usherd/model/table.h"

/*
 * A note for each thing that a service of xinetd's or inetd's files asks for and that
 * usherd does in another way, at the place of the service; disabled services have none.
 * What is different for every service, whatever it says, is in usherd-xinetd(7) and
 * usherd-inetd(7). Returns how many services have notes.
 */
size_t differences_tell(const struct table *table, struct diagnostics *diagnostics);

#endif
