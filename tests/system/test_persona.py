# SPDX-License-Identifier: ISC
"""usherd called as xinetd, beside the real one where that is installed."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import unittest

import harness
from harness import Case, connect, eventually, exchange, program, read_all_quietly

XINETD = program("xinetd")
USER = "nobody" if harness.is_root() else "root"
DUMP = pathlib.Path("/run/xinetd.dump")
DEBIAN = ("-stayalive", "-inetd_compat", "-inetd_ipv6")

UDP_SERVER = """
import socket
s = socket.socket(fileno=0)
s.settimeout(1)
with __import__("contextlib").suppress(OSError):
    while True:
        data, peer = s.recvfrom(100)
        s.sendto(b"got " + data, peer)
"""


def entry(name, port, *lines, kind="stream", wait="no", types="UNLISTED"):
    return "service %s\n{\n%s}\n" % (name, "".join("\t%s\n" % line for line in (
        "type = " + types, "port = %d" % port, "bind = 127.0.0.1",
        "socket_type = " + kind, "protocol = " + ("udp" if kind == "dgram" else "tcp"),
        "wait = " + wait, "user = " + USER, *lines)))


def cat(name, port, *lines):
    return entry(name, port, "server = /bin/cat", *lines)


class Xinetd:
    """The real one, or usherd by that name, with files of its own."""

    def __init__(self, case, real, config, *options, background=True):
        self.case, self.real = case, real
        self.directory = case.scratch()
        self.config = self.directory / "xinetd.conf"
        self.config.write_text(config.replace("@DIR@", str(self.directory)))
        (self.directory / "udp.py").write_text(UDP_SERVER)
        self.pidfile = self.directory / "pid"
        self.main_log = self.directory / "main.log"
        self.command = [command(case, real), "-f", str(self.config), "-filelog",
                        str(self.main_log), "-pidfile", str(self.pidfile), *options]
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        case.addCleanup(self.end)
        if background:
            self.output = self.process.communicate(timeout=harness.DEADLINE)[1]
            case.assertEqual(self.process.returncode, 0, self.output)
        self.wait_for("Started working: ")
        self.pid = int(self.pidfile.read_text())

    def text(self, name="main.log"):
        path = self.directory / name
        return path.read_text() if path.exists() else ""

    def wait_for(self, pattern, count=1):
        """In either log."""
        def found():
            hits = re.findall(pattern, self.text() + self.text("service.log"), re.M)
            return len(hits) >= count and hits
        try:
            return eventually(found, pattern)
        except AssertionError as error:
            raise AssertionError("%s in:\n%s%s" % (
                error, self.text(), self.text("service.log"))) from None

    def send(self, signo):
        os.kill(self.pid, signo)

    def is_there(self):
        return os.path.exists("/proc/%d" % self.pid)

    def wait_gone(self):
        if self.process.returncode is None:
            self.process.stderr.close()
            return self.process.wait(harness.DEADLINE)
        eventually(lambda: not self.is_there(), "the daemon ends")
        return None

    def end(self):
        if hasattr(self, "pid") and self.is_there():
            os.kill(self.pid, signal.SIGKILL)
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()


def command(case, real):
    if real:
        return XINETD
    directory = case.scratch()
    link = directory / "xinetd"
    link.symlink_to(os.path.abspath(harness.startable()))
    return str(link)


def run(case, real, *arguments, **more):
    return subprocess.run([command(case, real), *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=harness.DEADLINE, **more)


def events(daemon):
    """What clients have left in the log, in an order of its own."""
    lines = re.findall(r"(?:START|EXIT|FAIL): .*", daemon.text() +
                       daemon.text("service.log"))
    lines = [re.sub(r"pid=\d+", "pid=N", re.sub(r"duration=\d+", "duration=N", line))
             for line in lines]
    return sorted(line.replace("::ffff:", "") for line in lines)


def ask(port, data):
    """The answer to a client that waits for it before it closes."""
    with contextlib.closing(connect(port)) as client:
        client.settimeout(harness.DEADLINE)
        client.sendall(data)
        return client.recv(1000)


def ask_udp(port, data):
    with harness.datagram_socket() as client:
        client.sendto(data, ("127.0.0.1", port))
        return client.recvfrom(1000)[0]


class Persona(Case):
    """Each test says what both do; those of what differs name it."""

    real = False

    def start(self, config, *options, **more):
        return Xinetd(self, self.real, config, *options, **more)

    def held(self, port):
        client = connect(port)
        self.addCleanup(client.close)
        client.settimeout(harness.DEADLINE)
        client.sendall(b"x\n")
        self.assertEqual(client.recv(2), b"x\n")
        return client

    def assert_goes_on(self, client):
        client.sendall(b"y\n")
        self.assertEqual(client.recv(2), b"y\n")

    def five(self):
        self.ports = [harness.free_port() for _ in range(5)]
        hello, plain, echo, relay, dgram = self.ports
        return """defaults
{
	log_type = FILE @DIR@/service.log
	log_on_success = PID HOST EXIT DURATION
	log_on_failure = HOST
	instances = 25
}
""" + entry("hello", hello, "server = /bin/echo", "server_args = hello world") \
            + cat("plain", plain) \
            + entry("echo", echo, "id = echo-stream", types="INTERNAL UNLISTED") \
            + entry("relay", relay, "redirect = 127.0.0.1 %d" % plain) \
            + entry("dgram", dgram, "server = /usr/bin/python3",
                    "server_args = @DIR@/udp.py", kind="dgram", wait="yes")

    def test_an_unchanged_configuration_with_debians_options(self):
        daemon = self.start(self.five(), *DEBIAN)
        hello, plain, echo, relay, dgram = self.ports
        self.assertEqual(read_all_quietly(connect(hello)), b"hello world\n")
        self.assertEqual(ask(plain, b"a"), b"a")
        self.assertEqual(ask(echo, b"b"), b"b")
        self.assertEqual(ask(relay, b"c"), b"c")
        self.assertEqual(ask_udp(dgram, b"d"), b"got d")
        daemon.wait_for(r"EXIT: ", count=6)
        end = " status=0 pid=N duration=N(sec)"
        names = sorted(["hello", "plain", "echo-stream", "relay", "plain", "dgram"])
        self.assertEqual(events(daemon), sorted(
            ["EXIT: " + name + end for name in names] +
            ["START: " + name + " pid=N from=127.0.0.1" for name in names]))

    def test_the_main_log_has_its_form(self):
        daemon = self.start(self.five())
        for line in daemon.text().splitlines():
            self.assertRegex(line, r"^\d\d/\d{1,2}/\d{1,2}@\d\d:\d\d:\d\d xinetd"
                             r"\[%d\]: (NOTICE|WARNING|ERROR): " % daemon.pid)
        daemon.wait_for(r"Started working: 5 available services$")
        self.assertEqual(daemon.main_log.stat().st_mode & 0o777, 0o644)

    def test_it_is_a_daemon_with_a_pid_file(self):
        daemon = self.start(cat("plain", harness.free_port()))
        self.assertEqual(os.getsid(daemon.pid), daemon.pid)
        self.assertEqual(os.readlink("/proc/%d/cwd" % daemon.pid), "/")
        self.assertEqual(daemon.pidfile.read_text(), "%d\n" % daemon.pid)
        self.assertEqual(daemon.pidfile.stat().st_mode & 0o777, 0o644)
        daemon.send(signal.SIGQUIT)
        daemon.wait_gone()
        self.assertFalse(daemon.pidfile.exists())

    def test_quit_and_term_leave_programs_alone(self):
        for signo in signal.SIGQUIT, signal.SIGTERM:
            port = harness.free_port()
            daemon = self.start(cat("plain", port), "-dontfork", background=False)
            client = self.held(port)
            daemon.send(signo)
            self.assertEqual(daemon.wait_gone(), 0)
            self.assert_goes_on(client)
            self.assertFalse(daemon.pidfile.exists())
            self.assertRegex(daemon.text(), "WARNING: Exiting...\n$")

    def test_term_ends_what_is_relayed(self):
        plain, relay = harness.free_port(), harness.free_port()
        daemon = self.start(cat("plain", plain) +
                            entry("relay", relay, "redirect = 127.0.0.1 %d" % plain))
        client = self.held(relay)
        daemon.send(signal.SIGTERM)
        daemon.wait_gone()
        self.assertEqual(read_all_quietly(client), b"")

    def test_reload_keeps_servers_and_serves_new_ones(self):
        for signo in signal.SIGHUP, signal.SIGUSR2:
            old, new = harness.free_port(), harness.free_port()
            daemon = self.start(cat("plain", old, "instances = 3"))
            client = self.held(old)
            daemon.config.write_text(cat("plain", old, "instances = 2") +
                                     cat("fresh", new))
            daemon.send(signo)
            daemon.wait_for(r"NOTICE: Starting reconfiguration$")
            daemon.wait_for(r"NOTICE: Reconfigured: new=1 old=1 dropped=0 \(services\)$")
            self.assertEqual(ask(new, b"z"), b"z")
            self.assert_goes_on(client)

    def test_reload_ends_the_servers_of_what_is_removed(self):
        old, kept = harness.free_port(), harness.free_port()
        config = cat("kept", kept)
        daemon = self.start("defaults\n{\n\tlog_type = FILE @DIR@/service.log\n"
                            "\tlog_on_success = EXIT\n}\n" + config + cat("old", old))
        client, other = self.held(old), self.held(kept)
        text = daemon.config.read_text()
        daemon.config.write_text(text.replace(cat("old", old), ""))
        daemon.send(signal.SIGHUP)
        self.assertEqual(read_all_quietly(client), b"")
        daemon.wait_for(r"Reconfigured: new=0 old=1 dropped=1 \(services\)$")
        daemon.wait_for(r"EXIT: old status=0$" if self.real else
                        r"EXIT: old signal=15$")
        self.assert_goes_on(other)
        with self.assertRaises(ConnectionRefusedError):
            connect(old)

    def test_a_lost_configuration_leaves_everything_as_it_was(self):
        port = harness.free_port()
        daemon = self.start(cat("plain", port))
        daemon.config.unlink()
        daemon.send(signal.SIGHUP)
        daemon.wait_for(r"reconfiguration failed|keeping the old configuration")
        self.assertEqual(ask(port, b"a"), b"a")

    def test_signals_that_mean_nothing(self):
        port = harness.free_port()
        daemon = self.start(cat("plain", port))
        for signo in (signal.SIGINT, signal.SIGALRM, signal.SIGPIPE, signal.SIGCONT,
                      signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGIO):
            daemon.send(signo)
        daemon.send(signal.SIGABRT)
        daemon.wait_for(r"(NOTICE|INFO): Consistency check passed$")
        self.assertEqual(ask(port, b"a"), b"a")

    def test_the_limit_of_all_programs(self):
        ports = harness.free_port(), harness.free_port()
        daemon = self.start("defaults\n{\n\tlog_type = FILE @DIR@/service.log\n"
                            "\tlog_on_failure = HOST\n}\n" +
                            "".join(cat("s%d" % port, port) for port in ports),
                            "-limit", "1")
        self.held(ports[0])
        self.assertEqual(read_all_quietly(connect(ports[1])), b"")
        daemon.wait_for(r"FAIL: s%d process_limit from=127.0.0.1$" % ports[1])

    @harness.needs_root
    def test_the_dump(self):
        daemon = self.start(cat("plain", harness.free_port()))
        size = DUMP.stat().st_size if DUMP.exists() else 0
        if size == 0:
            self.addCleanup(DUMP.unlink, missing_ok=True)
        daemon.send(signal.SIGUSR1)

        def written():
            with contextlib.suppress(FileNotFoundError), open(DUMP) as dump:
                dump.seek(size)
                text = dump.read()
                return "END OF DUMP" in text and text
        text = eventually(written, "a dump")
        self.assertIn("Service = plain", text)

    def test_usage_errors(self):
        directory = self.scratch()
        for words in (("word",), ("-f",), ("-filelog",), ("-limit",), ("-limit", "x"),
                      ("-cc",), ("-pidfile",), ("-logprocs", "x"),
                      ("-syslog", "daemon", "-filelog", str(directory / "log"))):
            result = run(self, self.real, *words)
            self.assertEqual(result.returncode, 1, words)
            self.assertRegex(result.stderr.lower(), "usage: xinetd", words)

    def test_the_version_is_on_standard_error(self):
        result = run(self, self.real, "-version")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertIn("usherd" if not self.real else "2.3", result.stderr)

    def test_without_a_configuration_it_does_not_start(self):
        directory = self.scratch()
        result = run(self, self.real, "-dontfork", "-f", str(directory / "none"),
                     "-filelog", str(directory / "log"), "-pidfile",
                     str(directory / "pid"))
        self.assertEqual(result.returncode, 1)
        self.assertRegex((directory / "log").read_text(), r"xinetd\[\d+\]: \w+: ")


@unittest.skipIf(XINETD is None, "xinetd is not installed")
@harness.needs_root
class RealPersona(Persona):
    """The same of xinetd itself."""

    real = True


class Different(Case):
    """Where usherd, by purpose, does something else than xinetd."""

    def test_an_unknown_option_is_refused(self):
        for word in "-h", "-nonsense", "--version", "-":
            result = run(self, False, word)
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, "^xinetd: unknown option '%s'\nusage: xinetd"
                             % word)

    def test_options_without_a_meaning_are_taken(self):
        daemon = Xinetd(self, False, cat("plain", harness.free_port()), "-reuse",
                        "-inetd_ipv6", "-shutdownprocs", "3", "-logprocs", "4",
                        "-stayalive")
        self.assertEqual(daemon.output, "")

    def test_an_unknown_facility_is_daemon(self):
        result = run(self, False, "-syslog", "nonsense", "-version")
        self.assertEqual(result.returncode, 0)
        self.assertIn("nonsense", result.stderr)

    def test_wrong_defaults_are_a_failure_at_start_and_cost_nothing_later(self):
        port = harness.free_port()
        wrong = "defaults\n{\n\tinstances = many\n}\n" + cat("plain", port)
        directory = self.scratch()
        config, log = directory / "c", directory / "log"
        config.write_text(wrong)
        result = run(self, False, "-f", str(config), "-filelog", str(log), "-pidfile",
                     str(directory / "pid"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("instances", result.stderr)
        self.assertRegex(log.read_text(), r"ERROR: .*instances.* \[file=%s\] \[line=3\]"
                         % config)
        self.assertFalse((directory / "pid").exists())
        daemon = Xinetd(self, False, cat("plain", port))
        daemon.config.write_text(wrong)
        daemon.send(signal.SIGHUP)
        daemon.wait_for(r"keeping the old configuration")
        self.assertEqual(ask(port, b"a"), b"a")

    def test_a_refused_service_is_in_the_log_and_not_on_the_terminal(self):
        port = harness.free_port()
        daemon = Xinetd(self, False, cat("plain", port) +
                        cat("wrong", harness.free_port(), "instances = many"))
        self.assertEqual(daemon.output, "")
        daemon.wait_for(r"ERROR: .*instances.* \[file=%s\] \[line=\d+\]$" % daemon.config)
        self.assertEqual(ask(port, b"a"), b"a")

    def test_without_services_it_stays(self):
        daemon = Xinetd(self, False, "")
        daemon.wait_for(r"Started working: 0 available services$")
        self.assertTrue(daemon.is_there())

    def test_a_second_one_does_not_take_the_pid_file(self):
        daemon = Xinetd(self, False, cat("plain", harness.free_port()))
        result = run(self, False, *daemon.command[1:])
        self.assertEqual(result.returncode, 1)
        self.assertIn("another instance runs as process %d" % daemon.pid, result.stderr)
        daemon.wait_for(r"ERROR: another instance runs as process %d" % daemon.pid)

    def test_debugging_ends_with_an_interrupt(self):
        config = self.scratch() / "c"
        config.write_text(cat("plain", harness.free_port()))
        with subprocess.Popen([command(self, False), "-d", "-f", str(config)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as process:
            for line in process.stderr:
                if "Started working" in line:
                    break
            process.send_signal(signal.SIGINT)
            process.stderr.read()
            self.assertEqual(process.wait(harness.DEADLINE), 1)

    def test_programs_that_do_not_hear_term_are_killed_when_they_are_removed(self):
        script = self.script("#!/bin/sh\ntrap '' TERM\nexec cat\n")
        parts = [cat("kept", harness.free_port())]
        ports = [harness.free_port() for _ in range(2)]
        parts += [entry("deaf%d" % port, port, "server = %s" % script,
                        "log_on_success = EXIT", "log_type = FILE @DIR@/service.log")
                  for port in ports]
        daemon = Xinetd(self, False, "".join(parts))
        clients = [connect(port) for port in ports]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        # One after the other, so that each has a time of its own.
        for left in 2, 1:
            daemon.config.write_text("".join(parts[:left]).replace(
                "@DIR@", str(daemon.directory)))
            daemon.send(signal.SIGHUP)
            daemon.wait_for(r"Reconfigured: ", count=3 - left)
        for port, client in zip(ports, clients):
            self.assertEqual(read_all_quietly(client), b"")
            daemon.wait_for(r"EXIT: deaf%d signal=9" % port)

    def test_the_state_is_checked_every_second(self):
        daemon = Xinetd(self, False, cat("plain", harness.free_port()), "-cc", "1")
        daemon.send(signal.SIGABRT)
        daemon.wait_for(r"Consistency check passed$")


if __name__ == "__main__":
    harness.main()
