/* SPDX-License-Identifier: ISC */
/*
 * One failure, in words: what was tried, what was got, what was expected.
 *
 * Fallible functions return 0 or a negative errno and describe the failure in a
 * caller-owned struct error, their last parameter. Nothing here allocates, so the
 * error path works when memory is short. The sentence is lower case, without a final
 * dot, user data in single quotes.
 */
#ifndef USHERD_BASE_ERROR_H
#define USHERD_BASE_ERROR_H

#define ERROR_TEXT_SIZE 512

struct error {
	int code;                   /* negative errno, 0 while nothing has failed */
	char text[ERROR_TEXT_SIZE]; /* NUL-terminated, cut if longer */
};

/*
 * Describe a failure. @err may be NULL (the code is still returned). @code is a
 * negative errno. Returns @code, so that "return error_set(err, -EINVAL, ...)" reads
 * as one step. Keeps errno.
 */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * As error_set(), with ": " and the text of errno value -@code appended.
 */
int error_set_errno(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Put "context: " before a sentence already set. Does nothing for NULL.
 */
void error_prefix(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
