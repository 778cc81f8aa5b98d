/* SPDX-License-Identifier: ISC */
/* The data behind log_type. Words are conf's, files are serve's. */
#include "usherd/model/log_type.h"

#include <stdlib.h>

uint64_t log_type_hard_limit(uint64_t soft_limit)
{
	uint64_t extra = soft_limit / 100;

	if (extra < LOG_TYPE_EXTRA_MIN)
		extra = LOG_TYPE_EXTRA_MIN;
	if (extra > LOG_TYPE_EXTRA_MAX)
		extra = LOG_TYPE_EXTRA_MAX;
	return extra > UINT64_MAX - soft_limit ? UINT64_MAX : soft_limit + extra;
}

void log_type_done(struct log_type *type)
{
	free(type->path);
	*type = (struct log_type){ .kind = LOG_TYPE_MAIN };
}
