/* SPDX-License-Identifier: ISC */
/* The blocks of the state dump, of a server that runs in this process. */
#include "daemon_bench.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "usherd/daemon/load.h"
#include "usherd/daemon/startup.h"
#include "usherd/daemon/state_dump.h"

struct running {
	struct options options;
	struct inherited inherited;
	struct server server;
};

/* With %s for the folder, and for the user of a program. */
static const char configuration[] =
	"log = \"file:%1$s/log\"\n"
	"service cat {\n"
	"	protocol = unix  bind = \"%1$s/socket\"  server = /bin/cat\n"
	"	server_args = { \"-u\", \"-\" }  %2$s  nice = 5  umask = 027\n"
	"	instances = 7  cps = { 25, 30 }  env = { \"A=b c\" }  passenv = PATH\n"
	"	log_type = { FILE, \"%1$s/lines\", 100K }\n"
	"	log_on_success = { PID, HOST }  rlimit_nofile = 64\n"
	"}\n"
	"service off {\n"
	"	disable = yes  port = { 7000-7010, 7020 }  protocol = { tcp, udp }\n"
	"	internal = echo  name = echo  per_source = 3  bind = { 127.0.0.1, "
	"\"::1\" }\n"
	"	only_from = { 127.0.0.0/8, \"::1\" }  log_type = { SYSLOG, auth, err }\n"
	"}\n"
	"service deaf { disable = yes  port = 7021  internal = echo  only_from = {}\n"
	"	log_type = none }\n"
	"service far { disable = yes  port = 7022  redirect = { 127.0.0.1, 80 } }\n";

static void start(const struct bench *bench, struct running *running)
{
	struct diagnostics diagnostics = { 0 };
	struct table *table = NULL;
	struct error err = { 0 };
	char text[2048];

	memset(running, 0, sizeof(*running));
	(void)snprintf(text, sizeof(text), configuration, bench->folder,
		       geteuid() == 0 ? "user = 65534 group = 65534" : "");
	bench_write(bench->path, text);
	assert_int_equal(strings_add(&running->options.files, bench->path), 0);
	if (load_table(&running->options, &table, &diagnostics) < 0)
		fail_msg("%s", diagnostics.items[0].text);
	diagnostics_done(&diagnostics);
	if (server_start(&running->server, &running->options, table, NULL,
			 &running->inherited, &err) < 0)
		fail_msg("%s", err.text);
}

static void stop(struct running *running)
{
	server_done(&running->server);
	inherited_done(&running->inherited);
	options_done(&running->options);
}

/* Owned by the caller. */
static char *dump(const struct running *running)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(state_dump(&running->server, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* These lines, in this order; @text may have others between them. */
static void assert_lines(const char *text, const char *const *lines)
{
	for (; *lines != NULL; lines++) {
		const char *found = strstr(text, *lines);

		if (found == NULL)
			fail_msg("no '%s' in:\n%s", *lines, text);
		/* The newline at the end may be the next one's first. */
		text = found + strlen(*lines) - 1;
	}
}

static void has_the_blocks_in_their_order(void **state)
{
	static const char *const lines[] = {
		"INTERNAL STATE DUMP: usherd ",
		"\nCurrent time: ",
		"\n\nServices + defaults:\n",
		"\nService = cat\n\tState = Active\n",
		"\tService configuration: cat\n\t\tid = cat\n",
		"\n\trunning servers = 0\n",
		"\nService = echo\n\tState = Disabled\n",
		"\n\t\tid = off\n",
		"\nServer table dump:\n",
		"\nRetry table dump:\n",
		"\nactive_services = 1\n",
		"\navailable_services = 1\n",
		"\nrunning_servers = 0\n",
		"\nmax_descriptors = ",
		"\nprocess_limit = 0\n",
		"\nEND OF DUMP\n",
		NULL
	};
	struct running running;
	char *text;

	start(*state, &running);
	text = dump(&running);
	assert_lines(text, lines);
	free(text);
	stop(&running);
}

static void shows_the_attributes_of_each_service(void **state)
{
	static const char *const lines[] = {
		"\n\t\tsocket_type = stream\n\t\tProtocol (name,number) = (unix,0)\n",
		"\n\t\tInstances = 7\n\t\twait = no\n",
		"\n\t\tGroups = no\n\t\tumask = 27\n\t\tNice = 5\n",
		"\n\t\tCPS = max conn:25 wait:30\n\t\tPER_SOURCE = -1\n",
		"\n\t\tServer = /bin/cat\n\t\tServer argv = cat -u -\n",
		"\n\t\tOnly from: All sites\n\t\tNo access: No blocked sites\n",
		"/lines (soft=102400 hard=107520)\n",
		"\n\t\tLog_on_success flags = PID HOST\n\t\tPassenv = PATH\n",
		"\n\t\tEnvironment additions:\n\t\t\tA=b c\n",
		"\n\t\trlimit_nofile = 64\n",
		"\n\t\tid = off\n",
		"\n\t\tsocket_type = stream dgram\n",
		"\n\t\tProtocol (name,number) = (tcp,6) (udp,17)\n",
		"\n\t\tport = 7000-7010 7020\n",
		"\n\t\tPER_SOURCE = 3\n\t\tBind = 127.0.0.1 ::1\n\t\tInternal = echo\n",
		"\n\t\tOnly from:  127.0.0.0/8(NET) ::1(NUMERIC)\n",
		"\n\t\tLogging to syslog. Facility = auth, level = err\n",
		"\n\t\tid = deaf\n",
		"\n\t\tBind = All addresses.\n",
		"\n\t\tOnly from: No sites\n",
		"\n\t\tNo logging\n",
		"\n\t\tRedirect = 127.0.0.1:80\n",
		"\n\t\tLogging to common log file\n",
		NULL
	};
	struct running running;
	char *text;

	start(*state, &running);
	text = dump(&running);
	assert_lines(text, lines);
	free(text);
	stop(&running);
}

static int join(const struct bench *bench)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket",
		       bench->folder);
	assert_int_not_equal(fd, -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void shows_programs_that_run(void **state)
{
	struct running running;
	struct server *server = &running.server;
	static const char *const lines[] = {
		"\n\trunning servers = 1\n",
		"\nServer table dump:\ncat server\n",
		"pid = ",
		"\nstart_time = ",
		"\nConnection info:\n\tservice = cat\n",
		"\tremote_address = ",
		"\nrunning_servers = 1\nrunning_programs = 1\n",
		NULL
	};
	char *text;
	int client;

	start(*state, &running);
	client = join(*state);
	while (children_programs(server->engine.children) == 0)
		assert_true(loop_turn(server->loop, 100) >= 0);
	text = dump(&running);
	assert_lines(text, lines);
	free(text);
	(void)close(client);
	while (children_programs(server->engine.children) > 0) {
		assert_true(loop_turn(server->loop, 10) >= 0);
		children_reap(server->engine.children, loop_now_ns(server->loop));
	}
	stop(&running);
}

static void a_full_disk_is_an_error(void **state)
{
	struct running running;
	FILE *out = fopen("/dev/full", "we");

	assert_non_null(out);
	start(*state, &running);
	assert_int_equal(state_dump(&running.server, out), -ENOSPC);
	(void)fclose(out);
	stop(&running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(has_the_blocks_in_their_order),
		CASE(shows_the_attributes_of_each_service),
		CASE(shows_programs_that_run),
		CASE(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests_name("daemon/state_dump", tests, NULL, NULL);
}
