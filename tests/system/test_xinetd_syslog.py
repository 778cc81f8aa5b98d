# SPDX-License-Identifier: ISC
"""log_type = SYSLOG, and every reason of a FAIL line: the datagrams that come to /dev/log,
byte by byte, from usherd called as xinetd and from the real one."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness
from harness import Case, answer, eventually, exchange, free_port, program

INSIDE = "USHERD_TEST_IN_NAMESPACE"
XINETD = program("xinetd")
LOCAL3, NOTICE = 19 << 3, 5
DAEMON, INFO = 3 << 3, 6
# Of a user of its own, so that a limit of processes means this one alone.
OWN = 54399

ENTRY = """
service s
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = %(port)d
	bind = 127.0.0.1
	flags = IPv4 %(flags)s
	wait = no
	user = %(user)s
	server = %(server)s
	cps = 0 1
	log_type = SYSLOG local3 notice
	log_on_success = PID HOST EXIT DURATION
	log_on_failure = HOST
	%(more)s
}
"""


def inside():
    return os.environ.get(INSIDE) == "1"


class Log:
    """Who is at /dev/log."""

    def __init__(self):
        pathlib.Path("/dev/log").unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.socket.settimeout(harness.DEADLINE)
        self.datagrams = []

    def wait_for(self, pattern, count=1):
        while True:
            found = [each for each in self.datagrams if re.search(pattern, each)]
            if len(found) >= count:
                return found
            try:
                self.datagrams.append(self.socket.recv(8192).decode())
            except TimeoutError:
                raise AssertionError("no %d lines %r in:\n%s" % (
                    count, pattern, "\n".join(self.datagrams))) from None


class Identd:
    """The ident server of all clients, RFC 1413; it says of each what @answer says."""

    def __init__(self, case, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 113))
        case.addCleanup(self.thread_end)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                with client, client.makefile("rb") as lines:
                    ports = lines.readline().decode().strip()
                    client.sendall((self.answer % {"ports": ports}).encode())

    def thread_end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def answer_of(port):
    """What a client is sent back; nothing if it is turned away."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        with harness.connect(port) as client:
            client.sendall(b"x")
            client.settimeout(harness.DEADLINE)
            return client.recv(1)
    return b""


def normal(text):
    text = re.sub(r"pid=\d+", "pid=N", text)
    return re.sub(r"duration=\d+", "duration=N", text)


