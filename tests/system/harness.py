# SPDX-License-Identifier: ISC
"""Running the real daemon for a test, and talking to it.

Nothing here sleeps: every wait is for an event (a log line, a byte, an exit) with a
deadline that only a failure reaches.
"""
import atexit
import contextlib
import functools
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

USHERD = os.environ.get("USHERD", "build/debug/src/usherd")
SOURCE = pathlib.Path(os.environ.get("USHERD_SOURCE_DIR", "."))
DEADLINE = float(os.environ.get("USHERD_TEST_DEADLINE", "60"))
NOBODY = 65534
_BUILT = USHERD


def is_root():
    return os.geteuid() == 0


def needs_root(test):
    return unittest.skipUnless(is_root(), "needs root")(test)


def is_counting():
    """Built for coverage: workers are not confined then, to write their counters."""
    return b"__gcov_dump" in pathlib.Path(USHERD).read_bytes()


def is_sanitized():
    """Built with the address sanitizer."""
    return b"__asan_init" in pathlib.Path(USHERD).read_bytes()


def needs_program(*names):
    missing = [n for n in names if shutil.which(n, path=search_path()) is None]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


def search_path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def program(name):
    return shutil.which(name, path=search_path())


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """A port that nobody has, neither for TCP nor for UDP; tests of one run do not get the
    same twice. Below those that the kernel gives to clients: no client takes it away."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(10240, 20000)
        if port in free_port.given:
            continue
        try:
            for each in socket.SOCK_STREAM, socket.SOCK_DGRAM:
                with socket.socket(family, each) as probe:
                    probe.bind((host, port))
        except OSError:
            continue
        free_port.given.add(port)
        return port


free_port.given = set()


def eventually(condition, what, deadline=DEADLINE):
    """Poll a condition that no event announces (a /proc entry, say)."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("never happened: " + what)
        select.select([], [], [], 0.01)


def open_directory():
    """A new one that everybody may enter, removed when the process ends at the latest."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="usherd-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)
    return directory


@functools.lru_cache(maxsize=None)
def _open_to_everybody(path):
    """A copy of the program where everybody may start it: the build may be below a
    directory that is closed to all but its owner, as /root is."""
    directory = open_directory()
    for program in pathlib.Path(path), *worker_programs(path):
        shutil.copyfile(program, directory / program.name)
        (directory / program.name).chmod(0o755)
    return str(directory / pathlib.Path(path).name)


def worker_programs(path=USHERD):
    """The workers that are programs of their own and were built beside the daemon."""
    return [each for each in pathlib.Path(path).parent.glob("usherd-*")
            if os.access(each, os.X_OK)]


def startable():
    """What to start as the daemon: USHERD, or what a test has put in its place."""
    return _open_to_everybody(USHERD) if USHERD == _BUILT else USHERD


def tasks(pid):
    """The threads of a process, as folders in /proc."""
    folder = "/proc/%d/task" % pid
    return [os.path.join(folder, task) for task in os.listdir(folder)]


def working_thread(pid):
    """The id of the thread that does the work; the first one keeps descriptors."""
    return max(int(task) for task in os.listdir("/proc/%d/task" % pid))


class Daemon:
    """One usherd with a configuration of its own in a directory of its own."""

    def __init__(self, config, *, options=(), env=None, preexec=None, user=None,
                 pass_fds=(), wait_ready=True, log_to_stderr=True):
        self.directory = open_directory()
        self.config_path = self.directory / "usherd.conf"
        self.write(config)
        self.lines = []
        self.condition = threading.Condition()
        command = [startable(), "-f", str(self.config_path), *options]
        if log_to_stderr:
            command += ["-l", "stderr"]
        full_env = dict(os.environ if env is None else env)
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=full_env, preexec_fn=preexec, user=user,
            pass_fds=pass_fds, start_new_session=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait_ready:
            self._wait_ready()

    def _wait_ready(self):
        try:
            self.wait_for(r"ready:")
        except AssertionError:
            # Nobody has this object yet who could end the process.
            self.stop(signal.SIGKILL)
            raise

    def write(self, config):
        temporary = self.config_path.with_suffix(".new")
        temporary.write_text(config)
        temporary.rename(self.config_path)

    def _read(self):
        for raw in self.process.stderr:
            with self.condition:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.condition.notify_all()
        with self.condition:
            self.lines.append("<end of output>")
            self.condition.notify_all()

    @property
    def pid(self):
        return self.process.pid

    def mark(self):
        """A position in the log: pass it to wait_for() to look only behind it."""
        with self.condition:
            return len(self.lines)

    def matches(self, pattern, since=0):
        with self.condition:
            return [m for m in (re.search(pattern, l) for l in self.lines[since:]) if m]

    def wait_for(self, pattern, since=0, count=1, deadline=DEADLINE):
        """The count-th line that matches, as a match object."""
        end = time.monotonic() + deadline
        with self.condition:
            while True:
                found = [m for m in (re.search(pattern, l) for l in self.lines[since:])
                         if m]
                if len(found) >= count:
                    return found[count - 1]
                left = end - time.monotonic()
                if left <= 0 or (self.lines and self.lines[-1] == "<end of output>"):
                    raise AssertionError("no line %r (%d of %d) in:\n%s" % (
                        pattern, len(found), count, "\n".join(self.lines)))
                self.condition.wait(left)

    def send(self, signo):
        os.kill(self.process.pid, signo)

    def reload(self, config=None, expect=r"configuration reloaded"):
        if config is not None:
            self.write(config)
        mark = self.mark()
        self.send(signal.SIGHUP)
        return self.wait_for(expect, since=mark)

    def wait(self, deadline=DEADLINE):
        status = self.process.wait(deadline)
        self.reader.join(deadline)
        self.process.stderr.close()
        return status

    def stop(self, signo=signal.SIGTERM):
        """End it; the exit status, after a look at what sanitizers have said."""
        if self.process.poll() is None:
            self.send(signo)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("did not stop:\n" + "\n".join(self.lines))
        shutil.rmtree(self.directory, ignore_errors=True)
        bad = [l for l in self.lines if "Sanitizer" in l or "runtime error" in l]
        if bad:
            raise AssertionError("\n".join(self.lines))
        return status

    def children(self):
        """Pids of the daemon's children."""
        pids = []
        for task in tasks(self.pid):
            with open(task + "/children") as handle:
                pids += [int(pid) for pid in handle.read().split()]
        return pids

    def descriptors(self, pid=None):
        """Paths in /proc of all that the process has open, in every table of its own."""
        return [os.path.join(task, "fd", fd) for task in tasks(pid or self.pid)
                for fd in os.listdir(task + "/fd")]

    def assert_memory_grew_less_kb(self, before, limit, pid=None):
        grown = self.resident_kb(pid) - before
        # Memory figures mean nothing in instrumented builds.
        if grown >= limit and not is_sanitized() and not is_counting():
            raise AssertionError("%d kB more than before, %d allowed" % (grown, limit))

    def resident_kb(self, pid=None):
        with open("/proc/%d/status" % (pid or self.pid)) as handle:
            return int(re.search(r"VmRSS:\s+(\d+)", handle.read()).group(1))


