/* SPDX-License-Identifier: ISC */
/* The short life of a process that finds out about a client, and its answers. */
#include "usherd/serve/inquiry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "usherd/base/fd.h"
#include "usherd/base/text.h"
#include "usherd/exec/libexec.h"
#include "usherd/log/event.h"
#include "usherd/serve/helper.h"
#include "usherd/serve/peer_name.h"
#include "usherd/serve/userid_query.h"

/* What stands where in the new process. */
#define ANSWER_FD     HELPER_FD
#define CONNECTION_FD (HELPER_FD + 1)
#define PROGRAM_FD    (HELPER_FD + 2)

/* What usherd-libwrap finds where. */
#define WRAP_ANSWER_FD (STDERR_FILENO + 1)

struct packet {
	uint8_t question; /* enum inquiry_question */
	uint8_t yes;      /* to the first two */
	uint8_t userid;   /* enum userid_outcome */
	char text[USERID_TEXT_SIZE];
};

bool inquiry_concerns(const struct service *service)
{
	return (service->protocols & SERVICE_TCP) != 0 &&
	       (service->policy.only_from.names.count > 0 ||
		service->policy.no_access.names.count > 0 ||
		service_is_wrapped(service) ||
		(service->log_on_success & EVENT_USERID) != 0);
}

static void answer(const struct packet *packet)
{
	if (send(ANSWER_FD, packet, sizeof(*packet), MSG_NOSIGNAL) == -1)
		_exit(EX_OSERR);
}

static void ask_name(const struct inquiry_plan *plan)
{
	const struct policy *policy = &plan->service->policy;
	const struct addr *peer = &plan->connection->peer;
	struct packet packet = { .question = INQUIRY_NAME };
	struct peer_names names;

	peer_name_find(policy, peer, &names);
	packet.yes = guard_welcomes_named(policy, peer, &names);
	answer(&packet);
	if (packet.yes == 0)
		helper_end(EX_OK);
}

/* Without the environment of the supervisor, and not longer than we are there. */
static _Noreturn void execute(const struct inquiry_plan *plan, int answers)
{
	const struct connection *connection = plan->connection;
	char program[] = INQUIRY_LIBWRAP_PROGRAM;
	char name[NAME_MAX], client[ADDR_TEXT_SIZE], server[ADDR_TEXT_SIZE];
	char *arguments[] = { program, name, NULL, NULL, NULL };
	char *environment[] = { NULL };

	(void)text_copy(name, sizeof(name), service_wrapped_name(plan->service));
	if (connection->fd == -1) {
		(void)addr_format_host(&connection->peer, client);
		(void)addr_format_host(&connection->local, server);
		arguments[2] = client;
		arguments[3] = server;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
	    fcntl(PROGRAM_FD, F_SETFD, FD_CLOEXEC) == -1 ||
	    dup2(CONNECTION_FD, STDIN_FILENO) == -1 ||
	    dup2(answers, WRAP_ANSWER_FD) == -1)
		_exit(EX_OSERR);
	(void)fcntl(CONNECTION_FD, F_SETFD, FD_CLOEXEC);
	(void)fexecve(PROGRAM_FD, arguments, environment);
	_exit(EX_UNAVAILABLE);
}

/* Does it say yes before it ends? */
static bool libwrap_says_yes(const struct inquiry_plan *plan)
{
	int ends[2];
	char word = 0;
	pid_t pid;
	bool yes;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return false;
	pid = fork();
	if (pid == 0)
		execute(plan, ends[1]);
	fd_close(&ends[1]);
	yes = pid != -1 && read(ends[0], &word, 1) == 1 && word == '+';
	fd_close(&ends[0]);
	return yes;
}

static void ask_libwrap(const struct inquiry_plan *plan)
{
	struct packet packet = { .question = INQUIRY_LIBWRAP };

	packet.yes = libwrap_says_yes(plan);
	answer(&packet);
	if (packet.yes == 0)
		helper_end(EX_OK);
}

