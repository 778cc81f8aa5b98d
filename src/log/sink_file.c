/* SPDX-License-Identifier: ISC */
/*
 * Lines to a file, stamped with local time. It is not rotated here: log_reopen() opens
 * the path anew after somebody else has moved the file away.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log_internal.h"
#include "usherd/base/fd.h"

#define LOG_FILE_MODE   0640
#define LOG_XINETD_MODE 0644

static int check_kind(int fd, const char *path, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) == -1)
		return error_set_errno(err, -errno, "cannot use log file '%s'", path);
	if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
		return error_set(err, -EINVAL, "log file '%s' is not a regular file",
				 path);
	return 0;
}

static int file_open(struct log_sink *sink, const struct log_target *target,
		     struct error *err)
{
	/* O_NONBLOCK: a FIFO put in the file's place must not hold us up in open(2). */
	int fd = open(target->path,
		      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK |
			      O_CLOEXEC,
		      target->of_services || target->as_xinetd ? LOG_XINETD_MODE
							       : LOG_FILE_MODE);
	int result;

	if (fd == -1)
		return error_set_errno(err, -errno, "cannot open log file '%s'",
				       target->path);
	result = check_kind(fd, target->path, err);
	if (result < 0) {
		fd_close(&fd);
		return result;
	}
	sink->fd = fd;
	sink->soft_limit = target->soft_limit;
	sink->hard_limit = target->hard_limit;
	return 0;
}

/* What cannot be asked has the room that there is. */
static uint64_t file_size(const struct log_sink *sink)
{
	struct stat status;

	if (fstat(sink->fd, &status) == -1 || !S_ISREG(status.st_mode))
		return 0;
	return (uint64_t)status.st_size;
}

static void file_close(struct log_sink *sink)
{
	fd_close(&sink->fd);
}

static void add_own_stamp(struct text *stamp, const struct tm *local)
{
	long zone = labs(local->tm_gmtoff) / 60;

	text_addf(stamp, "%04d-%02d-%02dT%02d:%02d:%02d%c%02ld:%02ld",
		  local->tm_year + 1900, local->tm_mon + 1, local->tm_mday,
		  local->tm_hour, local->tm_min, local->tm_sec,
		  local->tm_gmtoff < 0 ? '-' : '+', zone / 60, zone % 60);
}

/* As xinetd.log(5) shows it: neither month nor day are padded. */
static void add_xinetd_stamp(struct text *stamp, const struct tm *local)
{
	text_addf(stamp, "%02d/%d/%d@%02d:%02d:%02d", local->tm_year % 100,
		  local->tm_mon + 1, local->tm_mday, local->tm_hour, local->tm_min,
		  local->tm_sec);
}

static void make_stamp(struct log_sink *sink, int64_t wall_seconds)
{
	time_t seconds = (time_t)wall_seconds;
	struct tm local = { 0 };
	struct text stamp;

	(void)localtime_r(&seconds, &local);
	text_init(&stamp, sink->stamp, sizeof(sink->stamp));
	if (sink->of_services || sink->as_xinetd)
		add_xinetd_stamp(&stamp, &local);
	else
		add_own_stamp(&stamp, &local);
	sink->stamp_seconds = wall_seconds;
}

static void add_level(const struct log_sink *sink, const char *word, struct text *line)
{
	size_t begin = line->length;

	text_add(line, word);
	for (size_t i = begin; sink->as_xinetd && i < line->length; i++)
		line->data[i] = (char)toupper((unsigned char)line->data[i]);
}

static void add_sender(const struct log_sink *sink, const struct log_record *record,
		       struct text *line)
{
	text_add(line, " ");
	text_add(line, sink->ident);
	text_add(line, "[");
	text_add_number(line, (uintmax_t)sink->pid);
	text_add(line, "]: ");
	if (!record->is_event) {
		add_level(sink, log_level_word(record->level), line);
		text_add(line, ": ");
	}
}

static void file_frame(struct log_sink *sink, const struct log_record *record,
		       struct text *line)
{
	if (sink->stamp_seconds != record->wall_seconds)
		make_stamp(sink, record->wall_seconds);
	text_add(line, sink->stamp);
	if (sink->of_services)
		text_add(line, ": ");
	else
		add_sender(sink, record, line);
	text_add_bytes(line, record->text, record->length);
	text_add(line, "\n");
}

static ssize_t file_write(struct log_sink *sink, const char *bytes, size_t length)
{
	ssize_t written;

	do {
		written = write(sink->fd, bytes, length);
	} while (written == -1 && errno == EINTR);
	if (written == -1)
		return -errno;
	return written == 0 ? -ENOSPC : written;
}

/* Disks are emptied, quotas raised, servers of network file systems come back. */
static bool file_may_recover(int code)
{
	return code != -EBADF;
}

const struct log_sink_ops log_sink_file = {
	.open = file_open,
	.close = file_close,
	.frame = file_frame,
	.write = file_write,
	.size = file_size,
	.may_recover = file_may_recover,
	.warns = true,
	.is_stream = true,
};
