/* SPDX-License-Identifier: ISC */
/*
 * The child table with real processes. Whether one has ended is waited for with
 * waitid(WNOWAIT), which leaves it to be reaped.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"
#include "usherd/serve/children.h"

#define NOW        UINT64_C(77)
#define MANY       600
#define WAIT_LIMIT 20

struct fixture {
	struct children *children;
	unsigned ended;
};

struct record {
	struct child child; /* first */
	struct fixture *fixture;
	unsigned ended;
	int wait_status;
	uint64_t now_ns;
	pid_t watched; /* looked at when this one has ended */
	bool watched_was_reaped;
	size_t left; /* in the table at that moment */
	struct record *successor;
};

static void note_end(struct child *child, int wait_status, uint64_t now_ns)
{
	struct record *record = (struct record *)child;

	record->ended++;
	record->wait_status = wait_status;
	record->now_ns = now_ns;
	record->left = children_count(record->fixture->children);
	record->fixture->ended++;
	if (record->watched > 0)
		record->watched_was_reaped =
			kill(record->watched, 0) == -1 && errno == ESRCH;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	(void)alarm(WAIT_LIMIT);
	*state = fixture;
	return fixture == NULL ? -1 : children_new(&fixture->children);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->children != NULL)
		children_signal(fixture->children, SIGKILL);
	children_free(fixture->children);
	free(fixture);
	while (waitpid(-1, NULL, 0) > 0)
		;
	(void)alarm(0);
	return 0;
}

static pid_t start_exiting(int status)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(status);
	assert_true(pid > 0);
	return pid;
}

/* To the end of the suite at the latest. */
static _Noreturn void last(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)pause();
}

static pid_t start_lasting(void)
{
	pid_t pid = fork();

	if (pid == 0)
		last();
	assert_true(pid > 0);
	/* As a program, which leads a group of its own. */
	assert_int_equal(setpgid(pid, pid), 0);
	return pid;
}

static struct record add_as(pid_t pid, bool program)
{
	return (struct record){
		.child = { .pid = pid, .program = program, .ended = note_end }
	};
}

static void put(struct fixture *fixture, struct record *record, pid_t pid, bool program)
{
	*record = add_as(pid, program);
	record->fixture = fixture;
	assert_int_equal(children_add(fixture->children, &record->child), 0);
}

static void await_end(pid_t pid)
{
	siginfo_t info;

	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) == -1 && errno == ESRCH;
}