static void ask_userid(const struct inquiry_plan *plan)
{
	struct packet packet = { .question = INQUIRY_USERID };

	/* That one sees to its time by itself. */
	(void)alarm(INQUIRY_USERID_SECONDS + INQUIRY_ACCESS_SECONDS);
	packet.userid =
		(uint8_t)userid_query(&plan->connection->peer, &plan->connection->local,
				      INQUIRY_USERID_SECONDS, packet.text);
	answer(&packet);
}

/* With the rights of the supervisor: those of a worker may not reach its directory. -1 is
 * found out when it is to be executed. */
static int open_program(unsigned questions)
{
	char path[PATH_MAX];

	if ((questions & INQUIRY_LIBWRAP) == 0 ||
	    libexec_find(INQUIRY_LIBWRAP_PROGRAM, path, sizeof(path), NULL) < 0)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* What a datagram came by is nothing to be read from here. */
static int connection_of(const struct inquiry_plan *plan)
{
	int fd = plan->connection->fd;

	return fd != -1 ? fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void run(const void *data, int fd)
{
	const struct inquiry_plan *plan = data;
	static const struct {
		unsigned question;
		void (*ask)(const struct inquiry_plan *plan);
	} all[] = { { INQUIRY_NAME, ask_name },
		    { INQUIRY_LIBWRAP, ask_libwrap },
		    { INQUIRY_USERID, ask_userid } };
	int fds[] = { fd, connection_of(plan), open_program(plan->questions) };

	helper_settle(fds, fds[2] != -1 ? 3 : 2, INQUIRY_ACCESS_SECONDS);
	helper_confine(plan->credentials, plan->root);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((plan->questions & all[i].question) != 0)
			all[i].ask(plan);
}

int inquiry_fork(const struct inquiry_plan *plan, int *ret_fd, pid_t *ret_pid)
{
	return helper_fork(run, plan, ret_fd, ret_pid);
}

static bool is_sound(const struct packet *packet, unsigned open_questions)
{
	switch (packet->question) {
	case INQUIRY_NAME:
	case INQUIRY_LIBWRAP:
	case INQUIRY_USERID:
		break;
	default:
		return false;
	}
	return (packet->question & open_questions) != 0 && packet->yes <= 1 &&
	       packet->userid <= USERID_SYSTEM_ERROR &&
	       strnlen(packet->text, sizeof(packet->text)) < sizeof(packet->text);
}

static void take(const struct packet *packet, struct inquiry_answers *answers)
{
	answers->answered |= packet->question;
	if (packet->question == INQUIRY_USERID) {
		answers->userid = (enum userid_outcome)packet->userid;
		memcpy(answers->text, packet->text, sizeof(answers->text));
	} else if (packet->yes == 0 && answers->refused == REASON_NONE) {
		answers->refused = packet->question == INQUIRY_NAME ? REASON_ADDRESS
								    : REASON_LIBWRAP;
	}
}

void inquiry_read(int fd, unsigned questions, struct inquiry_answers *ret)
{
	struct packet packet;

	memset(ret, 0, sizeof(*ret));
	/* The first answer to a question counts. */
	while (recv(fd, &packet, sizeof(packet), MSG_DONTWAIT) == (ssize_t)sizeof(packet))
		if (is_sound(&packet, questions & ~ret->answered))
			take(&packet, ret);
		else
			break;
}

enum reason inquiry_verdict(unsigned questions, const struct inquiry_answers *answers)
{
	unsigned open_questions = questions & ~answers->answered;

	if (answers->refused != REASON_NONE)
		return answers->refused;
	if ((open_questions & INQUIRY_NAME) != 0)
		return REASON_ADDRESS;
	if ((open_questions & INQUIRY_LIBWRAP) != 0)
		return REASON_LIBWRAP;
	return REASON_NONE;
}
