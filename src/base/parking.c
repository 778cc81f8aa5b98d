/* SPDX-License-Identifier: ISC */
/*
 * The keeper and how to talk to it: orders go over a pair of sockets, descriptors along
 * with them, tickets back. A ticket is the number a descriptor has in the keeper's table.
 */
#include "usherd/base/parking.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "usherd/base/fd.h"

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif

struct parking {
	int keeper; /* owned; our end of the pair */
	int pidfd;  /* owned; of this process */
	int nobody; /* owned; what stands on the station when nothing does */
	int station;
};

enum order_kind {
	ORDER_READY, /* the other thread has a table of its own */
	ORDER_ALONE, /* it has not: nothing will be parked */
	ORDER_PUT,
	ORDER_DROP,
	ORDER_SETTLE,
	ORDER_QUIET,
};

struct order {
	enum order_kind kind;
	int ticket; /* ORDER_DROP */
};

union descriptors {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PARKING_PUT_MAX * sizeof(int))];
};

/* What the second thread is started with. */
struct errand {
	int (*body)(struct parking *parking, void *data);
	void *data;
	int result;
	int ends[2]; /* the keeper's, the body's */
	sigset_t mask;
};

static int own_table(void)
{
	if (syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_UNSHARE) == 0)
		return 0;
	return unshare(CLONE_FILES) == 0 ? 0 : -errno;
}

static int fetch(int pidfd, int number)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0U);

	return fd == -1 ? -errno : fd;
}

static int give_order(const struct parking *parking, enum order_kind kind, int ticket)
{
	struct order order = { .kind = kind, .ticket = ticket };
	ssize_t sent;

	do
		sent = send(parking->keeper, &order, sizeof(order), MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	return sent == -1 ? -errno : 0;
}

static int open_station(struct parking *parking)
{
	parking->nobody = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (parking->nobody == -1)
		return -errno;
	parking->station = fcntl(parking->nobody, F_DUPFD_CLOEXEC, 0);
	return parking->station == -1 ? -errno : 0;
}

/* In the second thread: all that is needed, or nothing. */
static int open_parking(struct parking *parking)
{
	int r = open_station(parking);
	int probe;

	if (r < 0)
		return r;
	parking->pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0U);
	if (parking->pidfd == -1)
		return -errno;
	probe = fetch(parking->pidfd, STDIN_FILENO);
	/* Nothing there is an answer, too. */
	if (probe < 0 && probe != -EBADF)
		return probe;
	fd_close(&probe);
	return own_table();
}

static void close_parking(struct parking *parking)
{
	fd_close(&parking->pidfd);
	fd_close(&parking->nobody);
	fd_close(&parking->station);
}

static void *run_body(void *argument)
{
	struct errand *errand = argument;
	struct parking parking = {
		.keeper = errand->ends[1], .pidfd = -1, .nobody = -1, .station = -1
	};
	bool possible =
		open_parking(&parking) == 0 && give_order(&parking, ORDER_READY, 0) == 0;

	if (!possible) {
		close_parking(&parking);
		(void)give_order(&parking, ORDER_ALONE, 0);
	}
	(void)pthread_sigmask(SIG_SETMASK, &errand->mask, NULL);
	if (!possible) {
		errand->result = errand->body(NULL, errand->data);
		return NULL;
	}
	(void)close(errand->ends[0]);
	errand->result = errand->body(&parking, errand->data);
	close_parking(&parking);
	fd_close(&parking.keeper);
	return NULL;
}

static ssize_t take_order(int fd, struct order *order, union descriptors *room,
			  struct msghdr *message)
{
	struct iovec part = { .iov_base = order, .iov_len = sizeof(*order) };
	ssize_t length;

	*message = (struct msghdr){ .msg_iov = &part,
				    .msg_iovlen = 1,
				    .msg_control = room,
				    .msg_controllen = sizeof(*room) };
	do
		length = recvmsg(fd, message, MSG_CMSG_CLOEXEC);
	while (length == -1 && errno == EINTR);
	message->msg_iov = NULL;
	return length;
}

