/* SPDX-License-Identifier: ISC */
/* When those who are refused are a crowd. What is done about it is not known here. */
#include "usherd/guard/crowd.h"

bool crowd_grows(struct crowd *crowd, uint64_t refused, uint64_t now_ns)
{
	if (crowd->refused == 0 || now_ns - crowd->since_ns > CROWD_NS)
		*crowd = (struct crowd){ .since_ns = now_ns };
	crowd->refused += refused;
	if (crowd->refused < CROWD_CLIENTS)
		return false;
	crowd_ends(crowd);
	return true;
}

void crowd_ends(struct crowd *crowd)
{
	crowd->refused = 0;
}
