/* SPDX-License-Identifier: ISC */
/*
 * Lines to the syslog daemon, one datagram each, in the framing of RFC 3164 that
 * syslog(3) uses. Not syslog(3) itself: that blocks when the daemon does not keep up.
 */
#include <errno.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log_internal.h"
#include "usherd/base/fd.h"

static const int severities[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,     [LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_NOTICE] = LOG_NOTICE, [LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

/* Always English, whatever strftime(3) would make of the locale. */
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
				      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* A datagram socket may be connected again and again, so a restarted syslog daemon costs
 * no new descriptor: whoever polls this one goes on polling the right one. */
static int try_connect(struct log_sink *sink)
{
	if (connect(sink->fd, (struct sockaddr *)&sink->address, sizeof(sink->address)) ==
	    -1)
		return -errno;
	sink->connected = true;
	return 0;
}

static int syslog_open(struct log_sink *sink, const struct log_target *target,
		       struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return error_set_errno(err, -errno, "cannot open a socket for syslog");
	sink->fd = fd;
	sink->facility = target->facility;
	sink->severity = target->of_services ? target->severity : LOG_INFO;
	sink->connected = false;
	(void)try_connect(sink);
	return 0;
}

static void syslog_close(struct log_sink *sink)
{
	fd_close(&sink->fd);
	sink->connected = false;
}

static void syslog_frame(struct log_sink *sink, const struct log_record *record,
			 struct text *line)
{
	time_t seconds = (time_t)record->wall_seconds;
	struct tm local = { 0 };
	int severity = record->is_event ? sink->severity : severities[record->level];

	(void)localtime_r(&seconds, &local);
	text_addf(line, "<%d>%s %2d %02d:%02d:%02d %s[%ld]: ", sink->facility | severity,
		  months[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min,
		  local.tm_sec, sink->ident, (long)sink->pid);
	text_add_bytes(line, record->text, record->length);
}

static ssize_t syslog_write(struct log_sink *sink, const char *bytes, size_t length)
{
	/* Second attempt: the daemon was restarted and has a new socket by that name. */
	for (int attempt = 0; attempt < 2; attempt++) {
		int result = sink->connected ? 0 : try_connect(sink);

		if (result < 0)
			return result == -EAGAIN ? -ENOTCONN : result;
		if (send(sink->fd, bytes, length, MSG_NOSIGNAL) != -1)
			return (ssize_t)length;
		if (errno == EAGAIN || errno == EMSGSIZE)
			return -errno;
		sink->connected = false;
	}
	return -ENOTCONN;
}

static bool syslog_may_recover(int code)
{
	return code != -EMSGSIZE;
}

const struct log_sink_ops log_sink_syslog = {
	.open = syslog_open,
	.close = syslog_close,
	.frame = syslog_frame,
	.write = syslog_write,
	.may_recover = syslog_may_recover,
};