static void tells_the_exit_status_and_the_moment(void **state)
{
	struct fixture *fixture = *state;
	static struct record record;

	put(fixture, &record, start_exiting(7), true);
	await_end(record.child.pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(record.ended, 1);
	assert_true(WIFEXITED(record.wait_status));
	assert_int_equal(WEXITSTATUS(record.wait_status), 7);
	assert_int_equal(record.now_ns, NOW);
	assert_int_equal(children_count(fixture->children), 0);
	children_reap(fixture->children, NOW);
	assert_int_equal(record.ended, 1);
}

static void tells_the_signal_that_ended_it(void **state)
{
	struct fixture *fixture = *state;
	static struct record record;

	put(fixture, &record, start_lasting(), false);
	assert_int_equal(kill(record.child.pid, SIGKILL), 0);
	await_end(record.child.pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(record.ended, 1);
	assert_true(WIFSIGNALED(record.wait_status));
	assert_int_equal(WTERMSIG(record.wait_status), SIGKILL);
}

static void leaves_running_ones_alone(void **state)
{
	struct fixture *fixture = *state;
	static struct record lasting, exiting;

	put(fixture, &lasting, start_lasting(), true);
	children_reap(fixture->children, NOW);
	put(fixture, &exiting, start_exiting(0), true);
	await_end(exiting.child.pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(lasting.ended, 0);
	assert_int_equal(exiting.ended, 1);
	assert_int_equal(children_count(fixture->children), 1);
}

static void reaps_nothing_without_children(void **state)
{
	struct fixture *fixture = *state;

	children_reap(fixture->children, NOW);
	assert_int_equal(fixture->ended, 0);
}

static void is_out_of_the_table_when_its_end_is_told(void **state)
{
	struct fixture *fixture = *state;
	static struct record record;

	put(fixture, &record, start_exiting(0), true);
	await_end(record.child.pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(record.left, 0);
}

static void collects_all_before_it_tells_of_the_first(void **state)
{
	struct fixture *fixture = *state;
	static struct record records[2];

	for (int i = 0; i < 2; i++)
		put(fixture, &records[i], start_exiting(i), true);
	for (int i = 0; i < 2; i++) {
		records[i].watched = records[1 - i].child.pid;
		await_end(records[i].child.pid);
	}
	children_reap(fixture->children, NOW);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(records[i].ended, 1);
		assert_int_equal(WEXITSTATUS(records[i].wait_status), i);
		assert_true(records[i].watched_was_reaped);
	}
}

static void reaps_more_than_one_collection_holds(void **state)
{
	struct fixture *fixture = *state;
	struct record *records = calloc(MANY, sizeof(*records));

	assert_non_null(records);
	for (int i = 0; i < MANY; i++)
		put(fixture, &records[i], start_exiting(i % 100), i % 2 == 0);
	assert_int_equal(children_programs(fixture->children), MANY / 2);
	for (int i = 0; i < MANY; i++)
		await_end(records[i].child.pid);
	children_reap(fixture->children, NOW);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(records[i].ended, 1);
		assert_int_equal(WEXITSTATUS(records[i].wait_status), i % 100);
	}
	assert_int_equal(children_count(fixture->children), 0);
	assert_int_equal(children_programs(fixture->children), 0);
	free(records);
}

static void reaps_and_forgets_those_nobody_knows(void **state)
{
	struct fixture *fixture = *state;
	static struct record known;
	pid_t unknown = start_exiting(3);

	put(fixture, &known, start_exiting(4), true);
	await_end(unknown);
	await_end(known.child.pid);
	children_reap(fixture->children, NOW);
	assert_true(is_gone(unknown));
	assert_int_equal(fixture->ended, 1);
	assert_int_equal(WEXITSTATUS(known.wait_status), 4);
}

static void start_successor(struct child *child, int wait_status, uint64_t now_ns)
{
	struct record *record = (struct record *)child;
	struct record *next = record->successor;

	note_end(child, wait_status, now_ns);
	*next = add_as(fork(), true);
	next->fixture = record->fixture;
	if (next->child.pid == 0)
		_exit(9);
	(void)children_add(record->fixture->children, &next->child);
}

static void lets_the_end_of_one_start_another(void **state)
{
	struct fixture *fixture = *state;
	static struct record records[3], successors[3];

	for (int i = 0; i < 3; i++) {
		put(fixture, &records[i], start_exiting(1), true);
		records[i].child.ended = start_successor;
		records[i].successor = &successors[i];
	}
	for (int i = 0; i < 3; i++)
		await_end(records[i].child.pid);
	children_reap(fixture->children, NOW);
	assert_true(fixture->ended >= 3);
	for (int i = 0; i < 3; i++)
		if (successors[i].ended == 0)
			await_end(successors[i].child.pid);
	children_reap(fixture->children, NOW);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(records[i].ended, 1);
		assert_int_equal(successors[i].ended, 1);
		assert_int_equal(WEXITSTATUS(successors[i].wait_status), 9);
	}
	assert_int_equal(children_programs(fixture->children), 0);
}

/* fork(2) with a pid of one's choice: clone3(2), Linux 5.5. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args arguments = { .exit_signal = SIGCHLD,
					.set_tid = (uint64_t)(uintptr_t)&pid,
					.set_tid_size = 1 };

	return (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static void start_with_the_watched_pid(struct child *child, int wait_status,
				       uint64_t now_ns)
{
	struct record *record = (struct record *)child;
	struct record *next = record->successor;
	pid_t pid;

	note_end(child, wait_status, now_ns);
	if (record->fixture->ended > 1)
		return;
	pid = fork_as(record->watched);
	if (pid == 0)
		last();
	if (pid == -1)
		return;
	(void)setpgid(pid, pid);
	*next = add_as(pid, true);
	next->fixture = record->fixture;
	(void)children_add(record->fixture->children, &next->child);
}

/* Between collection and interpretation a pid is free: a new process may get it. */
static void does_not_take_a_new_child_for_an_old_one_of_its_pid(void **state)
{
	struct fixture *fixture = *state;
	static struct record records[2];
	static struct record successor;

	for (int i = 0; i < 2; i++) {
		put(fixture, &records[i], start_exiting(i), true);
		records[i].child.ended = start_with_the_watched_pid;
		records[i].successor = &successor;
	}
	for (int i = 0; i < 2; i++) {
		records[i].watched = records[1 - i].child.pid;
		await_end(records[i].child.pid);
	}
	children_reap(fixture->children, NOW);
	if (successor.child.pid == 0)
		skip(); /* no right to choose a pid */
	assert_int_equal(successor.ended, 0);
	assert_int_equal(records[0].ended, 1);
	assert_int_equal(records[1].ended, 1);
	assert_int_equal(children_count(fixture->children), 1);
}

static void free_record(struct child *child, int wait_status, uint64_t now_ns)
{
	struct fixture *fixture = ((struct record *)child)->fixture;

	(void)wait_status;
	(void)now_ns;
	fixture->ended++;
	free(child);
}

static void gives_the_child_away_at_its_end(void **state)
{
	struct fixture *fixture = *state;
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		struct record *record = calloc(1, sizeof(*record));

		assert_non_null(record);
		pids[i] = i < 2 ? start_exiting(0) : start_lasting();
		put(fixture, record, pids[i], true);
		record->child.ended = free_record;
	}
	await_end(pids[0]);
	await_end(pids[1]);
	children_reap(fixture->children, NOW);
	assert_int_equal(fixture->ended, 2);
	children_free(fixture->children);
	fixture->children = NULL;
	assert_int_equal(fixture->ended, 4);
	(void)kill(pids[2], SIGKILL);
	(void)kill(pids[3], SIGKILL);
}

