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
 * always worked through to the end, and changed on the way); -ENOMEM. May block on name
 * look-ups. A service of an xinetd or inetd file that has mistakes is left out of the
 * table and named in its list `refused`, with SEVERITY_REFUSAL.
 */
int build_table(const struct conf_request *request, struct stanzas *stanzas,
		struct table **ret, struct diagnostics *diagnostics);

#endif
