/* SPDX-License-Identifier: ISC */
/*
 * What a worker may ask of the kernel: to wait, to move bytes on sockets it has, to take
 * further clients from listeners it has, to tell the time, to manage its memory, to
 * end. No file is opened but by those that read files, no process started, no code
 * mapped; no socket made but by those that make connections of their own.
 */
#include "exec_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||               \
	__has_feature(thread_sanitizer)
#define CONFINE_SANITIZED 1
#endif
#endif

/* clang-format off */
/* An int argument: the upper half of its register means nothing to the kernel. */
#define MASKED(index, mask, value) \
	{ .arg = (index), .op = SCMP_CMP_MASKED_EQ, .datum_a = (scmp_datum_t)(mask), \
	  .datum_b = (scmp_datum_t)(value) }
#define INT_IS(index, value)        MASKED(index, UINT32_MAX, value)
#define BITS_CLEAR(index, bits)     MASKED(index, bits, 0)
#define BITS_SET(index, bits)       MASKED(index, bits, bits)

#define ALWAYS(call)                { .number = SCMP_SYS(call) }
#define WITH(call, condition) \
	{ .number = SCMP_SYS(call), .condition_count = 1, .conditions = { condition } }
#define FLAGS_APART(index, flags, value) MASKED(index, UINT32_MAX & ~(unsigned)(flags), value)
#define SOCKET(family, type) \
	.number = SCMP_SYS(socket), .condition_count = 3, \
	.conditions = { INT_IS(0, family), \
			FLAGS_APART(1, SOCK_CLOEXEC | SOCK_NONBLOCK, type), INT_IS(2, 0) }
#define OPTION(level, name) \
	{ .number = SCMP_SYS(setsockopt), .condition_count = 2, \
	  .conditions = { INT_IS(1, level), INT_IS(2, name) } }
#define COMMAND(call, value)        WITH(call, INT_IS(1, value))
#define REFUSED(call, code)         { .number = SCMP_SYS(call), .error = (code) }
/* clang-format on */

static const struct syscall_rule common[] = {
	/* waiting */
	ALWAYS(poll),
	ALWAYS(ppoll),
	ALWAYS(ppoll_time64),
	ALWAYS(epoll_create1),
	ALWAYS(epoll_ctl),
	ALWAYS(epoll_wait),
	ALWAYS(epoll_pwait),
	ALWAYS(epoll_pwait2),
	/* qsort(3) asks how much memory there is, max_load how much there is to do */
	ALWAYS(sysinfo),
	ALWAYS(nanosleep),
	ALWAYS(clock_nanosleep),
	ALWAYS(clock_nanosleep_time64),
	ALWAYS(signalfd4),
	ALWAYS(rt_sigprocmask),
	ALWAYS(rt_sigreturn),
	ALWAYS(sigreturn),
	ALWAYS(restart_syscall),
	/* clients and their bytes */
	ALWAYS(accept4),
	ALWAYS(accept),
	ALWAYS(eventfd2),
	ALWAYS(listen),
	/* To listen again after a pause; sockets of its own it cannot make. */
	ALWAYS(bind),
	ALWAYS(read),
	ALWAYS(readv),
	ALWAYS(recv),
	ALWAYS(recvfrom),
	ALWAYS(recvmsg),
	ALWAYS(recvmmsg),
	ALWAYS(recvmmsg_time64),
	ALWAYS(write),
	ALWAYS(writev),
	ALWAYS(send),
	ALWAYS(sendto),
	ALWAYS(sendmsg),
	ALWAYS(sendmmsg),
	ALWAYS(shutdown),
	ALWAYS(close),
	ALWAYS(getsockname),
	ALWAYS(getpeername),
	ALWAYS(getsockopt),
	OPTION(SOL_SOCKET, SO_REUSEADDR),
	OPTION(SOL_SOCKET, SO_LINGER),
	OPTION(SOL_SOCKET, SO_OOBINLINE),
	OPTION(SOL_SOCKET, SO_KEEPALIVE),
	OPTION(SOL_SOCKET, SO_RCVBUF),
	OPTION(SOL_SOCKET, SO_SNDBUF),
	OPTION(IPPROTO_TCP, TCP_NODELAY),
	OPTION(IPPROTO_TCP, TCP_CORK),
	OPTION(IPPROTO_TCP, TCP_QUICKACK),
	OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
	OPTION(IPPROTO_TCP, TCP_KEEPCNT),
	OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
	COMMAND(fcntl, F_GETFL),
	COMMAND(fcntl, F_SETFL),
	COMMAND(fcntl, F_GETFD),
	COMMAND(fcntl, F_SETFD),
	COMMAND(fcntl, F_DUPFD_CLOEXEC),
	COMMAND(fcntl64, F_GETFL),
	COMMAND(fcntl64, F_SETFL),
	COMMAND(fcntl64, F_GETFD),
	COMMAND(fcntl64, F_SETFD),
	COMMAND(fcntl64, F_DUPFD_CLOEXEC),
	COMMAND(ioctl, FIONREAD),
	COMMAND(ioctl, FIONBIO),
	COMMAND(ioctl, TIOCOUTQ),
	/* fstat(3) of open descriptors, by whichever call the C library has for it */
	ALWAYS(fstat),
	ALWAYS(fstat64),
	WITH(newfstatat, BITS_SET(3, AT_EMPTY_PATH)),
	/* time; mostly answered without the kernel, vdso(7) */
	ALWAYS(clock_gettime),
	ALWAYS(clock_gettime64),
	ALWAYS(gettimeofday),
	ALWAYS(time),
	/* memory, never executable */
	ALWAYS(brk),
	ALWAYS(munmap),
	ALWAYS(mremap),
	ALWAYS(madvise),
	WITH(mmap, BITS_CLEAR(2, PROT_EXEC)),
	WITH(mmap2, BITS_CLEAR(2, PROT_EXEC)),
	WITH(mprotect, BITS_CLEAR(2, PROT_EXEC)),
	ALWAYS(futex),
	ALWAYS(futex_time64),
	ALWAYS(getrandom),
	/* the end; who abort(3) is for is added in confine.c */
	ALWAYS(getpid),
	ALWAYS(gettid),
	ALWAYS(exit),
	ALWAYS(exit_group),
#ifdef CONFINE_SANITIZED
	/* what the runtime does before and in a report */
	ALWAYS(sigaltstack),
	ALWAYS(rt_sigaction),
	ALWAYS(sched_yield),
	ALWAYS(sched_getaffinity),
	ALWAYS(getrlimit),
	ALWAYS(prlimit64),
	ALWAYS(getuid),
	ALWAYS(getppid),
	ALWAYS(prctl),
	ALWAYS(dup2),
	ALWAYS(pipe),
	ALWAYS(pipe2),
	/* what it tries to make its report with; better a poor report than none */
	REFUSED(open, ENOENT),
	REFUSED(openat, ENOENT),
	REFUSED(readlink, ENOENT),
	REFUSED(readlinkat, ENOENT),
	REFUSED(stat, ENOENT),
	REFUSED(clone, EPERM),
#endif
};