static void counts_programs_apart(void **state)
{
	struct fixture *fixture = *state;
	static struct record program, worker;

	assert_int_equal(children_count(fixture->children), 0);
	put(fixture, &program, start_lasting(), true);
	put(fixture, &worker, start_exiting(0), false);
	assert_int_equal(children_count(fixture->children), 2);
	assert_int_equal(children_programs(fixture->children), 1);
	await_end(worker.child.pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(children_count(fixture->children), 1);
	assert_int_equal(children_programs(fixture->children), 1);
}

static void counts_those_that_are_awaited(void **state)
{
	struct fixture *fixture = *state;
	static struct record lasting, awaited;

	put(fixture, &lasting, start_lasting(), true);
	awaited = add_as(start_exiting(0), true);
	awaited.fixture = fixture;
	awaited.child.awaited = true;
	assert_int_equal(children_add(fixture->children, &awaited.child), 0);
	assert_int_equal(children_awaited(fixture->children), 1);
	await_end(awaited.child.pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(children_awaited(fixture->children), 0);
}

static void forgets_all_when_freed_and_they_go_on(void **state)
{
	struct fixture *fixture = *state;
	static struct record records[3];

	for (int i = 0; i < 3; i++)
		put(fixture, &records[i], start_lasting(), i == 0);
	children_free(fixture->children);
	fixture->children = NULL;
	for (int i = 0; i < 3; i++) {
		siginfo_t info = { .si_pid = 0 };

		assert_int_equal(records[i].ended, 1);
		assert_int_equal(records[i].wait_status, CHILD_FORGOTTEN);
		assert_int_equal(waitid(P_PID, (id_t)records[i].child.pid, &info,
					WEXITED | WNOHANG | WNOWAIT),
				 0);
		assert_int_equal(info.si_pid, 0);
		(void)kill(records[i].child.pid, SIGKILL);
	}
}

static void frees_nothing(void **state)
{
	(void)state;
	children_free(NULL);
}

/*
 * A process with a child of its own, both of which block SIGRTMIN, tell @fd that they are
 * there, and at SIGUSR1 (sent by pid alone) send back how many SIGRTMIN have come.
 */
static void count_signals(int fd)
{
	struct timespec none = { 0 };
	sigset_t counted, go;
	uint8_t count = 0;
	int signo;

	(void)sigemptyset(&counted);
	(void)sigaddset(&counted, SIGRTMIN);
	(void)sigemptyset(&go);
	(void)sigaddset(&go, SIGUSR1);
	child_write(fd, &(pid_t){ getpid() }, sizeof(pid_t));
	(void)sigwait(&go, &signo);
	while (sigtimedwait(&counted, NULL, &none) == SIGRTMIN)
		count++;
	child_write(fd, &count, 1);
}

static pid_t start_family(int *ret_leader, int *ret_member)
{
	int leader[2], member[2];
	sigset_t blocked, before;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, leader),
			 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, member),
			 0);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGRTMIN);
	(void)sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, &before);
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		count_signals(fork() == 0 ? member[1] : leader[1]);
		_exit(0);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	assert_true(pid > 0);
	(void)close(leader[1]);
	(void)close(member[1]);
	*ret_leader = leader[0];
	*ret_member = member[0];
	return pid;
}

