/* SPDX-License-Identifier: ISC */
/*
 * stderr = log: what the programs of one service write to descriptor 2 becomes messages
 * "service 'id': text", a line each, escaped, at most RECORD_LINES_PER_SECOND. One pipe
 * per service; usherd never blocks on it, and lines longer than STDERR_LINE_SIZE are cut
 * into several.
 */
#ifndef USHERD_SERVE_STDERR_PIPE_H
#define USHERD_SERVE_STDERR_PIPE_H

#include "usherd/base/error.h"
#include "usherd/loop/loop.h"

/* Escaped to four times its length it still fits a message. */
#define STDERR_LINE_SIZE 160

struct post;
struct stderr_pipe;

/* Open the pipe of @post and watch it. 0 or a negative errno. */
int stderr_pipe_new(struct post *post, struct stderr_pipe **ret, struct error *err);
void stderr_pipe_free(struct stderr_pipe *pipe); /* NULL allowed */

/* Let it speak for @post from now on. Returns @pipe. */
struct stderr_pipe *stderr_pipe_move(struct stderr_pipe *pipe, struct post *post);

/* The end for the programs; -1 for NULL. */
int stderr_pipe_fd(const struct stderr_pipe *pipe);

#endif
