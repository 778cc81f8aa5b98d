/* SPDX-License-Identifier: ISC */
/* Stanzas in, service table out: defaults merged, values converted, names resolved,
 * everything checked. */
#ifndef USHERD_CONF_BUILD_H
#define USHERD_CONF_BUILD_H

#include "usherd/conf/load.h"
#include "usherd/conf/stanza.h"

#define BUILD_ENDPOINTS_MAX 100000

/*
 * 0 with a table; -EINVAL with at least one error added to @diagnostics (the stanzas are
 * always worked through to the end); -ENOMEM. May block on name look-ups.
 */
int build_table(const struct conf_request *request, const struct stanzas *stanzas,
		struct table **ret, struct diagnostics *diagnostics);

#endif
