/* SPDX-License-Identifier: ISC */
/* What the service manager is told, received on sockets like its own. */
#include "daemon_bench.h"
#include "usherd/base/clock.h"
#include "usherd/daemon/notify.h"

/* A manager's socket at @name, as NOTIFY_SOCKET has it. */
static int manager_at(const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct addr addr;

	assert_int_not_equal(fd, -1);
	assert_int_equal(addr_parse_unix(name, &addr, NULL), 0);
	assert_int_equal(bind(fd, &addr.u.any, addr.length), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static void receive(int fd, char *buffer, size_t size)
{
	ssize_t length = recv(fd, buffer, size - 1, MSG_DONTWAIT);

	assert_true(length >= 0);
	buffer[length] = '\0';
}

static void tell_everything(const char *name)
{
	int manager = manager_at(name);
	struct notifier notifier;
	unsigned long long usec = 0;
	uint64_t before_us = clock_monotonic_ns() / 1000;
	char text[512];
	char expected[64];

	notify_init(&notifier);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(fcntl(notifier.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	notify_ready(&notifier, "2 services");
	receive(manager, text, sizeof(text));
	assert_string_equal(text, "READY=1\nSTATUS=2 services\n");
	notify_reloading(&notifier);
	receive(manager, text, sizeof(text));
	assert_ptr_equal(strstr(text, "RELOADING=1\nMONOTONIC_USEC="), text);
	usec = strtoull(strrchr(text, '=') + 1, NULL, 10);
	assert_true(usec >= before_us && usec <= clock_monotonic_ns() / 1000);
	(void)snprintf(expected, sizeof(expected), "RELOADING=1\nMONOTONIC_USEC=%llu\n",
		       usec);
	assert_string_equal(text, expected);
	notify_stopping(&notifier);
	receive(manager, text, sizeof(text));
	assert_ptr_equal(strstr(text, "STOPPING=1\n"), text);
	assert_int_equal(recv(manager, text, sizeof(text), MSG_DONTWAIT), -1);
	notify_done(&notifier);
	assert_int_equal(notifier.fd, -1);
	(void)close(manager);
}

static void speaks_to_a_path(void **state)
{
	tell_everything(((struct bench *)*state)->path);
}

static void speaks_to_an_abstract_name(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@usherd-notify-%d", (int)getpid());
	tell_everything(name);
}

static void is_silent_without_a_manager(void **state)
{
	struct notifier notifier;

	(void)state;
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	notify_init(&notifier);
	assert_int_equal(notifier.fd, -1);
	notify_ready(&notifier, "nobody");
	notify_reloading(&notifier);
	notify_stopping(&notifier);
	notify_done(&notifier);
	notify_done(&notifier);
}

static void ignores_addresses_it_does_not_understand(void **state)
{
	static const char *const names[] = { "", "relative", "vsock:2:1234", "@" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct notifier notifier;

		assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
		notify_init(&notifier);
		assert_null(getenv("NOTIFY_SOCKET"));
		notify_ready(&notifier, "nobody");
		notify_done(&notifier);
	}
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	struct notifier notifier;
	notify_init(&notifier);
	assert_int_equal(notifier.fd, -1);
	notify_done(&notifier);
}

static void outlives_its_manager(void **state)
{
	struct bench *bench = *state;
	int manager = manager_at(bench->path);
	struct notifier notifier;

	notify_init(&notifier);
	(void)close(manager);
	notify_ready(&notifier, "nobody any more");
	assert_int_equal(unlink(bench->path), 0);
	notify_stopping(&notifier);
	notify_done(&notifier);
}

static void never_blocks_on_a_manager_that_does_not_listen(void **state)
{
	struct bench *bench = *state;
	int manager = manager_at(bench->path);
	struct notifier notifier;

	notify_init(&notifier);
	/* More than any socket's queue holds: the alarm would tell. */
	for (int i = 0; i < 10000; i++)
		notify_stopping(&notifier);
	notify_done(&notifier);
	(void)close(manager);
}

static void cuts_a_status_that_is_too_long(void **state)
{
	struct bench *bench = *state;
	int manager = manager_at(bench->path);
	struct notifier notifier;
	char status[1000];
	char text[2000];

	memset(status, 'x', sizeof(status) - 1);
	status[sizeof(status) - 1] = '\0';
	notify_init(&notifier);
	notify_ready(&notifier, status);
	receive(manager, text, sizeof(text));
	assert_ptr_equal(strstr(text, "READY=1\nSTATUS=xxx"), text);
	notify_done(&notifier);
	(void)close(manager);
}

static uint64_t watchdog_with(const char *usec, const char *pid)
{
	int manager = manager_at("@usherd-test-watchdog");
	struct notifier notifier;
	uint64_t result;
	char text[64];

	(void)unsetenv("WATCHDOG_PID");
	assert_int_equal(setenv("WATCHDOG_USEC", usec, 1), 0);
	if (pid != NULL)
		assert_int_equal(setenv("WATCHDOG_PID", pid, 1), 0);
	notify_init(&notifier);
	result = notifier.alive_ns;
	notify_alive(&notifier);
	receive(manager, text, sizeof(text));
	assert_string_equal(text, "WATCHDOG=1\n");
	notify_done(&notifier);
	(void)close(manager);
	(void)unsetenv("WATCHDOG_PID");
	(void)unsetenv("WATCHDOG_USEC");
	return result;
}

static void shows_life_twice_in_the_time_given(void **state)
{
	char own[32];

	(void)state;
	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	assert_int_equal(watchdog_with("5000000", NULL), 2500 * CLOCK_NS_PER_MS);
	assert_int_equal(watchdog_with("2", own), 1000);
	assert_int_equal(watchdog_with("5000000", "1"), 0);
	assert_int_equal(watchdog_with("5000000", "x"), 0);
	assert_int_equal(watchdog_with("0", NULL), 0);
	assert_int_equal(watchdog_with("-5", NULL), 0);
	assert_int_equal(watchdog_with("99999999999999999999", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(speaks_to_a_path),
		CASE(speaks_to_an_abstract_name),
		CASE(is_silent_without_a_manager),
		CASE(ignores_addresses_it_does_not_understand),
		CASE(outlives_its_manager),
		CASE(never_blocks_on_a_manager_that_does_not_listen),
		CASE(cuts_a_status_that_is_too_long),
		cmocka_unit_test(shows_life_twice_in_the_time_given),
	};

	return cmocka_run_group_tests_name("daemon/notify", tests, NULL, NULL);
}
