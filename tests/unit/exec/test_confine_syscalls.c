/* SPDX-License-Identifier: ISC */
/* What a confined worker can still do, and what ends it. */
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "exec_test.h"
#include "usherd/exec/confine.h"

static const struct credentials credentials = { .change = true,
						.uid = 54321,
						.gid = 54322 };

static int confine(void)
{
	const struct confinement confinement = { .credentials = &credentials,
						 .root = geteuid() == 0 };

	return confine_worker(&confinement, NULL);
}

struct sockets {
	int listener;
	int client;
	int datagram;
	struct sockaddr_in address;
};

static int bound(int type, struct sockaddr_in *ret)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &length), 0);
	return fd;
}

/* A client that has sent "hello", and a datagram that has been sent to ourselves. */
static void open_sockets(struct sockets *sockets)
{
	struct sockaddr_in to;

	sockets->listener = bound(SOCK_STREAM, &sockets->address);
	assert_int_equal(listen(sockets->listener, 5), 0);
	sockets->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(sockets->client, -1);
	assert_int_equal(connect(sockets->client, (struct sockaddr *)&sockets->address,
				 sizeof(sockets->address)),
			 0);
	assert_int_equal(write(sockets->client, "hello", 5), 5);
	sockets->datagram = bound(SOCK_DGRAM, &to);
	assert_int_equal(sendto(sockets->datagram, "hello", 5, 0, (struct sockaddr *)&to,
				sizeof(to)),
			 5);
}

static void close_sockets(struct sockets *sockets)
{
	(void)close(sockets->listener);
	(void)close(sockets->client);
	(void)close(sockets->datagram);
}

static bool works(bool condition, int line)
{
	if (!condition)
		(void)dprintf(STDERR_FILENO, "line %d: %s\n", line, strerror(errno));
	return condition;
}

#define WORKS(condition) works((condition), __LINE__)

static bool waiting_works(const struct sockets *sockets)
{
	struct pollfd entry = { .fd = sockets->listener, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	const struct timespec none = { 0 };
	struct signalfd_siginfo info;
	sigset_t set;
	int nest = epoll_create1(EPOLL_CLOEXEC);
	int signals;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return WORKS(nest != -1 && signals != -1) &&
	       WORKS(sigprocmask(SIG_BLOCK, &set, NULL) == 0) &&
	       WORKS(read(signals, &info, sizeof(info)) == -1 && errno == EAGAIN) &&
	       WORKS(poll(&entry, 1, 0) == 1) &&
	       WORKS(ppoll(&entry, 1, &none, NULL) == 1) &&
	       WORKS(nanosleep(&none, NULL) == 0) &&
	       WORKS(syscall(SYS_nanosleep, &none, NULL) == 0) &&
	       WORKS(epoll_ctl(nest, EPOLL_CTL_ADD, sockets->listener, &event) == 0) &&
	       WORKS(epoll_wait(nest, &event, 1, 0) == 1) &&
	       WORKS(epoll_pwait(nest, &event, 1, 0, NULL) == 1) &&
	       WORKS(close(signals) == 0) && WORKS(close(nest) == 0);
}

static bool streams_work(const struct sockets *sockets)
{
	const struct linger linger = { 0 };
	struct sockaddr_in address;
	socklen_t length = sizeof(address);
	char buffer[8];
	int one = 1;
	int fd = accept4(sockets->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return WORKS(fd != -1) && WORKS(ioctl(fd, FIONREAD, &one) == 0 && one == 5) &&
	       WORKS(getsockname(fd, (struct sockaddr *)&address, &length) == 0) &&
	       WORKS(getpeername(fd, (struct sockaddr *)&address, &length) == 0) &&
	       WORKS(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0) &&
	       WORKS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ==
		     0) &&
	       WORKS(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL)) == 0) &&
	       WORKS(recv(fd, buffer, 2, 0) == 2) && WORKS(read(fd, buffer, 8) == 3) &&
	       WORKS(send(fd, "a", 1, MSG_NOSIGNAL) == 1) &&
	       WORKS(write(fd, "b", 1) == 1) && WORKS(shutdown(fd, SHUT_WR) == 0) &&
	       WORKS(close(fd) == 0) && WORKS(listen(sockets->listener, 5) == 0) &&
	       WORKS(bind(sockets->listener, (struct sockaddr *)&address, length) == -1 &&
		     errno == EINVAL) &&
	       WORKS(setsockopt(sockets->listener, SOL_SOCKET, SO_REUSEADDR, &one,
				sizeof(one)) == 0);
}

static bool datagrams_work(const struct sockets *sockets)
{
	char buffer[8];
	struct sockaddr_in peer;
	struct iovec part = { .iov_base = buffer, .iov_len = sizeof(buffer) };
	struct msghdr message = { .msg_name = &peer,
				  .msg_namelen = sizeof(peer),
				  .msg_iov = &part,
				  .msg_iovlen = 1 };
	int error;
	socklen_t length = sizeof(error);

	return WORKS(recvmsg(sockets->datagram, &message, 0) == 5) &&
	       WORKS(sendmsg(sockets->datagram, &message, 0) == 8) &&
	       WORKS(recvfrom(sockets->datagram, buffer, 8, 0, NULL, NULL) == 8) &&
	       WORKS(getsockopt(sockets->datagram, SOL_SOCKET, SO_ERROR, &error,
				&length) == 0);
}

