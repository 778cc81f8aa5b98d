/* SPDX-License-Identifier: ISC */
/* What this process has open, to see that a test leaves nothing behind. */
#ifndef USHERD_TEST_DESCRIPTORS_H
#define USHERD_TEST_DESCRIPTORS_H

#include <dirent.h>
#include <stddef.h>

/* A number to compare with another of this call; -1 if it cannot be told. */
static inline int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	if (directory == NULL)
		return -1;
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

#endif
