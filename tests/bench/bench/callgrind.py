# SPDX-License-Identifier: ISC
"""usherd under callgrind, as an ordinary user: how many instructions they ran."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

from bench.process import listening, tree_below
from bench.scene import Failed, Scene

NOBODY = 65534
DEADLINE = 60


def ordinary_user():
    """Arguments of subprocess for a user who is not root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid) as handle:
            return handle.read().rpartition(")")[2].split()[0] == "R"
    except OSError:
        return False


class Counted:
    """A run of usherd; the counts are there when it has ended."""

    def __init__(self, usherd, preload, config, environment):
        self.log = config.parent / "usherd.log"
        reader, writer = os.pipe()
        self.process = subprocess.Popen(
            # A worker cannot write files, but valgrind may write to what it has open.
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             "--log-fd=%d" % writer, str(usherd), "-f", str(config)],
            pass_fds=(writer,), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={**environment, "LD_PRELOAD": str(preload)},
            **ordinary_user())
        os.close(writer)
        self.reader = os.fdopen(reader)

    def wait_ready(self, ports):
        end = time.monotonic() + DEADLINE
        while not ports <= listening("/proc/net/tcp", {"0A"}):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed("usherd under valgrind does not start: " + self.said())
            time.sleep(0.02)

    def wait_asleep(self):
        """Until every process waits for something."""
        end = time.monotonic() + DEADLINE
        while any(is_running(pid) for pid in [self.process.pid] +
                  tree_below(self.process.pid)):
            if time.monotonic() > end:
                raise Failed("usherd under valgrind does not come to rest")

    def wait_logged(self, word, count):
        """Until there are so many lines with a word."""
        end = time.monotonic() + DEADLINE
        while self.log.read_text(errors="replace").count(word) < count:
            if time.monotonic() > end:
                raise Failed("fewer than %d lines with %s in the log" % (count, word))
            time.sleep(0.002)

    def said(self):
        self.process.kill()
        return (self.process.stderr.read().decode(errors="replace") +
                self.reader.read())[-600:]

    def end(self):
        """Instructions by process, in the order of their ids."""
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failed("usherd under valgrind does not end: " + self.said())
        counts = re.findall(r"^==(\d+)== Collected : (\d+)", self.reader.read(), re.M)
        return [int(count) for _, count in
                sorted((int(pid), count) for pid, count in counts)]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.reader.close()


class Laboratory:
    """A directory that usherd may write to, with all that it needs."""

    def __init__(self, usherd, programs):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="usherd-instructions-"))
        self.directory.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(self.directory, NOBODY, NOBODY)
        self.usherd = self._copy(usherd)
        # valgrind gives up over debugging information that is newer than itself.
        if shutil.which("strip"):
            subprocess.run(["strip", "-g", str(self.usherd)], check=False)
        self.preload = self._copy(programs["seccomp.so"])
        self.line = self._copy(programs["line"])

    def _copy(self, path):
        """Where nobody can reach it: a build may be below somebody's home."""
        copy = self.directory / path.name
        shutil.copyfile(path, copy)
        copy.chmod(0o755)
        return copy

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    @contextlib.contextmanager
    def running(self, contestant, services):
        scene = Scene(self.directory, services)
        (self.directory / "usherd.log").unlink(missing_ok=True)
        command = contestant.commands(scene)[0]
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C"}
        counted = Counted(self.usherd, self.preload, command[-1], environment)
        try:
            counted.wait_ready(scene.tcp_ports())
            yield counted
        finally:
            counted.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), DEADLINE)


def read_exactly(connection, size):
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise Failed("connection closed after %d of %d bytes" % (len(parts), size))
        parts += part
    return bytes(parts)


def read_end(connection):
    if connection.recv(1) != b"":
        raise Failed("more than the answer")
