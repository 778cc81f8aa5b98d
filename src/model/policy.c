/* SPDX-License-Identifier: ISC */
/* What a policy owns. The decisions made from one are guard's. */
#include "usherd/model/policy.h"

#include <stdlib.h>

int prefix_list_compile(struct prefix_list *list)
{
	struct addrset set = { 0 };
	int r = addrset_build(list->items, list->count, &set);

	if (r < 0)
		return r;
	addrset_done(&list->set);
	list->set = set;
	return 0;
}

void prefix_list_done(struct prefix_list *list)
{
	free(list->items);
	addrset_done(&list->set);
	strings_done(&list->names);
	*list = (struct prefix_list){ 0 };
}

void policy_done(struct policy *policy)
{
	prefix_list_done(&policy->only_from);
	prefix_list_done(&policy->no_access);
	free(policy->access_times);
	policy->access_times = NULL;
	policy->access_time_count = 0;
}
