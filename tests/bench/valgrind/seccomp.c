/* SPDX-License-Identifier: ISC */
/*
 * Preloaded in place of libseccomp when instructions are counted: a worker's filter would
 * end it at the first system call that valgrind(1) makes for itself. The worker believes
 * that it is filtered; everything else is the build as it is.
 */
#include <stdint.h>

void *seccomp_init(uint32_t action);
int seccomp_rule_add(void *filter, uint32_t action, int number, unsigned count, ...);
int seccomp_rule_add_array(void *filter, uint32_t action, int number, unsigned count,
			   const void *conditions);
int seccomp_load(const void *filter);
void seccomp_release(void *filter);

void *seccomp_init(uint32_t action)
{
	static char filter;

	(void)action;
	return &filter;
}

int seccomp_rule_add(void *filter, uint32_t action, int number, unsigned count, ...)
{
	(void)filter;
	(void)action;
	(void)number;
	(void)count;
	return 0;
}

int seccomp_rule_add_array(void *filter, uint32_t action, int number, unsigned count,
			   const void *conditions)
{
	(void)conditions;
	return seccomp_rule_add(filter, action, number, count);
}

int seccomp_load(const void *filter)
{
	(void)filter;
	return 0;
}

void seccomp_release(void *filter)
{
	(void)filter;
}