static bool memory_works(void)
{
	void *block = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *larger = mremap(block, 4096, 65536, MREMAP_MAYMOVE);
	void *small = malloc(1000000);
	bool allocated = small != NULL;

	free(small);
	return WORKS(allocated) && WORKS(larger != MAP_FAILED) &&
	       WORKS(madvise(larger, 65536, MADV_DONTNEED) == 0) &&
	       WORKS(munmap(larger, 65536) == 0);
}

static bool time_works(void)
{
	time_t now = time(NULL);
	struct timespec moment;
	struct stat status;
	struct tm local;
	int reserve = eventfd(0, EFD_CLOEXEC);

	return WORKS(localtime_r(&now, &local) != NULL) &&
	       WORKS(clock_gettime(CLOCK_MONOTONIC, &moment) == 0) &&
	       WORKS(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &moment) == 0) &&
	       WORKS(fstat(STDERR_FILENO, &status) == 0) && WORKS(reserve != -1) &&
	       WORKS(fcntl(reserve, F_DUPFD_CLOEXEC, 3) != -1);
}

/* What the C library tries on its own is refused, not punished. */
static bool sockets_are_refused(void)
{
	return WORKS(socket(AF_UNIX, SOCK_DGRAM, 0) == -1 && errno == EACCES) &&
	       WORKS(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EACCES);
}

static int serve(void *argument)
{
	const struct sockets *sockets = argument;

	if (confine() != 0)
		return 2;
	return waiting_works(sockets) && streams_work(sockets) &&
			       datagrams_work(sockets) && memory_works() &&
			       time_works() && sockets_are_refused()
		       ? 0
		       : 3;
}

static void allows_what_serving_needs(void **state)
{
	struct sockets sockets;

	(void)state;
	tzset();
	open_sockets(&sockets);
	assert_exit(in_child(serve, &sockets), 0);
	close_sockets(&sockets);
}

struct offence {
	const char *name;
	long number;
	long arguments[4];
	bool needed_by_sanitizers;
};

static const struct offence offences[] = {
	{ "open", SYS_openat, { AT_FDCWD, 0, O_RDONLY }, true },
	{ "openat2", SYS_openat2, { AT_FDCWD }, false },
	{ "unlink", SYS_unlinkat, { AT_FDCWD }, false },
	{ "mkdir", SYS_mkdirat, { AT_FDCWD }, false },
	{ "stat", SYS_newfstatat, { AT_FDCWD, 0, 0, 0 }, false },
	{ "chdir", SYS_chdir, { 0 }, false },
	{ "chroot", SYS_chroot, { 0 }, false },
	{ "mount", SYS_mount, { 0 }, false },
	{ "connect", SYS_connect, { -1 }, false },
	{ "socketpair", SYS_socketpair, { AF_UNIX, SOCK_STREAM }, false },
	{ "execve", SYS_execve, { 0 }, false },
	{ "execveat", SYS_execveat, { -1 }, false },
	{ "fork", SYS_clone, { SIGCHLD }, true },
	{ "clone3", SYS_clone3, { 0 }, false },
	{ "kill", SYS_kill, { 0, 0 }, false },
	{ "tgkill another", SYS_tgkill, { 1, 1, SIGABRT }, false },
	{ "ptrace", SYS_ptrace, { PTRACE_TRACEME }, false },
	{ "process_vm_readv", SYS_process_vm_readv, { 1 }, false },
	{ "setuid", SYS_setuid, { 0 }, false },
	{ "setresuid", SYS_setresuid, { 0 }, false },
	{ "capset", SYS_capset, { 0 }, false },
	{ "unshare", SYS_unshare, { 0 }, false },
	{ "prctl", SYS_prctl, { PR_GET_DUMPABLE }, true },
	{ "prlimit", SYS_prlimit64, { 0 }, true },
	{ "seccomp", SYS_seccomp, { 0 }, false },
	{ "bpf", SYS_bpf, { 0 }, false },
	{ "io_uring", SYS_io_uring_setup, { 0 }, false },
	{ "userfaultfd", SYS_userfaultfd, { 0 }, false },
	{ "memfd", SYS_memfd_create, { 0 }, false },
	{ "keyctl", SYS_keyctl, { 0 }, false },
	{ "mmap exec", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE }, false },
	{ "mprotect exec", SYS_mprotect, { 0, 0, PROT_EXEC }, false },
	{ "pkey_mprotect", SYS_pkey_mprotect, { 0, 0, PROT_EXEC }, false },
	{ "filter on a socket",
	  SYS_setsockopt,
	  { -1, SOL_SOCKET, SO_ATTACH_FILTER },
	  false },
	{ "option of another level", SYS_setsockopt, { -1, IPPROTO_IP, 1 }, false },
	{ "typing on a terminal", SYS_ioctl, { 0, TIOCSTI }, false },
	{ "F_SETOWN", SYS_fcntl, { 0, F_SETOWN }, false },
	{ "dup3", SYS_dup3, { 0, 5 }, false },
	{ "unknown", 100000, { 0 }, false },
};

