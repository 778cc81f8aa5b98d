# SPDX-License-Identifier: ISC
"""Birth, signals and death of the daemon, and what it says to its starter."""
import os
import re
import signal
import socket
import subprocess

import harness
from harness import Case, connect, exchange, read_all, user_line

SLEEPER = """
    service sleeper { bind = 127.0.0.1 port = %d server = /bin/sh
        server_args = { "-c", "%secho on; exec sleep 600" } %s
        log_on_success = { PID, EXIT } }
"""


def sleeper(port, before=""):
    return SLEEPER % (port, before, user_line())


def echo(port):
    return "service echo { bind = 127.0.0.1 port = %d internal = echo }\n" % port


def run(*arguments, **more):
    return subprocess.run([harness.USHERD, *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=harness.DEADLINE, **more)


class Lifecycle(Case):
    def start_sleeper(self, config, port):
        daemon = self.daemon(config)
        client = connect(port)
        self.addCleanup(client.close)
        client.settimeout(harness.DEADLINE)
        self.assertEqual(client.recv(3), b"on\n")
        pid = int(daemon.wait_for(r"START: sleeper pid=(\d+)").group(1))
        return daemon, client, pid

    def test_term_and_int_end_programs_and_sessions(self):
        for signo in signal.SIGTERM, signal.SIGINT:
            port, other = harness.free_port(), harness.free_port()
            daemon, client, pid = self.start_sleeper(sleeper(port) + echo(other), port)
            self.assertEqual(daemon.stop(signo), 0)
            daemon.wait_for(r"EXIT: sleeper signal=15 pid=%d" % pid)
            self.assertFalse(os.path.exists("/proc/%d" % pid))

    def test_a_program_that_ignores_term_is_killed_after_the_grace_time(self):
        port = harness.free_port()
        config = "stop_grace = 200ms\n" + sleeper(port, "trap '' TERM; ")
        daemon, client, pid = self.start_sleeper(config, port)
        self.assertEqual(daemon.stop(), 0)
        daemon.wait_for(r"EXIT: sleeper signal=9 pid=%d" % pid)

    def test_quit_and_detach_leave_programs_alone(self):
        for config, signo in (("", signal.SIGQUIT), ("stop = detach\n", signal.SIGTERM)):
            port = harness.free_port()
            daemon, client, pid = self.start_sleeper(config + sleeper(port), port)
            self.assertEqual(daemon.stop(signo), 0)
            os.kill(pid, 0)
            os.kill(pid, signal.SIGKILL)
            self.assertEqual(read_all(client), b"")

    def test_what_is_to_be_kept_is_kept_however_often_it_is_told_to_stop(self):
        port = harness.free_port()
        config = "stop = detach\n" + sleeper(port)
        daemon, client, pid = self.start_sleeper(config, port)
        os.kill(daemon.pid, signal.SIGSTOP)
        daemon.send(signal.SIGTERM)
        daemon.send(signal.SIGINT)
        os.kill(daemon.pid, signal.SIGCONT)
        self.assertEqual(daemon.wait(), 0)
        os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)

    def test_quit_in_the_grace_time_leaves_the_rest_alone(self):
        port = harness.free_port()
        config = "stop_grace = 60s\n" + sleeper(port, "trap '' TERM; ")
        daemon, client, pid = self.start_sleeper(config, port)
        daemon.send(signal.SIGTERM)
        daemon.wait_for(r"stopping")
        daemon.send(signal.SIGQUIT)
        self.assertEqual(daemon.wait(), 0)
        os.kill(pid, 0)
        os.kill(pid, signal.SIGKILL)

    def test_programs_get_term_once(self):
        port = harness.free_port()
        daemon = self.daemon("""service count { bind = 127.0.0.1 port = %d server = /bin/sh
            server_args = { -c, 'n=0; trap "n=\\$((n+1))" TERM; echo on; while [ $n -eq 0 ]; do
            sleep 0.05; done; sleep 0.2; exit $((10+n))' } %s log_on_success = { EXIT } }"""
                             .replace("\n            sleep", " sleep") % (port, user_line()))
        clients = [connect(port) for _ in range(10)]
        for client in clients:
            client.settimeout(harness.DEADLINE)
            self.assertEqual(client.recv(3), b"on\n")
        daemon.stop()
        daemon.wait_for(r"EXIT: count status=11", count=10)

    def test_after_kill_9_a_restart_binds_at_once(self):
        port, other = harness.free_port(), harness.free_port()
        config = sleeper(port) + echo(other)
        daemon, client, pid = self.start_sleeper(config, port)
        exchange(other, b"x")
        workers = [p for p in daemon.children() if p != pid]
        daemon.send(signal.SIGKILL)
        daemon.wait()
        second = self.daemon(config)
        second.wait_for(r"2 of 2 sockets bound")
        self.assertEqual(exchange(other, b"y"), b"y")
        for worker in workers:
            harness.eventually(lambda: not os.path.exists("/proc/%d" % worker),
                               "orphaned worker ends")
        os.kill(pid, signal.SIGKILL)
        # The first one was killed: no exit status to be checked.
        self._cleanups = [c for c in self._cleanups if daemon not in c[1]]

    def test_pid_file_is_locked_and_names_the_holder(self):
        port = harness.free_port()
        path = self.scratch() / "usherd.pid"
        daemon = self.daemon(echo(port), options=("-p", str(path)))
        self.assertEqual(path.read_text(), "%d\n" % daemon.pid)
        second = run("-f", str(daemon.config_path), "-p", str(path))
        self.assertEqual(second.returncode, 71)
        self.assertIn("another instance runs as process %d" % daemon.pid, second.stderr)
        self.assertEqual(path.read_text(), "%d\n" % daemon.pid)
        daemon.stop()
        self.assertFalse(path.exists())

    def test_a_stale_pid_file_stops_nobody(self):
        path = self.scratch() / "usherd.pid"
        path.write_text("1\n")
        daemon = self.daemon(echo(harness.free_port()), options=("-p", str(path)))
        self.assertEqual(path.read_text(), "%d\n" % daemon.pid)

    def test_a_pid_file_is_not_written_through_a_symbolic_link(self):
        directory = self.scratch()
        (directory / "victim").write_text("precious")
        (directory / "usherd.pid").symlink_to(directory / "victim")
        config = directory / "c.conf"
        config.write_text(echo(harness.free_port()))
        self.assertEqual(run("-f", str(config), "-p",
                             str(directory / "usherd.pid")).returncode, 71)
        self.assertEqual((directory / "victim").read_text(), "precious")

    def test_background_returns_when_ready_and_reports_failure(self):
        directory, port = self.scratch(), harness.free_port()
        config, pidfile = directory / "c.conf", directory / "pid"
        config.write_text('log = "file:%s/log"\n' % directory + echo(port))
        started = run("-b", "-f", str(config), "-p", str(pidfile))
        self.assertEqual((started.returncode, started.stderr), (0, ""))
        pid = int(pidfile.read_text())
        self.addCleanup(lambda: os.path.exists("/proc/%d" % pid) and os.kill(pid, 9))
        self.assertEqual(exchange(port, b"x"), b"x")
        self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
        again = run("-b", "-f", str(config), "-p", str(pidfile))
        self.assertEqual(again.returncode, 71)
        self.assertIn("another instance", again.stderr)
        os.kill(pid, signal.SIGTERM)
        harness.eventually(lambda: not pidfile.exists(), "daemon ends")

    def test_exit_codes(self):
        directory = self.scratch()
        good, bad = directory / "good.conf", directory / "bad.conf"
        good.write_text(echo(harness.free_port()))
        bad.write_text("service x { prot = tcp }\n")
        for arguments, status in ((("-t", "-f", str(good)), 0),
                                  (("-t", "-f", str(bad)), 78),
                                  (("-f", str(bad)), 78),
                                  (("-t", "-f", str(directory / "none")), 78),
                                  (("-t", "-f", str(directory)), 78),
                                  (("-T", "-f", str(good)), 0),
                                  (("--nonsense",), 64), (("-f",), 64), (("word",), 64),
                                  (("-h",), 0), (("-V",), 0),
                                  (("--help-attributes",), 0),
                                  (("--help-attributes", "port"), 0),
                                  (("--help-attributes", "nothing"), 64)):
            result = run(*arguments)
            self.assertEqual(result.returncode, status, (arguments, result.stderr))

    def test_dump_of_a_dump_is_the_same(self):
        port = harness.free_port()
        config = self.scratch() / "c.conf"
        config.write_text(sleeper(port, "a \\\"b\\\" ") + echo(port + 1))
        first = run("-T", "-f", str(config)).stdout
        config.write_text(first)
        self.assertEqual(run("-T", "-f", str(config)).stdout, first)
        self.assertIn("service sleeper", first)

    def test_a_service_manager_is_told_everything(self):
        path = str(self.scratch() / "notify")
        port = harness.free_port()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(harness.DEADLINE)
            daemon = self.daemon(echo(port), env=dict(os.environ, NOTIFY_SOCKET=path))
            self.assertRegex(manager.recv(1000), rb"^READY=1\nSTATUS=1 services")
            daemon.reload()
            self.assertRegex(manager.recv(1000),
                             rb"^RELOADING=1\nMONOTONIC_USEC=\d+\n$")
            self.assertRegex(manager.recv(1000), rb"^READY=1\n")
            daemon.stop()
            self.assertRegex(manager.recv(1000), rb"^STOPPING=1\n")

    def test_sockets_handed_over_are_taken_and_not_passed_on(self):
        port = harness.free_port()
        with socket.socket() as inherited, socket.socket() as other:
            inherited.bind(("127.0.0.1", port))
            inherited.listen()
            other.bind(("127.0.0.1", 0))
            other.listen()
            config = """service show { bind = 127.0.0.1 port = %d server = /bin/sh
                server_args = { -c, 'echo ${LISTEN_FDS-none} ${LISTEN_PID-none}' } %s }
                """ % (port, user_line())

            def hand_over():
                for number, end in enumerate((inherited, other)):
                    os.dup2(end.fileno(), 100 + number)
                for number in range(2):
                    os.dup2(100 + number, 3 + number)
                    os.close(100 + number)

            # LISTEN_PID has to be the daemon's own: set by a shell that becomes it.
            directory = self.scratch()
            wrapper = directory / "usherd"
            wrapper.write_text('#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=2 exec "%s" "$@"\n'
                               % os.path.abspath(harness.USHERD))
            wrapper.chmod(0o755)
            real, harness.USHERD = harness.USHERD, str(wrapper)
            try:
                daemon = self.daemon(config, preexec=hand_over, pass_fds=(3, 4))
            finally:
                harness.USHERD = real
            daemon.wait_for(r"inherited socket 4 belongs to no service and is closed")
            daemon.wait_for(r"1 of 1 sockets bound")
        # Our own copies are closed: whoever answers has the inherited one.
        self.assertEqual(exchange(port), b"none none\n")

    def test_without_root_it_serves_what_needs_none(self):
        port, other = harness.free_port(), harness.free_port()
        config = echo(port) + """service cat { bind = 127.0.0.1 port = %d
            server = /bin/cat log_on_success = { PID } }""" % other
        binary = harness.USHERD
        if harness.is_root():
            if not os.access(os.path.dirname(os.path.abspath(binary)), os.X_OK):
                self.skipTest("the build directory is not open to nobody")
            daemon = self.daemon(config, user=harness.NOBODY)
        else:
            daemon = self.daemon(config)
        self.assertEqual(exchange(port, b"x"), b"x")
        self.assertEqual(exchange(other, b"y"), b"y")

    @harness.needs_root
    def test_as_pid_1_it_reaps_orphans_and_stops(self):
        port = harness.free_port()
        directory = self.scratch()
        config = directory / "c.conf"
        # The program leaves an orphan behind, which becomes a child of PID 1.
        config.write_text("""service orphan { bind = 127.0.0.1 port = %d server = /bin/sh
            server_args = { "-c", "(sleep 0.2; exit 3) & echo $!; echo $PPID" }
            user = nobody log_on_success = { PID, EXIT } }""" % port)
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child",
             harness.USHERD, "-f", str(config), "-l", "stderr"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, harness.DEADLINE)
        self.addCleanup(process.kill)
        for raw in process.stderr:
            if b"ready:" in raw:
                break
        self.assertEqual(exchange(port).split()[1], b"1")
        # Of unshare(1), which is not the one that forks.
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as handle:
            first = int(handle.read())
        children = "/proc/%d/task/%d/children" % (first, harness.working_thread(first))
        harness.eventually(lambda: open(children).read().strip() == "",
                           "the orphan has been reaped")
        os.kill(first, signal.SIGTERM)
        self.assertEqual(process.wait(harness.DEADLINE), 0)

    def test_status_on_usr1(self):
        port, other = harness.free_port(), harness.free_port()
        daemon, client, pid = self.start_sleeper(sleeper(port) + echo(other), port)
        daemon.send(signal.SIGUSR1)
        daemon.wait_for(r"status: 2 services, 2 of 2 sockets bound, 1 programs and 1 "
                        r"workers running")
        daemon.wait_for(r"service 'sleeper': program, 1 sockets, 1 active")
        daemon.wait_for(r"service 'echo': in-process, 1 sockets")

    def test_ten_mistakes_are_reported_in_one_run_with_their_lines(self):
        config = self.scratch() / "c.conf"
        config.write_text('''# ten mistakes
service one {
    sokcet_type = stream
    port = 99999
    server = bin/cat
    user = nobody-of-that-name
}
service two {
    port = 7777
    internal = ecoh
    instances = many
    only_from = { 10.0.0.0/40 }
}
service three {
    port = 7778
    server = /no/such/program
    user = root
    nice = 99
    rlimit_as = lots
    wait = perhaps
}
''')
        result = run("-t", "-f", str(config))
        self.assertEqual(result.returncode, 78)
        lines = sorted(int(l) for l in re.findall(
            r"^%s:(\d+): error: " % re.escape(str(config)), result.stderr, re.M))
        for line in 3, 4, 5, 6, 10, 11, 12, 16, 18, 19, 20:
            if line == 6 and not harness.is_root():
                continue
            self.assertIn(line, lines, result.stderr)
        self.assertIn("did you mean 'socket_type'", result.stderr)

    def test_bind_failures_are_named_and_retried(self):
        port, other = harness.free_port(), harness.free_port()
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", port))
            holder.listen()
            daemon = self.daemon(echo(port).replace("echo {", "taken {") + echo(other))
            daemon.wait_for(r"error: service 'taken': .*127\.0\.0\.1:%d.*: Address already "
                            r"in use; trying again" % port)
            self.assertEqual(exchange(other, b"x"), b"x")
        daemon.wait_for(r"service 'taken': tcp 127\.0\.0\.1:%d is bound now" % port)
        self.assertEqual(exchange(port, b"y"), b"y")

    @harness.needs_root
    def test_an_address_that_comes_later_is_bound_later(self):
        # In a network namespace of our own, where addresses can be added.
        config = self.scratch() / "c.conf"
        config.write_text(echo(7000).replace("127.0.0.1", "192.0.2.7"))
        script = """
            ip link set lo up
            "$0" -f "$1" -l stderr & daemon=$!
            ip addr add 192.0.2.7/32 dev lo
            i=0; until nc -z 192.0.2.7 7000; do i=$((i+1)); [ $i -lt 3000 ] || break; done
            echo hello | nc -N 192.0.2.7 7000
            kill $daemon; wait $daemon
        """
        result = subprocess.run(["unshare", "--net", "sh", "-c", script, harness.USHERD,
                                 str(config)], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                timeout=harness.DEADLINE)
        self.assertIn("hello", result.stdout, result.stderr)
        self.assertEqual(result.returncode, 0)


if __name__ == "__main__":
    harness.main()
