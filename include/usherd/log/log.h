/* SPDX-License-Identifier: ISC */
/*
 * Messages and events in, lines out; never blocking, never failing the caller.
 *
 * Lines go to one target: standard error, a file, or the syslog socket (/dev/log,
 * RFC 3164 framing). What the target does not take at once waits in a bounded queue of
 * LOG_QUEUE_SIZE bytes; what does not fit there is dropped and counted, and a line
 * saying how many were lost follows as soon as the target takes lines again. A full disk
 * costs one warning on standard error and no more. errno is kept by every function.
 *
 * Line formats: stderr  "LEVEL: text";
 *               file    "YYYY-MM-DDTHH:MM:SS+ZZ:ZZ IDENT[PID]: LEVEL: text", or, of
 *                       services, xinetd's "YY/M/D@HH:MM:SS: text", or, as xinetd's
 *                       main log, "YY/M/D@HH:MM:SS IDENT[PID]: LEVEL: text";
 *               syslog  "<PRI>Mon dd HH:MM:SS IDENT[PID]: text".
 * Levels are written error, warning, notice, info, debug, as xinetd in upper case. Events
 * stand without LEVEL, have the severity info in syslog, and do not depend on the level
 * of the log: a service asks for them or does not. Control characters in a line become
 * '?'.
 *
 * A log of services may have limits. Past the soft one this is told once; a line that
 * would take the file past the hard one is left out, and so are all after it, until the
 * file is no larger than the soft limit or another one has been opened: that is told
 * once, too, however many lines there are.
 *
 * The process is to ignore SIGPIPE and SIGXFSZ. Nothing here is for signal handlers.
 */
#ifndef USHERD_LOG_LOG_H
#define USHERD_LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "usherd/base/error.h"
#include "usherd/log/event.h"

#define LOG_QUEUE_SIZE (256 * 1024)

enum log_level {
	LOG_LEVEL_ERROR = 0,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

enum log_kind {
	LOG_TO_STDERR,
	LOG_TO_SYSLOG,
	LOG_TO_FILE
};

struct log_target {
	enum log_kind kind;
	int facility;     /* LOG_DAEMON and its kin of syslog(3), LOG_TO_SYSLOG */
	char *path;       /* owned, absolute, LOG_TO_FILE */
	bool of_services; /* the events of some services and nothing else */
	bool as_xinetd;   /* else: the form of xinetd's main log, LOG_TO_FILE */
	int severity;     /* of those, LOG_INFO and its kin of syslog(3), LOG_TO_SYSLOG */
	uint64_t soft_limit; /* bytes, LOG_TO_FILE; 0: no limits */
	uint64_t hard_limit; /* >= soft_limit */
};

/* "stderr", "syslog", "syslog:FACILITY", "file:/PATH". 0 or -EINVAL / -ENOMEM. */
int log_target_parse(const char *text, struct log_target *ret, struct error *err);
/* The canonical text of a target, owned by the caller; NULL when out of memory. */
char *log_target_format(const struct log_target *target);
/* Do both lead to the same place in the same form? Whatever their limits are. */
bool log_target_equal(const struct log_target *a, const struct log_target *b);
/* 0 or -ENOMEM. */
int log_target_copy(const struct log_target *target, struct log_target *ret);
void log_target_done(struct log_target *target);

/* The words of syslog(3), any case: "daemon", "local0"; "info", "err". 0 or -EINVAL. */
int log_facility_parse(const char *name, int *ret, struct error *err);
int log_severity_parse(const char *name, int *ret, struct error *err);
const char *log_facility_name(int facility);
const char *log_severity_name(int severity);

struct log;

/*
 * @ident is the program name in file and syslog lines (31 bytes of it). Messages above
 * @level are not written. A file is opened O_APPEND|O_CREAT, mode 0640 (of services, or
 * as xinetd: 0644), never following a symbolic link in its last component. A missing
 * syslog socket is no error: it is tried again later.
 */
int log_new(const struct log_target *target, const char *ident, enum log_level level,
	    struct log **ret, struct error *err);
void log_free(struct log *log); /* flushes what can be flushed without blocking */

/* Open the file anew (rotation), or move to another target, where lines still waiting
 * go too; the old one stays on failure. */
int log_reopen(struct log *log, const struct log_target *target, struct error *err);
void log_set_level(struct log *log, enum log_level level);

/* Have @tell say what is to be said about the log itself (that it cannot be written, that
 * a limit is reached), as the end of a sentence about it. NULL: standard error hears of
 * what cannot be written. @tell may write to any other log. */
void log_on_notice(struct log *log,
		   void (*tell)(void *data, enum log_level level, const char *text),
		   void *data);

bool log_writes(const struct log *log, enum log_level level); /* or passes it over */
void log_write(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_event(struct log *log, const struct event *event);

/*
 * The queue. While lines wait, log_waiting_fd() is a descriptor to be polled for POLLOUT
 * (-1: none; then call log_flush() again after a second). @changed, if set, is called
 * whenever waiting begins or ends or that descriptor is another one. A descriptor given
 * out before is still open during that call, and may be closed after it. @changed may
 * write to the log.
 */
int log_waiting_fd(const struct log *log);
bool log_is_waiting(const struct log *log);
void log_flush(struct log *log);
void log_on_waiting(struct log *log, void (*changed)(void *data), void *data);

/*
 * From now on events are kept until the next message, log_flush(), or until a quarter of
 * the queue is full, so that one write carries many. @held is called when the first is
 * kept: to have log_flush() called a few milliseconds later. NULL: no more.
 */
void log_hold_events(struct log *log, void (*held)(void *data), void *data);

/*
 * A gate for messages that a client or a broken system could repeat: at most one per
 * period. All zero is a fresh gate.
 */
struct log_throttle {
	uint64_t open_at_ns;
	unsigned suppressed;
};

#define LOG_THROTTLE_PERIOD_NS (UINT64_C(10) * 1000000000)

/* True if the message may be written now; *ret_suppressed is how many were not since the
 * last (untouched when false). Pure but for @throttle. */
bool log_throttle_pass(struct log_throttle *throttle, uint64_t now_ns,
		       unsigned *ret_suppressed);

#endif