@unittest.skipUnless(inside(), "needs root, unshare and namespaces")
class Syslog(Case):
    """Each test says what both do; those of what differs name it."""

    real = False

    def start(self, more="", *options, flags="", user="nobody", uid=None, server="/bin/cat",
              changes=(), count="1"):
        self.port = free_port()
        directory = self.scratch()
        directory.chmod(0o777)
        self.path = directory / "xinetd.conf"
        text = ENTRY % {"port": self.port, "more": more, "flags": flags, "user": user,
                        "server": server}
        for old, new in changes:
            text = text.replace(old, new)
        self.path.write_text(text)
        link = directory / "xinetd"
        link.symlink_to(XINETD if self.real else os.path.abspath(harness.startable()))
        self.log = Log()
        self.addCleanup(self.log.socket.close)
        self.process = subprocess.Popen(
            [link, "-dontfork", "-f", self.path, "-pidfile", directory / "pid", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=uid, group=uid, extra_groups=None if uid is None else [])
        self.addCleanup(self.end, self.process)
        self.log.wait_for("Started working: %s available service" % count)

    def change(self, old, new):
        self.path.write_text(self.path.read_text().replace(old, new))
        self.process.send_signal(signal.SIGHUP)
        self.log.wait_for("Reconfigured: ")

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGTERM)
        process.wait(harness.DEADLINE)

    def lines(self, count, pattern="(?:START|FAIL|EXIT): "):
        """What stands in the lines about clients, as (priority, text), when there are so
        many; the rest is the same in all."""
        self.log.wait_for(r"\]: " + pattern, count)
        found = []
        for each in self.log.datagrams:
            match = re.fullmatch(r"<(\d+)>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d "
                                 r"xinetd\[(\d+)\]: (.*)", each)
            self.assertIsNotNone(match, repr(each))
            if re.match(pattern, match.group(3)):
                found.append((int(match.group(1)), normal(match.group(3))))
        return found

    def assert_lines(self, *texts):
        self.assertEqual(sorted(self.lines(len(texts))),
                         sorted((LOCAL3 | NOTICE, text) for text in texts))

    def assert_refused(self, reason, *others):
        with contextlib.suppress(OSError):
            self.assertEqual(exchange(self.port, b"x"), b"")
        self.assert_lines("FAIL: s %s from=127.0.0.1" % reason, *others)

    def assert_refused_behind(self, reason):
        """xinetd has begun to serve the client when it asks."""
        self.assert_refused(reason, *(
            ["START: s pid=N from=127.0.0.1", "EXIT: s status=0 pid=N duration=N(sec)"]
            if self.real else []))

    START, EXIT = "START: s pid=N from=127.0.0.1", "EXIT: s status=0 pid=N duration=N(sec)"

    def test_a_session(self):
        self.start()
        self.assertEqual(exchange(self.port, b"x"), b"x")
        self.assert_lines(self.START, self.EXIT)

    def test_the_main_log(self):
        self.start()
        started = self.log.wait_for("Started working: ")[0]
        self.assertRegex(started, r"^<%d>\w{3} [ \d]\d [\d:]{8} xinetd\[%d\]: Started "
                         r"working: 1 available service$" % (
                             DAEMON | NOTICE, self.process.pid))

    def test_another_facility_of_the_main_log(self):
        self.start("", "-syslog", "local5")
        self.assertIn("<%d>" % (21 << 3 | NOTICE), self.log.wait_for("Started working: ")[0])
        self.assertEqual(exchange(self.port, b"x"), b"x")
        self.assert_lines(self.START, self.EXIT)

    def test_service_limit(self):
        self.start("instances = 0")
        self.assert_refused("service_limit")

    def test_per_source_limit(self):
        self.start("per_source = 0")
        self.assert_refused("per_source_limit")

    def test_process_limit(self):
        self.start("", "-limit", "1")
        client = self.held(self.port)
        self.assert_refused("process_limit", self.START)
        client.close()
        self.assert_lines(self.START, "FAIL: s process_limit from=127.0.0.1", self.EXIT)

    def test_time(self):
        now = time.localtime().tm_hour * 60 + time.localtime().tm_min
        hour = (now // 60 + 2) % 24
        self.start("access_times = %d:00-%d:59" % (hour, hour))
        self.assert_refused("time")

    def test_load(self):
        if os.getloadavg()[0] < 0.02:
            self.skipTest("there is no load at all")
        self.start("max_load = 0.0001")
        self.assert_refused("load")

    def test_connections_per_second(self):
        self.start()
        self.change("cps = 0 1", "cps = 1 30")

        def refused():
            answer(self.port, b"x")
            self.log.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.log.datagrams.append(self.log.socket.recv(8192).decode())
            return any("FAIL: " in each for each in self.log.datagrams)
        eventually(refused, "too many within a second")
        self.assertEqual(self.lines(1, "FAIL: "), [
            (LOCAL3 | NOTICE, "FAIL: s connections per second from=127.0.0.1")])

    def test_a_pause(self):
        """One refusal, then nobody is there; who is being served goes on, and so does the
        service."""
        self.start(changes=[("cps = 0 1", "cps = 2 2")])
        client = self.held(self.port)

        def is_there():
            try:
                return answer_of(self.port) == b"x"
            except ConnectionRefusedError:
                return None
        eventually(lambda: is_there() is None, "a pause")
        client.sendall(b"y")
        self.assertEqual(client.recv(1), b"y")
        eventually(is_there, "the service again")
        client.sendall(b"z")
        self.assertEqual(client.recv(1), b"z")
        self.assertEqual(self.lines(1, "FAIL: ")[0], (
            LOCAL3 | NOTICE, "FAIL: s connections per second from=127.0.0.1"))

    def test_the_first_reason_counts(self):
        """Both ask in this order, but for lists and times, which usherd asks first."""
        now = time.localtime().tm_hour
        closed = "access_times = %d:00-%d:59" % ((now + 2) % 24, (now + 2) % 24)
        full, source = "instances = 0", "per_source = 0"
        for lines, reason, ours in (
                ([source, full], "service_limit", "service_limit"),
                ([source, "no_access = 127.0.0.1"], "per_source_limit", "address"),
                ([full, closed], "time", "time"),
                (["max_load = 0.0001", full], "load", "load"),
                (["max_load = 0.0001", closed], "load", "time")):
            if "load" in reason and os.getloadavg()[0] < 0.02:
                continue
            with self.subTest(lines):
                self.start("\n\t".join(lines))
                self.assert_refused(reason if self.real else ours)

    def test_address(self):
        self.start("no_access = 127.0.0.1")
        self.assert_refused_behind("address")

    def test_libwrap(self):
        if not self.real and not any(each.name == "usherd-libwrap"
                                     for each in harness.worker_programs()):
            self.skipTest("built without libwrap")
        pathlib.Path("/etc/hosts.deny").write_text("cat: 127.0.0.1\n")
        self.addCleanup(pathlib.Path("/etc/hosts.deny").write_text, "")
        self.start()
        self.assert_refused_behind("libwrap")

    @harness.needs_program("prlimit")
    def test_fork(self):
        self.start(flags="NORETRY", user=str(OWN), uid=OWN)
        self.assertEqual(exchange(self.port, b"x"), b"x")
        self.log.wait_for(r"EXIT: ")
        subprocess.run(["prlimit", "--pid", str(self.process.pid), "--nproc=0:0"], user=OWN,
                       group=OWN, extra_groups=[], check=True)
        self.assert_refused("fork", self.START, self.EXIT)

    def test_a_program_that_cannot_be_executed(self):
        script = self.script("#!/no/such/interpreter\n")
        self.start(server=script)
        if not self.real:
            self.assert_refused("fork")
            return
        answer(self.port, b"x")
        self.assert_lines(self.START, self.EXIT)

    DATAGRAMS = (("= stream", "= dgram"), ("= tcp", "= udp"), ("wait = no", "wait = yes"))

    def test_datagrams(self):
        script = self.script("#!/bin/sh\nexec dd of=/dev/null bs=2000 count=1 2>/dev/null\n")
        self.start(server=script, flags="NOLIBWRAP", changes=self.DATAGRAMS)
        with harness.datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", self.port))
            self.assert_lines(self.START, self.EXIT)

    def test_datagrams_that_are_refused(self):
        self.start("no_access = 127.0.0.1", flags="NOLIBWRAP", changes=self.DATAGRAMS)
        with harness.datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", self.port))
            self.assert_lines("FAIL: s address from=127.0.0.1",
                              *([self.START, self.EXIT] if self.real else []))

    def userid(self, answer, flags=""):
        if answer is not None:
            Identd(self, answer)
        self.start(changes=[("PID HOST EXIT", "PID HOST USERID EXIT")], flags=flags)
        return exchange(self.port, b"x")

    def test_userid(self):
        self.assertEqual(self.userid("%(ports)s : USERID : UNIX : joe\r\n"), b"x")
        self.assertEqual(sorted(self.lines(3, "(?:START|EXIT|USERID): ")), sorted(
            (LOCAL3 | NOTICE, text) for text in
            (self.START, self.EXIT, "USERID: s UNIX : joe")))

    def test_userid_without_a_server(self):
        self.assertEqual(self.userid(None), b"x")
        self.assert_lines(self.START, self.EXIT)

    def test_idonly(self):
        self.assertEqual(self.userid("%(ports)s : USERID : UNIX : joe\r\n", "IDONLY"), b"x")
        self.lines(3, "(?:START|EXIT|USERID): ")

    def noid(self, answer, reason):
        with contextlib.suppress(OSError):
            self.assertEqual(self.userid(answer, "IDONLY"), b"")
        self.assertEqual(self.lines(1, "NOID: "), [
            (LOCAL3 | NOTICE, "NOID: s 127.0.0.1 " + reason)])

    def test_idonly_without_a_server(self):
        self.noid(None, "no server")

    def test_idonly_with_an_error(self):
        self.noid("%(ports)s : ERROR : NO-USER\r\n", "bad response")

    def test_idonly_with_other_ports(self):
        self.noid("1,2 : USERID : UNIX : joe\r\n", "bad response")

    def test_idonly_with_half_a_line(self):
        self.noid("%(ports)s : USERID", "error while receiving response")

    def inetd(self, text):
        """How many services of inetd.conf there are beside the one of xinetd's file."""
        path = pathlib.Path("/etc/inetd.conf")
        path.write_text(text)
        self.addCleanup(path.write_text, "")
        self.start("", "-inetd_compat", count=r"\d+")
        started = self.log.wait_for(r"Started working: \d+ available")[0]
        return int(re.search(r"(\d+) available", started).group(1)) - 1

    def test_inetd_compat(self):
        self.assertEqual(self.inetd(
            "# comment\n\n#<off># telnet stream tcp nowait root /bin/cat cat\n"
            "echo stream tcp nowait root internal\ndaytime\tdgram\tudp\twait\troot\tinternal\n"
            "ftp stream tcp nowait nobody /bin/cat cat\n"
            "finger stream tcp nowait nobody.daemon /bin/echo echo it is\n"
            "tftp dgram udp wait nobody /bin/cat cat\n"), 5)
        self.assertEqual(exchange(7, b"x"), b"x")
        self.assertEqual(exchange(21, b"x"), b"x")
        self.assertEqual(exchange(79), b"it is\n")
        self.assertEqual(exchange(self.port, b"x"), b"x")

    def test_inetd_compat_and_mistakes(self):
        """Lines that are too short, or of no type of socket, end xinetd."""
        self.assertEqual(self.inetd(
            "no-such-service stream tcp nowait nobody /bin/cat cat\n"
            "ftp stream tcp nowait no-such-user /bin/cat cat\n"
            "smtp stream nonsense nowait nobody /bin/cat cat\n"
            "finger stream tcp nowait nobody /bin/echo echo it is\n"), 1)
        self.assertEqual(exchange(79), b"it is\n")

    def test_inetd_compat_and_other_forms(self):
        self.assertEqual(self.inetd(
            "ftp stream tcp6 nowait nobody /bin/cat cat\n"
            "127.0.0.1:smtp stream tcp nowait nobody /bin/cat cat\n"
            "7009 stream tcp nowait nobody:daemon /bin/cat cat\n"), 0 if self.real else 3)

    def test_parts_that_are_left_out(self):
        self.start("log_on_failure =\n\tlog_on_failure = ATTEMPT\n\tinstances = 0")
        answer(self.port, b"x")
        self.assert_lines("FAIL: s service_limit")

    def test_a_default_level(self):
        self.start("instances = 0")
        self.change("SYSLOG local3 notice", "SYSLOG authpriv")
        answer(self.port, b"x")
        self.assertEqual(self.lines(1, "FAIL: "), [
            (10 << 3 | INFO, "FAIL: s service_limit from=127.0.0.1")])


@unittest.skipIf(XINETD is None, "xinetd is not installed")
class RealSyslog(Syslog):
    """The same of xinetd itself."""

    real = True


SETUP = """
mount --bind "$0/etc" /etc && mount -t tmpfs -o mode=755 tmpfs "$0/dev" &&
for name in null zero full random urandom tty; do
	: >"$0/dev/$name" && mount --bind "/dev/$name" "$0/dev/$name" || exit
done
mount --rbind "$0/dev" /dev && ip link set lo up && exec "$@"
"""


def enter():
    """Run this file again, with namespaces of its own, a copy of /etc and a /dev without
    anybody's log."""
    if inside() or not harness.is_root() or shutil.which("unshare") is None:
        return
    if subprocess.run(["unshare", "-m", "-n", "true"], check=False).returncode != 0:
        return
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        subprocess.run(["cp", "-a", "/etc", directory + "/etc"], check=True)
        for name in "hosts.allow", "hosts.deny":
            pathlib.Path(directory, "etc", name).write_text("")
        os.mkdir(directory + "/dev")
        result = subprocess.run(
            ["unshare", "-m", "-n", "--propagation", "private", "sh", "-c", SETUP, directory,
             sys.executable, "-B", *sys.argv], check=False, env={**os.environ, INSIDE: "1"})
    sys.exit(result.returncode)


if __name__ == "__main__":
    enter()
    harness.main()