static void commit(const struct offence *offence)
{
	const long *a = offence->arguments;

	if (confine() != 0)
		_exit(2);
	(void)syscall(offence->number, a[0], a[1], a[2], a[3], 0, 0);
	_exit(4);
}

static bool is_needed(const struct offence *offence)
{
#ifdef TEST_ASAN
	return offence->needed_by_sanitizers;
#else
	(void)offence;
	return false;
#endif
}

static void kills_on_everything_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(offences) / sizeof(offences[0]); i++) {
		pid_t pid;
		int status;

		if (is_needed(&offences[i]))
			continue;
		pid = fork();
		assert_int_not_equal(pid, -1);
		if (pid == 0)
			commit(&offences[i]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			print_error("'%s' was survived\n", offences[i].name);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static void lets_a_worker_abort(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		if (signal(SIGABRT, SIG_DFL) == SIG_ERR || confine() != 0)
			_exit(2);
		abort();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* A directory with a file in it, beside another file. */
struct place {
	char path[64];
	int directory;
};

static void write_file(const char *directory, const char *name)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, "hello", 5), 5);
	(void)close(fd);
}

static void make_place(struct place *place)
{
	char inside[128];

	(void)snprintf(place->path, sizeof(place->path), "/tmp/usherd-test-XXXXXX");
	assert_non_null(mkdtemp(place->path));
	assert_int_equal(chmod(place->path, 0755), 0);
	(void)snprintf(inside, sizeof(inside), "%s/inside", place->path);
	assert_int_equal(mkdir(inside, 0777), 0);
	assert_int_equal(chmod(inside, 0777), 0);
	write_file(place->path, "secret");
	write_file(inside, "file");
	place->directory = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_not_equal(place->directory, -1);
}

static void remove_place(struct place *place)
{
	int top = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)unlinkat(place->directory, "file", 0);
	(void)close(place->directory);
	(void)unlinkat(top, "inside", AT_REMOVEDIR);
	(void)unlinkat(top, "secret", 0);
	(void)close(top);
	(void)rmdir(place->path);
}

static int open_beneath(int directory, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.resolve = resolve };

	return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

static bool reading_works(const struct place *place)
{
	char buffer[4096];
	int ends[2];
	int directory = open_beneath(place->directory, ".", O_RDONLY, 0);
	int file = open_beneath(place->directory, "file", O_RDONLY, RESOLVE_BENEATH);

	return WORKS(directory != -1) && WORKS(file != -1) &&
	       WORKS(syscall(SYS_getdents64, directory, buffer, sizeof(buffer)) > 0) &&
	       WORKS(pread(file, buffer, 8, 1) == 4) &&
	       WORKS(lseek(file, 2, SEEK_SET) == 2) &&
	       WORKS(sendfile(STDERR_FILENO, file, NULL, 0) != -1 || errno != ENOSYS) &&
	       WORKS(read(file, ends, 3) == 3);
}

/* Whatever is asked for: the way out is known, but nothing can be had there. */
static bool all_else_is_refused(const struct place *place)
{
	return WORKS(open_beneath(place->directory, "../secret", O_RDONLY, 0) == -1) &&
	       WORKS(open_beneath(place->directory, "..", O_RDONLY, 0) == -1) &&
	       WORKS(open_beneath(place->directory, "../../../etc/passwd", O_RDONLY, 0) ==
		     -1) &&
	       WORKS(open_beneath(AT_FDCWD, "/etc/passwd", O_RDONLY, 0) == -1) &&
	       WORKS(open_beneath(place->directory, "file", O_RDWR, 0) == -1) &&
	       WORKS(open_beneath(place->directory, "new", O_RDWR | O_CREAT, 0) == -1);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) > 0;
}

static int read_beneath(const struct place *place)
{
	const struct confinement confinement = { .credentials = &credentials,
						 .directories = &place->directory,
						 .directory_count = 1,
						 .root = geteuid() == 0 };
	bool complete = has_landlock();
	struct error err = { 0 };

	if (confine_worker(&confinement, &err) != 0) {
		(void)dprintf(STDERR_FILENO, "%s\n", err.text);
		return 2;
	}
	return reading_works(place) && (!complete || all_else_is_refused(place)) ? 0 : 3;
}

static void lets_one_that_reads_files_read_them_beneath_its_directories(void **state)
{
	struct place place;
	int status;
	pid_t pid;

	(void)state;
	make_place(&place);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		_exit(read_beneath(&place));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_exit(status, 0);
	remove_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allows_what_serving_needs),
		cmocka_unit_test(kills_on_everything_else),
		cmocka_unit_test(lets_a_worker_abort),
		cmocka_unit_test(
			lets_one_that_reads_files_read_them_beneath_its_directories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
