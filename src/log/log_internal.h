/* SPDX-License-Identifier: ISC */
/*
 * The parts of the log: lines that wait (queue), places that take them (sinks), and what
 * a line looks like in each place. log.c puts them together.
 */
#ifndef USHERD_LOG_INTERNAL_H
#define USHERD_LOG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "usherd/base/error.h"
#include "usherd/base/text.h"
#include "usherd/log/log.h"

#define LOG_SYSLOG_PATH "/dev/log"
#define LOG_TEXT_SIZE   1024 /* longer messages are cut */
#define LOG_IDENT_SIZE  32
#define LOG_STAMP_SIZE  40
#define LOG_LINE_SIZE   (LOG_TEXT_SIZE + LOG_IDENT_SIZE + 96) /* with stamp and level */

/* A line before it is framed for a target, which may be another one when it goes out. */
struct log_record {
	int64_t wall_seconds;
	uint64_t lost;   /* how many lost lines this one reports; 0: an ordinary line */
	uint16_t length; /* of text */
	uint8_t level;   /* enum log_level */
	bool is_event;   /* its text says what it is: no level word */
	char text[LOG_TEXT_SIZE];
};

/* Records in the order they came, in a ring of fixed size. */
struct log_queue {
	char *bytes; /* owned, LOG_QUEUE_SIZE */
	size_t head;
	size_t used;
};

int log_queue_init(struct log_queue *queue);
void log_queue_done(struct log_queue *queue);
bool log_queue_is_empty(const struct log_queue *queue);
/* False, and nothing done, when it does not fit. */
bool log_queue_put(struct log_queue *queue, const struct log_record *record);
/* The oldest record. The queue must not be empty. */
void log_queue_peek(const struct log_queue *queue, struct log_record *ret);
/* The record at *offset (0: the oldest), which is moved on to the next. False at the end.
 */
bool log_queue_read(const struct log_queue *queue, size_t *offset,
		    struct log_record *ret);
void log_queue_drop(struct log_queue *queue);

/* How far a file is in its limits, as it was last said. */
struct log_fill {
	bool past_soft;
	bool full;
	uint64_t full_size; /* of the file, when a line was left out last */
	uint64_t left_out;  /* lines, while full */
};

struct log_sink;

struct log_sink_ops {
	int (*open)(struct log_sink *sink, const struct log_target *target,
		    struct error *err);
	void (*close)(struct log_sink *sink);
	/* @line with everything the place wants round it. */
	void (*frame)(struct log_sink *sink, const struct log_record *record,
		      struct text *line);
	/*
	 * Hand over bytes without ever blocking. Returns how many were taken, -EAGAIN:
	 * wait until the descriptor takes more, or another negative errno.
	 */
	ssize_t (*write)(struct log_sink *sink, const char *bytes, size_t length);
	/* Its size now, where that may be limited; NULL: it is not. */
	uint64_t (*size)(const struct log_sink *sink);
	/* After write() failed with this: may the same line succeed later? */
	bool (*may_recover)(int code);
	bool warns; /* standard error is told when it fails */
	/* It takes bytes: several lines in one write, cut anywhere. */
	bool is_stream;
};

struct log_sink {
	const struct log_sink_ops *ops;
	int fd; /* owned but for standard error; -1: none */
	bool connected;
	int facility;
	bool of_services;
	bool as_xinetd;
	int severity; /* of events */
	uint64_t soft_limit;
	uint64_t hard_limit;        /* 0: no limits */
	struct sockaddr_un address; /* of the syslog socket */
	char ident[LOG_IDENT_SIZE];
	pid_t pid;
	int64_t stamp_seconds; /* what the stamp says */
	char stamp[LOG_STAMP_SIZE];
};

/* Whom the log tells about itself. */
struct log_notice {
	void (*tell)(void *data, enum log_level level, const char *text); /* or NULL */
	void *data;
};

/* How many bytes the place takes now; says so when it has passed the soft limit, or is
 * small again. */
uint64_t log_fill_room(struct log_fill *fill, const struct log_sink *sink,
		       const struct log_notice *notice);
/* So much room is left after lines have been written. */
void log_fill_wrote(struct log_fill *fill, const struct log_sink *sink, uint64_t room,
		    const struct log_notice *notice);
/* A line does not fit, says so if it is the first. */
void log_fill_leave_out(struct log_fill *fill, const struct log_sink *sink, uint64_t room,
			const struct log_notice *notice);
/* It is another file now, or a small one again. */
void log_fill_reset(struct log_fill *fill, const struct log_notice *notice);

struct log {
	struct log_sink sink;
	struct log_queue queue;
	enum log_level level;
	size_t sent;   /* bytes of the oldest line the target already has */
	uint64_t lost; /* lines, not reported yet */
	int code;      /* why the oldest line waits, 0 while none does */
	bool warned;   /* of this failure */
	struct log_fill fill;
	uint64_t room; /* bytes that the target takes until it is asked again */
	struct log_notice notice;
	struct log_throttle warnings;
	int waiting_fd; /* as told to changed() last */
	bool waiting;
	void (*changed)(void *data);
	void *data;
	void (*held)(void *data); /* NULL: events go out at once */
	void *held_data;
};

/* drain.c: a line into the queue, which may lose it; and out as far as the target takes
 * what stands there. */
void log_record_init(struct log_record *record, enum log_level level, bool is_event);
/* One message, one line: control characters would let it pose as several. */
void log_record_seal(struct log_record *record, size_t length);
void log_put(struct log *log, const struct log_record *record);
void log_drain(struct log *log);

extern const struct log_sink_ops log_sink_stderr;
extern const struct log_sink_ops log_sink_file;
extern const struct log_sink_ops log_sink_syslog;

/* "error", "warning", ... */
const char *log_level_word(enum log_level level);

/* write() to standard error that neither blocks nor changes the descriptor's flags. */
ssize_t log_stderr_write(const char *bytes, size_t length);

/* log_new() with another syslog socket. */
int log_new_with_socket(const struct log_target *target, const char *ident,
			enum log_level level, const char *socket_path, struct log **ret,
			struct error *err);

#endif