/* The tickets of what came along, or none where not all of it did: the table is full. */
static void answer_put(int fd, const struct msghdr *message)
{
	const struct cmsghdr *entry = CMSG_FIRSTHDR(message);
	int tickets[PARKING_PUT_MAX];
	size_t count = 0;

	if (entry != NULL && entry->cmsg_type == SCM_RIGHTS) {
		count = (entry->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(tickets, CMSG_DATA(entry), count * sizeof(int));
	}
	if ((message->msg_flags & MSG_CTRUNC) != 0) {
		for (size_t i = 0; i < count; i++)
			(void)close(tickets[i]);
		count = 0;
	}
	(void)send(fd, tickets, count * sizeof(int), MSG_NOSIGNAL);
}

static void go_quiet(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null != -1 && fd <= STDERR_FILENO; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)close(null);
}

static void close_others(int fd)
{
	if (fd > STDERR_FILENO + 1)
		(void)syscall(SYS_close_range, STDERR_FILENO + 1U, (unsigned)fd - 1, 0U);
	(void)syscall(SYS_close_range, (unsigned)fd + 1, (unsigned)INT_MAX, 0U);
}

static void keep(int fd)
{
	union descriptors room;
	struct msghdr message;
	struct order order;

	while (take_order(fd, &order, &room, &message) == (ssize_t)sizeof(order)) {
		switch (order.kind) {
		case ORDER_READY:
			close_others(fd);
			break;
		case ORDER_ALONE:
			return;
		case ORDER_PUT:
			answer_put(fd, &message);
			break;
		case ORDER_DROP:
			(void)close(order.ticket);
			break;
		case ORDER_SETTLE:
			(void)send(fd, &order, sizeof(order), MSG_NOSIGNAL);
			break;
		case ORDER_QUIET:
			go_quiet();
			break;
		}
	}
}

int parking_run(int (*body)(struct parking *parking, void *data), void *data)
{
	struct errand errand = { .body = body, .data = data };
	pthread_t thread;
	sigset_t all;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, errand.ends) == -1)
		return body(NULL, data);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &errand.mask);
	if (pthread_create(&thread, NULL, run_body, &errand) == 0) {
		keep(errand.ends[0]);
		(void)pthread_join(thread, NULL);
	} else {
		(void)pthread_sigmask(SIG_SETMASK, &errand.mask, NULL);
		errand.result = body(NULL, data);
	}
	(void)pthread_sigmask(SIG_SETMASK, &errand.mask, NULL);
	(void)close(errand.ends[0]);
	/* The keeper of a table of its own has closed it long ago. */
	(void)close(errand.ends[1]);
	return errand.result;
}

int parking_put(struct parking *parking, const int *fds, size_t count)
{
	union descriptors room = { .bytes = { 0 } };
	struct order order = { .kind = ORDER_PUT };
	struct iovec part = { .iov_base = &order, .iov_len = sizeof(order) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &room,
				  .msg_controllen = CMSG_SPACE(count * sizeof(int)) };

	if (count == 0 || count > PARKING_PUT_MAX)
		return -EINVAL;
	room.align.cmsg_level = SOL_SOCKET;
	room.align.cmsg_type = SCM_RIGHTS;
	room.align.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&room.align), fds, count * sizeof(int));
	return sendmsg(parking->keeper, &message, MSG_NOSIGNAL) == -1 ? -errno : 0;
}

int parking_tickets(struct parking *parking, size_t count, int *ret)
{
	ssize_t length;

	do
		length = recv(parking->keeper, ret, count * sizeof(int), 0);
	while (length == -1 && errno == EINTR);
	if (length == -1)
		return -errno;
	return (size_t)length == count * sizeof(int) ? 0 : -EMFILE;
}

int parking_get(const struct parking *parking, int ticket)
{
	return fetch(parking->pidfd, ticket);
}

void parking_drop(struct parking *parking, int ticket)
{
	(void)give_order(parking, ORDER_DROP, ticket);
}

void parking_settle(struct parking *parking)
{
	struct order done;

	if (give_order(parking, ORDER_SETTLE, 0) < 0)
		return;
	while (recv(parking->keeper, &done, sizeof(done), 0) == -1 && errno == EINTR)
		;
}

int parking_station(struct parking *parking, int fd)
{
	if (dup3(fd == -1 ? parking->nobody : fd, parking->station, O_CLOEXEC) == -1)
		return -errno;
	return parking->station;
}

void parking_quiet(struct parking *parking)
{
	(void)give_order(parking, ORDER_QUIET, 0);
}
