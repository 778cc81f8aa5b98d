# SPDX-License-Identifier: ISC
"""System calls that fail, one at a time: strace(1) makes them.

Each row of the tables below attaches strace to a process of a running daemon, lets one
call fail for a while, and looks: the daemon still runs, has said what it could not do, has
not spun meanwhile, serves everybody again when it is over, and keeps neither a descriptor
nor a zombie. A row whose fault never struck fails.
"""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

import harness
from harness import Case, Daemon, datagram_socket, exchange, read_all, user_line

STRACE = harness.program("strace")
# How often a fault that does not pass may strike in a second before it counts as spinning.
STRIKES_PER_SECOND = 100
# How long an answer may take: one that is due, one of many tries, one that will not come.
PATIENT, ONE_TRY, HOPELESS = harness.DEADLINE, 1.0, 0.2
# How long the daemon may take to say what has failed.
SPEAKS = 3.0


def strace_works():
    if STRACE is None:
        return False
    done = subprocess.run([STRACE, "-o", "/dev/null", "-e", "inject=getppid:error=EPERM",
                           "true"], stderr=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        return False
    target = subprocess.Popen(["sleep", "60"])
    try:
        with Fault(target.pid, "getppid", "EPERM", "1"):
            return True
    except AssertionError:
        return False
    finally:
        target.kill()
        target.wait()


def setUpModule():
    if harness.is_counting():
        raise unittest.SkipTest("a build for coverage makes other system calls: it does "
                                "not confine its workers, and writes counters")
    if harness.is_root():
        # With a group to give up, or setgroups(2) is not called.
        os.setgroups([0])


class Fault:
    """One system call of one process (and of its children) fails while this is open."""

    def __init__(self, pid, call, error, when, path=None, follow=True):
        # strace makes a call fail by putting another in its place. Its usual choice is
        # none at all, which the filter of a worker takes for an attack.
        self.output = pathlib.Path("/tmp/usherd-test-strace.%d.%d" % (os.getpid(), pid))
        command = [STRACE, "-o", str(self.output), "-e", "trace=" + call,
                   "-e", "signal=none", "-e", "inject=%s:error=%s:syscall=gettid:when=%s" % (
                       call, error, when), "-p", str(harness.working_thread(pid))]
        if follow:
            command.insert(1, "-f")
        if path:
            command += ["-P", str(path)]
        self.command = command

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        while True:
            line = self.process.stderr.readline()
            if "attached" in line:
                self.began = time.monotonic()
                return self
            # With -P it lists the paths first.
            if not line:
                self._end()
                raise AssertionError("strace does not attach: %s" % self.command)

    def strikes(self):
        return self.output.read_text().count("(INJECTED)")

    def until(self, count):
        harness.eventually(lambda: self.strikes() >= count, "%d strikes" % count)

    def _end(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()

    def __exit__(self, *unused):
        self.lasted = time.monotonic() - self.began
        self._end()
        self.struck = self.strikes()
        self.output.unlink()


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as handle:
        fields = handle.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors_of(daemon, pid):
    """How many; 0 of a worker that only root may look at, or that is gone."""
    try:
        return len(daemon.descriptors(pid))
    except (PermissionError, FileNotFoundError):
        return 0


def state_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as handle:
            return handle.read().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return "-"


class House:
    """A daemon with a service of every kind, and how to ask each for an answer."""

    def __init__(self, case, more=""):
        self.directory = case.scratch()
        os.chmod(self.directory, 0o777)
        self.ports = {name: harness.free_port(kind) for name, kind in (
            ("cat", socket.SOCK_STREAM), ("echo", socket.SOCK_STREAM),
            ("wait", socket.SOCK_DGRAM), ("flow", socket.SOCK_DGRAM),
            ("added", socket.SOCK_STREAM), ("spare", socket.SOCK_STREAM),
            ("everywhere", socket.SOCK_STREAM), ("echo_everywhere", socket.SOCK_STREAM))}
        self.path = self.directory / "socket"
        self.asked = 0
        self.held = 0
        self.patience = ONE_TRY
        self.daemon = case.daemon(more + self.config())
        self.ask_all()
        self.settle()

    def service(self, name, text):
        limits = "cps = { 0, 1 } log_on_success = { PID, EXIT } log_on_failure = { HOST }"
        return "service %s { %s %s }\n" % (name, text, limits)

    def program(self, name, text):
        return self.service(name, text + " " + user_line())

    def config(self, added=""):
        text = self.program("cat", "bind = 127.0.0.1 port = %d server = /bin/cat "
                            "rlimit_core = 0 nice = 1" % self.ports["cat"])
        text += self.service("echo", "protocol = { tcp, udp } bind = 127.0.0.1 port = %d "
                             "internal = echo" % self.ports["echo"])
        text += self.program("wait", "protocol = udp wait = yes bind = 127.0.0.1 port = %d "
                             'server = /bin/sh server_args = { "-c", '
                             '"dd bs=99 count=1 status=none >&2" } stderr = log'
                             % self.ports["wait"])
        text += self.program("flow", "protocol = udp bind = 127.0.0.1 port = %d "
                             'server = /bin/sh server_args = { "-c", '
                             '"dd bs=99 count=1 status=none" } idle_timeout = 1s'
                             % self.ports["flow"])
        text += self.program("unix", "protocol = unix bind = %s socket_mode = 0666 "
                             "server = /bin/cat" % self.path)
        # Where only getsockname(2) knows which address a client has come to.
        text += self.program("everywhere", "port = %d server = /bin/cat"
                             % self.ports["everywhere"])
        text += self.service("echo_everywhere", "port = %d internal = echo"
                             % self.ports["echo_everywhere"])
        # More descriptors than a poll(2) array is used for.
        text += self.program("spare", "bind = 127.0.0.1 port = %d server = /bin/cat"
                             % self.ports["spare"])
        return text + added

    def with_added(self):
        return self.config(self.program("added", "bind = 127.0.0.1 port = %d "
                                        "server = /bin/cat" % self.ports["added"]))

    def with_stderr(self):
        return self.config(self.program("added", "bind = 127.0.0.1 port = %d "
                                        "server = /bin/cat stderr = log"
                                        % self.ports["added"]))

    def token(self):
        self.asked += 1
        return b"token-%d-\n" % self.asked

    def ask_stream(self, name):
        token = self.token()
        with socket.create_connection(("127.0.0.1", self.ports[name]),
                                      self.patience) as client:
            client.sendall(token)
            client.shutdown(socket.SHUT_WR)
            return client.recv(100) == token

    def ask_cat(self):
        return self.ask_stream("cat")

    def ask_echo(self):
        return self.ask_stream("echo")

    def ask_everywhere(self):
        return self.ask_stream("everywhere")

    def ask_echo_everywhere(self):
        return self.ask_stream("echo_everywhere")

    def ask_added(self):
        return self.ask_stream("added")

    def ask_datagram(self, name):
        token = self.token()
        with datagram_socket() as client:
            client.settimeout(self.patience)
            client.sendto(token, ("127.0.0.1", self.ports[name]))
            return client.recv(100) == token

    def ask_echo_udp(self):
        return self.ask_datagram("echo")

    def ask_flow(self):
        return self.ask_datagram("flow")

    def ask_wait(self):
        token = self.token()
        with datagram_socket() as client:
            client.sendto(token, ("127.0.0.1", self.ports["wait"]))
        self.daemon.wait_for(r"service 'wait': %s" % token.decode().strip(),
                             deadline=self.patience)
        return True

    def ask_unix(self):
        token = self.token()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(self.patience)
            client.connect(str(self.path))
            client.sendall(token)
            client.shutdown(socket.SHUT_WR)
            return client.recv(100) == token

    def ask(self, name):
        """Whether it answers; a refusal of any kind is a no."""
        try:
            return getattr(self, "ask_" + name)()
        except (OSError, AssertionError):
            return False

    def ask_all(self):
        for name in "cat", "echo", "echo_udp", "wait", "flow", "unix":
            harness.eventually(lambda: self.ask(name), "an answer of " + name)

    def worker(self):
        # A report of a worker comes a few milliseconds after what it tells of.
        self.daemon.wait_for(r"START: echo pid=\d+")
        return int(self.daemon.matches(r"START: echo pid=(\d+)")[-1].group(1))

    def settle(self):
        """Everything started has ended, and all traces of it are gone."""
        harness.eventually(lambda: len(self.daemon.children()) == 1, "programs reaped")
        self.supervisor_has = len(self.daemon.descriptors())
        self.worker_has = descriptors_of(self.daemon, self.worker())

    def check_unharmed(self, case):
        self.ask_all()
        daemon = self.daemon
        harness.eventually(lambda: len(daemon.children()) == 1, "programs reaped")
        case.assertNotEqual(state_of(daemon.children()[0]), "Z")
        harness.eventually(lambda: len(daemon.descriptors()) <= self.supervisor_has,
                           "the supervisor's descriptors are closed")
        harness.eventually(lambda: descriptors_of(daemon, self.worker()) <=
                           self.worker_has + self.held,
                           "the worker's descriptors are closed")


def nothing(house):
    pass


def reload_added(house):
    house.daemon.write(house.with_added())
    house.daemon.send(signal.SIGHUP)


def reload_stderr(house):
    house.daemon.write(house.with_stderr())
    house.daemon.send(signal.SIGHUP)


def reload_same(house):
    house.daemon.send(signal.SIGHUP)


def kill_worker(house):
    os.kill(house.worker(), signal.SIGKILL)


# What is asked for while the fault lasts: nothing, or the answer of a service.
# "served": it has to come all the same; "later": when the fault is over, by itself.
SUPERVISOR = [
    # call, errors, when, what is asked, said, served
    ("accept4", "EAGAIN ECONNABORTED EINTR EPERM EPROTO ENETDOWN ETIMEDOUT", "1..3", "cat",
     None, True),
    ("accept4", "EMFILE ENFILE", "1", "cat", r"service 'cat': cannot accept: Too many open "
     r"files|FAIL: cat resources from=127\.0\.0\.1", False),
    ("accept4", "EMFILE ENFILE ENOMEM ENOBUFS", "1+", "cat",
     r"service 'cat': cannot accept: ", False),
    ("accept4", "EMFILE ENOMEM", "1+", "unix", r"service 'unix': cannot accept: ", False),
    ("getsockname", "ENOBUFS", "1+", "everywhere",
     r"service 'everywhere': cannot accept: No buffer space", False),
    ("clone", "EAGAIN ENOMEM EPERM", "1+", "cat",
     r"service 'cat': cannot start '/bin/cat': step clone: ", False),
    ("clone", "EAGAIN", "1+", "wait",
     r"service 'wait': cannot start '/bin/sh': step clone: ", False),
    ("clone", "EAGAIN", "1+", "flow",
     r"service 'flow': cannot start '/bin/sh': step clone: ", False),
    ("setsid", "EPERM", "1+", "cat", r"cannot start '/bin/cat': step session: ", False),
    ("rt_sigaction", "EFAULT", "1+", "cat", r"start '/bin/cat': step signals: ", False),
    ("dup3", "EMFILE EBUSY", "1+", "cat", r"start '/bin/cat': step descriptors: ", False),
    ("chdir", "EACCES", "1+", "cat", r"cannot start '/bin/cat': step directory: ", False),
    ("prlimit64", "EPERM", "1+", "cat", r"cannot start '/bin/cat': step limits: ", False),
    ("execve", "ENOMEM EACCES ETXTBSY EMFILE EAGAIN", "1+", "cat",
     r"service 'cat': cannot start '/bin/cat': step exec: ", False),
    ("execve", "ENOMEM", "1+", "wait", r"'wait': cannot start '/bin/sh': step exec", False),
    ("execve", "ENOMEM", "1+", "flow", r"'flow': cannot start '/bin/sh': step exec", False),
    ("wait4", "EINTR", "1..3", "cat", None, True),
    ("ppoll", "EINTR EAGAIN ENOMEM", "1..10", "cat", None, True),
    ("epoll_wait", "EINTR ENOMEM", "1..10", "cat", None, True),
    ("recvmsg", "EINTR ECONNREFUSED EHOSTUNREACH", "1..3", "wait", None, True),
    ("recvmsg", "EINTR ECONNREFUSED EHOSTUNREACH", "1..3", "flow", None, True),
    ("socket", "EMFILE ENFILE ENOBUFS", "1", "flow",
     r"service 'flow': no socket for a peer: ", False),
    ("bind", "EADDRINUSE ENOMEM", "1", "flow", r"'flow': no socket for a peer: ", False),
    ("connect", "EAGAIN ENOMEM", "1", "flow", r"'flow': no socket for a peer: ", False),
    ("setsockopt", "ENOMEM", "1", "flow", r"'flow': no socket for a peer: ", False),
    ("sendmsg", "ENOBUFS EPERM", "1+", "flow", r"'flow': a datagram was lost: ", False),
]

ROOT_ONLY = [
    # The raw packet fails: the listener sends instead.
    ("sendmsg", "ENOBUFS EPERM", "1", "flow", None, True),
    ("setgroups", "EPERM", "1+", "cat", r"cannot start '/bin/cat': step groups: ", False),
    ("setresgid", "EPERM", "1+", "cat", r"cannot start '/bin/cat': step gid: ", False),
    ("setresuid", "EAGAIN EPERM", "1+", "cat", r"cannot start '/bin/cat': step uid: ",
     False),
]

WORKER = [
    ("accept4", "EAGAIN ECONNABORTED EINTR EPERM EPROTO", "1..3", "echo", None, True),
    ("accept4", "EMFILE ENFILE ENOMEM ENOBUFS", "1+", "echo",
     r"service 'echo': cannot accept: ", False),
    ("getsockname", "ENOBUFS", "1+", "echo_everywhere",
     r"service 'echo_everywhere': cannot accept: ", False),
    ("epoll_ctl", "ENOMEM ENOSPC", "1", "echo", r"service 'echo': cannot serve a client: ",
     False),
    ("ppoll", "EINTR EAGAIN ENOMEM", "1..10", "echo", None, True),
    ("epoll_wait", "EINTR ENOMEM", "1..5", "echo", None, True),
    ("recvfrom", "EINTR EAGAIN", "1..3", "echo", None, True),
    ("recvfrom", "ENOMEM ECONNRESET ETIMEDOUT", "1", "echo", None, False),
    ("sendto", "EINTR", "1..3", "echo", None, True),
    ("sendto", "ENOBUFS EPIPE", "1", "echo", None, False),
    ("recvmmsg", "EINTR ECONNREFUSED EHOSTUNREACH", "1..3", "echo_udp", None, True),
    ("sendmmsg", "EINTR", "1..3", "echo_udp", None, True),
    ("sendmmsg", "ENOBUFS EPERM EHOSTUNREACH EAGAIN", "1+", "echo_udp", None, False),
]

# What a receive queue that cannot be read does to whoever waits for it to be readable.
UNREADABLE = [
    ("recvmsg", "ENOMEM ENOBUFS", "1+", "wait", r"service 'wait': ", False),
    ("recvmsg", "ENOMEM ENOBUFS", "1+", "flow", r"service 'flow': ", False),
]
UNREADABLE_IN_WORKER = [
    ("recvmmsg", "ENOMEM ENOBUFS", "1+", "echo_udp", r"service 'echo': ", False),
]

# call, errors, when, what is done, said, the service that answers in the end
EVENTS = [
    ("socket", "EMFILE ENFILE ENOBUFS ENOMEM", "1..2", reload_added,
     r"'added': cannot make a socket for .*; trying again", "added"),
    ("setsockopt", "ENOMEM ENOBUFS", "1", reload_added,
     r"'added': .*cannot prepare .*; trying again", "added"),
    ("bind", "EADDRINUSE EADDRNOTAVAIL ENOMEM", "1..2", reload_added,
     r"'added': cannot bind .*; trying again", "added"),
    ("listen", "EADDRINUSE", "1", reload_added,
     r"'added': cannot listen on .*; trying again", "added"),
    # Before that it begins and ends to watch for the end of the load.
    ("epoll_ctl", "ENOMEM ENOSPC", "3", reload_added,
     r"'added': cannot watch .*; trying again", "added"),
    # Then it reads the configuration by itself.
    ("eventfd2", "EMFILE ENFILE", "1", reload_added, r"configuration reloaded", "added"),
    ("clone3", "EAGAIN", "1", reload_added, r"configuration reloaded", "added"),
    ("pipe2", "EMFILE ENFILE", "1", reload_stderr,
     r"cannot reload: cannot make a pipe for stderr: .*; keeping the old", "cat"),
    ("read", "EAGAIN EINTR", "1..3", reload_added, r"configuration reloaded", "added"),
    ("socketpair", "EMFILE ENFILE ENOMEM", "1..2", kill_worker,
     r"cannot start a worker: .*; trying again", "echo"),
    ("clone", "EAGAIN ENOMEM", "1..2", kill_worker,
     r"cannot start a worker: .*; trying again", "echo"),
]

# What a new worker cannot do, it must not go without.
WORKER_START = [
    ("setgroups", "EPERM", "1", r"worker: cannot confine: confinement, groups: "),
    ("setresgid", "EPERM", "1", r"worker: cannot confine: confinement, gid: "),
    ("setresuid", "EPERM EAGAIN", "1", r"worker: cannot confine: confinement, uid: "),
    ("capset", "EPERM", "1..9", r"worker: cannot confine: confinement, "),
    # Both ways to an empty root directory.
    ("unshare,chroot", "EPERM", "1..9", r"worker: cannot confine: confinement, empty root dir"),
    ("seccomp", "EINVAL EPERM", "1..9", r"worker: cannot confine: confinement, "),
    ("epoll_create1", "EMFILE", "1", r"worker: cannot make an epoll set: "),
    ("eventfd2", "EMFILE", "1", r"worker: "),
]


@unittest.skipUnless(strace_works(), "strace cannot attach here")
class FaultCase(Case):
    @contextlib.contextmanager
    def fault(self, pid, call, *rest, **more):
        with Fault(pid, call, *rest, **more) as fault:
            yield fault
        self.assertGreater(fault.struck, 0, "%s never failed" % call)

    def check_idle(self, fault, pid, before, due=10):
        self.assertLess(fault.struck, due + STRIKES_PER_SECOND * fault.lasted, "it spins")
        self.assertLess(cpu_seconds(pid) - before, 0.3 + 0.3 * fault.lasted, "it spins")

    def ask_through(self, house, pid, row):
        call, error, when, asked, said, served = row
        mark = house.daemon.mark()
        before = cpu_seconds(pid)
        with self.fault(pid, call, error, when) as fault:
            house.patience = PATIENT if served else HOPELESS
            answered = house.ask(asked)
            house.patience = ONE_TRY
            fault.until(1)
            if said:
                house.daemon.wait_for(said, since=mark, deadline=SPEAKS)
        self.assertEqual(house.daemon.process.poll(), None)
        if served:
            self.assertTrue(answered, "not served")
        self.check_idle(fault, pid, before)
        house.check_unharmed(self)

    def do_through(self, house, row):
        call, error, when, act, said, answering = row
        mark = house.daemon.mark()
        before = cpu_seconds(house.daemon.pid)
        with self.fault(house.daemon.pid, call, error, when, follow=False) as fault:
            act(house)
            house.daemon.wait_for(said, since=mark)
            fault.until(1)
        self.check_idle(fault, house.daemon.pid, before)
        harness.eventually(lambda: house.ask(answering), "an answer of " + answering)
        house.ask_all()
        house.daemon.reload(house.config())
        house.check_unharmed(self)


class Supervisor(FaultCase):
    pass


class Worker(FaultCase):
    pass


class Reload(FaultCase):
    pass


class Refusals(FaultCase):
    """Faults that need a daemon of their own kind."""

    def test_a_log_file_that_cannot_be_written_costs_one_warning(self):
        for error in "EIO", "ENOSPC", "EDQUOT":
            with self.subTest(error=error):
                log = self.scratch() / "log"
                port = harness.free_port()
                daemon = self.daemon(
                    'log = "file:%s"\nservice cat { bind = 127.0.0.1 port = %d '
                    "server = /bin/cat %s log_on_success = { PID } cps = { 0, 1 } }"
                    % (log, port, user_line()), wait_ready=False, log_to_stderr=False)
                harness.eventually(lambda: log.exists() and "ready" in log.read_text(),
                                   "ready")
                before = cpu_seconds(daemon.pid)
                # It ends by itself: a write under way when strace lets go would seem to
                # have succeeded.
                with self.fault(daemon.pid, "write", error, "1..3", path=log,
                                follow=False) as fault:
                    for number in range(20):
                        self.assertEqual(exchange(port, b"x"), b"x")
                    fault.until(3)
                    harness.eventually(lambda: log.read_text().count("START: cat") == 20,
                                       "all lines are written in the end")
                self.check_idle(fault, daemon.pid, before, due=100)
                self.assertEqual(len(daemon.matches("cannot write to the log")), 1)

    def test_a_shortage_at_reload_does_not_take_ipv6_away(self):
        port = harness.free_port()
        config = "service cat { port = %d server = /bin/cat %s }" % (port, user_line())
        daemon = self.daemon(config)
        self.assertEqual(exchange(port, b"x", "::1"), b"x")
        with self.fault(daemon.pid, "socket", "EMFILE", "1"):
            daemon.reload()
        self.assertEqual(exchange(port, b"x", "::1"), b"x")

    def test_a_log_file_write_may_be_interrupted(self):
        log = self.scratch() / "log"
        port = harness.free_port()
        daemon = self.daemon('log = "file:%s"\nservice cat { bind = 127.0.0.1 port = %d '
                             "server = /bin/cat %s log_on_success = { PID } }"
                             % (log, port, user_line()), wait_ready=False,
                             log_to_stderr=False)
        harness.eventually(lambda: log.exists() and "ready" in log.read_text(), "ready")
        with self.fault(daemon.pid, "write", "EINTR", "1..3", path=log, follow=False):
            self.assertEqual(exchange(port, b"x"), b"x")
            harness.eventually(lambda: "START: cat" in log.read_text(), "START")
        self.assertEqual(log.read_text().count("START: cat"), 1)
        self.assertEqual(daemon.matches("cannot write"), [])

    def test_a_log_file_that_cannot_be_opened_again_stays_open(self):
        for error in "EMFILE", "EACCES", "ENOSPC":
            with self.subTest(error=error):
                log = self.scratch() / "log"
                daemon = self.daemon('log = "file:%s"\n' % log, wait_ready=False,
                                     log_to_stderr=False)
                harness.eventually(lambda: log.exists() and "ready" in log.read_text(),
                                   "ready")
                with self.fault(daemon.pid, "openat", error, "1+", path=log,
                                follow=False):
                    daemon.send(signal.SIGHUP)
                    harness.eventually(lambda: "the log stays where it was" in
                                       log.read_text(), "the refusal")
                self.assertIn("cannot open log file '%s'" % log, log.read_text())

    def test_a_configuration_that_cannot_be_read_changes_nothing(self):
        house = House(self)
        for call, error in (("openat", "EMFILE"), ("openat", "EACCES"), ("openat", "EIO"),
                            ("read", "EIO"), ("read", "EISDIR")):
            with self.subTest(call=call, error=error):
                mark = house.daemon.mark()
                # The thread that reads is another one.
                with self.fault(house.daemon.pid, call, error, "1+",
                                path=house.daemon.config_path):
                    reload_added(house)
                    house.daemon.wait_for(r"cannot reload: .*; keeping the old", since=mark)
                house.daemon.wait_for(r"%s: error: cannot be (opened|read): " %
                                      re.escape(str(house.daemon.config_path)), since=mark)
                house.check_unharmed(self)

    def test_a_refused_address_is_bound_by_a_later_reload(self):
        # EACCES does not pass by itself: somebody has to mend the cause, and then says so.
        house = House(self)
        with self.fault(house.daemon.pid, "bind", "EACCES", "1", follow=False):
            reload_added(house)
            house.daemon.wait_for(r"'added': cannot bind .*Permission denied$")
        house.daemon.reload()
        harness.eventually(lambda: house.ask("added"), "an answer", deadline=3)

    @harness.needs_root
    def test_a_worker_that_cannot_confine_itself_does_not_serve(self):
        for call, errors, when, said in WORKER_START:
            for error in errors.split():
                with self.subTest(call=call, error=error):
                    house = House(self)
                    mark = house.daemon.mark()
                    with self.fault(house.daemon.pid, call, error, when):
                        kill_worker(house)
                        house.daemon.wait_for(said, since=mark)
                        house.daemon.wait_for(r"worker \d+ ended with status 71; starting "
                                              r"another", since=mark)
                        serving = house.daemon.matches(r"START: echo", since=mark)
                        self.assertEqual(serving, [])
                    house.check_unharmed(self)

    def test_a_storm_of_signals_interrupts_nothing(self):
        house = House(self)
        pids = [house.daemon.pid, house.worker()]
        for _ in range(100):
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGCHLD)
            self.assertTrue(house.ask("cat"))
            self.assertTrue(house.ask("echo"))
        house.check_unharmed(self)


@unittest.skipUnless(strace_works(), "strace cannot attach here")
class Start(Case):
    """Faults before the daemon is ready: it ends with a reason, or starts all the same."""

    def start(self, call, error, when, options=(), config="", path=None):
        more = "-P '%s'" % path if path else ""
        wrapper = self.script(
            "#!/bin/sh\nexec '%s' -f -D -o '%s' %s -e trace=%s -e signal=none -e "
            "inject=%s:error=%s:syscall=gettid:when=%s '%s' \"$@\"\n"
            % (STRACE, self.scratch() / "trace", more, call, call, error, when,
               harness.USHERD))
        env = dict(os.environ)
        # Looking for leaks does not work under ptrace(2).
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        real, harness.USHERD = harness.USHERD, str(wrapper)
        try:
            return Daemon(config, options=options, env=env, wait_ready=False)
        finally:
            harness.USHERD = real

    def ends(self, daemon, status, said):
        try:
            self.assertEqual(daemon.wait(), status, daemon.lines)
        finally:
            if daemon.process.returncode is None:
                daemon.stop()
        self.assertTrue(daemon.matches(said), daemon.lines)

    def test_what_it_cannot_do_without_is_named(self):
        for call, error, said in (
                ("epoll_create1", "EMFILE", r"usherd: cannot make an epoll set: Too many"),
                ("signalfd4", "EMFILE", r"usherd: cannot open a signal descriptor: Too many"),
                ("clone", "EAGAIN", r"usherd: cannot prepare for starting programs: ")):
            with self.subTest(call=call):
                if call == "clone" and harness.is_sanitized():
                    self.skipTest("a sanitizer's stacks are not shared: nothing to prepare")
                self.ends(self.start(call, error, "1"), 71, said)

    def test_a_missing_reserve_is_named(self):
        self.ends(self.start("eventfd2", "ENFILE", "1"), 71,
                  r"usherd: .*Too many open files in system")

    def test_a_pidfile_that_cannot_be_written_is_none(self):
        for call, error, status in (
                ("fcntl", "ENOLCK", 71), ("rename", "EIO", 71), ("fchmod", "EPERM", 77),
                ("openat", "EROFS", 71), ("openat", "EACCES", 77), ("write", "ENOSPC", 71)):
            with self.subTest(call=call):
                directory = self.scratch()
                path = directory / "pid"
                where = path if call in ("fcntl", "openat") else None
                daemon = self.start(call, error, "1", ("-p", str(path)), path=where)
                self.ends(daemon, status, r"usherd: cannot (open|lock|write) '%s': " % path)
                if path.exists():
                    self.assertEqual(path.read_text(), "")
                self.assertIn(os.listdir(directory), ([], ["pid"]))

    def test_no_background_without_a_pipe_or_a_process(self):
        for call, error, said in (("pipe2", "EMFILE", "usherd: cannot make a pipe: "),
                                  ("clone", "EAGAIN", "usherd: cannot fork: ")):
            with self.subTest(call=call):
                self.ends(self.start(call, error, "1", ("-b",)), 71, said)

    def test_sockets_are_bound_when_it_becomes_possible(self):
        for call, error, when in (("socket", "EMFILE", "1..3"),
                                  ("bind", "EADDRNOTAVAIL", "1"),
                                  ("listen", "EADDRINUSE", "1"),
                                  ("setsockopt", "ENOMEM", "1")):
            with self.subTest(call=call):
                port = harness.free_port()
                daemon = self.start(call, error, when, config="service cat { port = %d "
                                    "bind = 127.0.0.1 server = /bin/cat %s }"
                                    % (port, user_line()))
                try:
                    daemon.wait_for(r"service 'cat': .*; trying again")
                    daemon.wait_for(r"ready: 1 services, 0 of 1 sockets bound")
                    daemon.wait_for(r"service 'cat': .* is bound now")
                    self.assertEqual(exchange(port, b"x"), b"x")
                finally:
                    self.assertEqual(daemon.stop(), 0)


# What the daemon does not get right yet. A row that is mended shows as an unexpected
# success and has to leave this list.


def add_row(kind, row, build):
    call, errors, when, about = row[:4]
    about = about if isinstance(about, str) else about.__name__
    for error in errors.split():
        one = (call, error) + row[2:]
        name = "test_%s_%s_%s_%s" % (about, call, error, re.sub(r"\W", "_", when))
        test = lambda self, one=one: build(self, one)
        setattr(kind, name, test)


def in_supervisor(case, row):
    house = House(case)
    case.ask_through(house, house.daemon.pid, row)


def in_worker(case, row):
    if not harness.is_root():
        case.skipTest("only root may trace a worker")
    house = House(case)
    # So many that an epoll set is used.
    held = [harness.connect(house.ports["echo"]) for _ in range(8)]
    house.held = len(held)
    house.daemon.wait_for(r"START: echo", count=9)
    try:
        case.ask_through(house, house.worker(), row)
    finally:
        for each in held:
            each.close()


def on_event(case, row):
    case.do_through(House(case), row)


for rows, kind, build in ((SUPERVISOR + UNREADABLE, Supervisor, in_supervisor),
                          (ROOT_ONLY, Supervisor, lambda case, row: in_supervisor(case, row)
                           if harness.is_root() else case.skipTest("needs root")),
                          (WORKER + UNREADABLE_IN_WORKER, Worker, in_worker),
                          (EVENTS, Reload, on_event)):
    for each in rows:
        add_row(kind, each, build)


if __name__ == "__main__":
    harness.main()