class Case(unittest.TestCase):
    """A test with one daemon, ended and checked at its end."""

    longMessage = True

    def held(self, port, source=None):
        """A client that is being served: it has had an answer."""
        client = connect(port, source=source)
        client.settimeout(DEADLINE)
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")
        self.addCleanup(client.close)
        return client

    def daemon(self, config, **arguments):
        expected = arguments.pop("status", 0)
        daemon = Daemon(config, **arguments)
        self.addCleanup(self._end, daemon, expected)
        return daemon

    def _end(self, daemon, expected):
        status = daemon.stop()
        if expected is not None:
            self.assertEqual(status, expected, "\n".join(daemon.lines))

    def scratch(self):
        """A directory that everybody may enter."""
        path = open_directory()
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def script(self, text, name="program"):
        path = self.scratch() / name
        path.write_text(text)
        path.chmod(0o755)
        return path


def connect(port, host="127.0.0.1", source=None):
    return socket.create_connection((host, port), DEADLINE,
                                    source_address=source and (source, 0))


def read_all(connection):
    connection.settimeout(DEADLINE)
    parts = []
    while True:
        part = connection.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def read_all_quietly(connection):
    """As read_all(), with a reset connection taken for one that was closed."""
    connection.settimeout(DEADLINE)
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def exchange(port, data=b"", host="127.0.0.1", source=None):
    """Send, half-close, read to the end."""
    with contextlib.closing(connect(port, host, source)) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def answer(port, data=b"", source=None):
    """As exchange(), with a reset connection taken for one that was closed."""
    try:
        return exchange(port, data, source=source)
    except OSError:
        return b""


def datagram_socket(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    result = socket.socket(family, socket.SOCK_DGRAM)
    result.bind((host, 0))
    result.settimeout(DEADLINE)
    return result


def user_line():
    """What a program's service needs to say about its user: nobody, or who runs this."""
    return "user = nobody" if is_root() else ""


def main():
    unittest.main(verbosity=2, warnings="ignore")