/* if_indextoname(3), for the scope of a link-local client, wants a socket: without, the
 * scope is a number. */
static const struct syscall_rule secluded[] = {
	REFUSED(socket, EACCES),
};

static const struct syscall_rule connecting[] = {
	{ SOCKET(AF_INET, SOCK_STREAM) },
	{ SOCKET(AF_INET, SOCK_DGRAM) },
	{ SOCKET(AF_INET6, SOCK_STREAM) },
	{ SOCKET(AF_INET6, SOCK_DGRAM) },
	{ SOCKET(AF_UNIX, SOCK_STREAM) },
	ALWAYS(connect),
	/* to where a UNIX socket is: into a directory that is open, there is no other */
	ALWAYS(fchdir),
	WITH(pipe2, FLAGS_APART(1, O_CLOEXEC | O_NONBLOCK, 0)),
	COMMAND(fcntl, F_SETPIPE_SZ),
	COMMAND(fcntl64, F_SETPIPE_SZ),
	ALWAYS(splice),
	/* if_indextoname(3), as above */
	{ SOCKET(AF_UNIX, SOCK_DGRAM), .error = EACCES },
	{ .number = SCMP_SYS(ioctl),
	  .condition_count = 1,
	  .conditions = { INT_IS(1, SIOCGIFNAME) },
	  .error = EACCES },
};

/* Beneath directories it has; that it is beneath, Landlock sees to (confine.c). */
static const struct syscall_rule reading[] = {
	ALWAYS(openat2), ALWAYS(getdents64), ALWAYS(sendfile), ALWAYS(sendfile64),
	ALWAYS(pread64), ALWAYS(lseek),      ALWAYS(_llseek),
};

#define RULES(table)                                                                     \
	{                                                                                \
		(table), sizeof(table) / sizeof((table)[0])                              \
	}

const struct syscall_rules confine_common = RULES(common);
const struct syscall_rules confine_secluded = RULES(secluded);
const struct syscall_rules confine_connecting = RULES(connecting);
const struct syscall_rules confine_reading = RULES(reading);