static uint8_t ask_count(int fd, pid_t pid)
{
	uint8_t count = 255;

	assert_int_equal(kill(pid, SIGUSR1), 0);
	assert_int_equal(read(fd, &count, 1), 1);
	(void)close(fd);
	return count;
}

static void signal_family(struct fixture *fixture, bool program, uint8_t *ret_leader,
			  uint8_t *ret_member)
{
	static struct record record;
	pid_t leader_pid, member_pid;
	int leader, member;

	put(fixture, &record, start_family(&leader, &member), program);
	assert_int_equal(read(leader, &leader_pid, sizeof(leader_pid)),
			 sizeof(leader_pid));
	assert_int_equal(read(member, &member_pid, sizeof(member_pid)),
			 sizeof(member_pid));
	children_signal(fixture->children, SIGRTMIN);
	*ret_leader = ask_count(leader, leader_pid);
	*ret_member = ask_count(member, member_pid);
	await_end(leader_pid);
	children_reap(fixture->children, NOW);
	assert_int_equal(record.ended, 1);
}

/* Once: to many programs a second signal means "at once". */
static void signals_the_whole_group_of_a_program_once(void **state)
{
	uint8_t leader, member;

	signal_family(*state, true, &leader, &member);
	assert_int_equal(member, 1);
	assert_int_equal(leader, 1);
}

static void signals_a_worker_alone(void **state)
{
	uint8_t leader, member;

	signal_family(*state, false, &leader, &member);
	assert_int_equal(member, 0);
	assert_int_equal(leader, 1);
}

static void signals_every_child(void **state)
{
	struct fixture *fixture = *state;
	static struct record records[3];

	for (int i = 0; i < 3; i++)
		put(fixture, &records[i], start_lasting(), i > 0);
	children_signal(fixture->children, SIGTERM);
	for (int i = 0; i < 3; i++)
		await_end(records[i].child.pid);
	children_reap(fixture->children, NOW);
	for (int i = 0; i < 3; i++)
		assert_int_equal(WTERMSIG(records[i].wait_status), SIGTERM);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(tells_the_exit_status_and_the_moment),
		CASE(tells_the_signal_that_ended_it),
		CASE(leaves_running_ones_alone),
		CASE(reaps_nothing_without_children),
		CASE(is_out_of_the_table_when_its_end_is_told),
		CASE(collects_all_before_it_tells_of_the_first),
		CASE(reaps_more_than_one_collection_holds),
		CASE(reaps_and_forgets_those_nobody_knows),
		CASE(lets_the_end_of_one_start_another),
		CASE(does_not_take_a_new_child_for_an_old_one_of_its_pid),
		CASE(gives_the_child_away_at_its_end),
		CASE(counts_programs_apart),
		CASE(counts_those_that_are_awaited),
		CASE(forgets_all_when_freed_and_they_go_on),
		CASE(frees_nothing),
		CASE(signals_the_whole_group_of_a_program_once),
		CASE(signals_a_worker_alone),
		CASE(signals_every_child),
	};

	return cmocka_run_group_tests_name("serve/children", tests, NULL, NULL);
}
