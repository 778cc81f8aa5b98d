/* SPDX-License-Identifier: ISC */
/* Nothing here depends on the time zone, nor on a locale: usherd has none set. */
#include "usherd/http/date.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* 31 Dec 9999 23:59:59: what four digits hold. */
#define LATEST   INT64_C(253402300799)
#define EARLIEST INT64_C(-62135596800)

const char *http_date_format(int64_t seconds, char buffer[HTTP_DATE_SIZE])
{
	time_t moment = (time_t)seconds;
	struct tm parts;

	if (seconds > LATEST)
		moment = (time_t)LATEST;
	if (seconds < EARLIEST)
		moment = (time_t)EARLIEST;
	buffer[0] = '\0';
	if (gmtime_r(&moment, &parts) != NULL)
		(void)strftime(buffer, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT",
			       &parts);
	return buffer;
}

bool http_date_parse(const char *text, int64_t *ret)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT",
					     "%A, %d-%b-%y %H:%M:%S GMT",
					     "%a %b %e %H:%M:%S %Y" };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm parts;
		const char *end;

		memset(&parts, 0, sizeof(parts));
		end = strptime(text, forms[i], &parts);
		if (end == NULL || *end != '\0')
			continue;
		*ret = (int64_t)timegm(&parts);
		return true;
	}
	return false;
}
