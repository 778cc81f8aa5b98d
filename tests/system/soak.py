# SPDX-License-Identifier: ISC
"""The daemon under a mixed load for a long time; not part of CTest.

    USHERD=build/debug/src/usherd python3 tests/system/soak.py [--light] [SECONDS]

Every kind of service is asked all the time: programs over TCP and UNIX sockets, in-process
services over TCP and UDP, wait = yes, a process for each datagram peer. Meanwhile the
configuration is reloaded every second (one service changes each time, another comes and
goes, now and then an in-process one changes, so that its worker is replaced), programs of
one service are killed at random, and so is the worker.

In the end: whoever asked a service that did not change got an answer each time (of the
in-process ones, except where the worker had just been killed), everybody answers,
descriptors and memory have not grown, and no child is left. --light: fewer clients and
more patience, for valgrind(1). SECONDS: 180 unless given. Exit status 0 if all is well.
"""
import argparse
import os
import pathlib
import random
import signal
import socket
import sys
import threading
import time
import types

import harness
from harness import Daemon, connect, datagram_socket, eventually, read_all, user_line

# Takes one datagram and answers it; the next is for its successor.
ONCE = """#!/usr/bin/env python3
import socket
s = socket.socket(fileno=0)
data, peer = s.recvfrom(65536)
s.sendto(data, peer)
"""

# A worker that has been killed may take sessions along that began or ended around then.
AFTER_KILL = 2.0

LIMITS = "cps = { 0, 1 } instances = UNLIMITED log_on_failure = { HOST }"


class Soak:
    def __init__(self, seconds, light):
        self.random = random.Random(1)
        self.seconds = seconds
        self.patience = 60 if light else 15
        self.light = light
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.answers = {}
        self.failures = []
        self.worker_kills = []
        self.program_kills = 0
        self.reloads = 0
        self.directory = pathlib.Path(harness.tempfile.mkdtemp(prefix="usherd-soak-"))
        os.chmod(self.directory, 0o777)
        self.once = self.directory / "once"
        self.once.write_text(ONCE)
        self.once.chmod(0o755)
        kinds = {"wait": socket.SOCK_DGRAM, "flow": socket.SOCK_DGRAM}
        self.ports = {name: harness.free_port(kinds.get(name, socket.SOCK_STREAM))
                      for name in ("cat", "echo", "time", "wait", "flow", "victim",
                                   "changing", "passing", "chargen")}
        self.daemon = Daemon(self.config())

    def program(self, name, text, more=""):
        return "service %s { %s %s %s %s }\n" % (name, text, LIMITS, user_line(), more)

    def tcp(self, name, text, more=""):
        return self.program(name, "bind = 127.0.0.1 port = %d %s" % (
            self.ports[name], text), more)

    def config(self):
        number = self.reloads
        text = self.tcp("cat", "server = /bin/cat")
        text += self.program("unix", "protocol = unix bind = %s socket_mode = 0666 "
                             "server = /bin/cat" % (self.directory / "socket"))
        text += self.tcp("wait", "protocol = udp wait = yes server = %s" % self.once)
        text += self.tcp("flow", 'protocol = udp server = /bin/sh server_args = { "-c", '
                         '"dd bs=999 count=1 status=none" } idle_timeout = 10s')
        text += self.tcp("victim", "server = /bin/cat argv0 = victim",
                         "log_on_success = { PID, EXIT }")
        text += self.tcp("changing", 'server = /bin/sh server_args = { "-c", '
                         '"read x; echo %d" }' % number)
        if number % 2 == 1:
            text += self.tcp("passing", "server = /bin/cat stderr = log")
        for name in "echo", "time", "chargen":
            text += ("service %s { protocol = { tcp, udp } bind = 127.0.0.1 port = %d "
                     "internal = %s %s %s }\n" % (
                         name, self.ports[name], name, LIMITS, "idle_timeout = %dm" %
                         (1 + number // 5) if name == "chargen" else ""))
        return text

    # asking

    def stream(self, client):
        token = os.urandom(self.random.choice((10, 1000, 100000)))
        client.settimeout(self.patience)
        sender = threading.Thread(target=self.send_all, args=(client, token))
        sender.start()
        try:
            received = b""
            while len(received) < len(token):
                part = client.recv(65536)
                if not part:
                    raise ConnectionError("ended after %d of %d bytes" % (
                        len(received), len(token)))
                received += part
            if received != token or client.recv(10) != b"":
                raise AssertionError("another answer")
        finally:
            sender.join()

    @staticmethod
    def send_all(client, data):
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the receiving side tells

    def ask_tcp(self, name):
        with socket.create_connection(("127.0.0.1", self.ports[name]),
                                      self.patience) as client:
            self.stream(client)

    def ask_unix(self, name):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(self.patience)
            client.connect(str(self.directory / "socket"))
            self.stream(client)

    def ask_udp(self, name):
        token = os.urandom(self.random.randrange(1, 999))
        with datagram_socket() as client:
            client.settimeout(self.patience)
            client.sendto(token, ("127.0.0.1", self.ports[name]))
            answer = client.recv(65536)
            if answer != token and not (name == "time" and len(answer) == 4):
                raise AssertionError("another answer: %r" % answer[:20])

    def ask_changing(self, name):
        with socket.create_connection(("127.0.0.1", self.ports[name]),
                                      self.patience) as client:
            client.sendall(b"\n")
            if not read_all(client).strip().isdigit():
                raise AssertionError("no number")

    # who asks what, and what may fail: "worker": around the kill of one; "any"
    KINDS = [
        ("tcp program", ask_tcp, "cat", None),
        ("unix program", ask_unix, "unix", None),
        ("wait = yes", ask_udp, "wait", None),
        ("datagram peers", ask_udp, "flow", None),
        ("changing program", ask_changing, "changing", None),
        ("killed program", ask_tcp, "victim", "any"),
        ("in-process tcp", ask_tcp, "echo", "worker"),
        ("in-process udp", ask_udp, "echo", "worker"),
        ("in-process time", ask_udp, "time", "worker"),
    ]

    def excused(self, excuse, begin, end):
        if excuse == "any":
            return True
        with self.lock:
            return excuse == "worker" and any(
                begin - AFTER_KILL < kill < end for kill in self.worker_kills)

    def client(self, what, ask, name, excuse):
        while not self.over.is_set():
            begin = time.monotonic()
            try:
                ask(self, name)
                outcome = "answered"
            except (OSError, AssertionError) as error:
                outcome = "excused"
                if not self.excused(excuse, begin, time.monotonic()):
                    outcome = "lost"
                    with self.lock:
                        self.failures.append("%s, %.1f s after the start: %r" % (
                            what, begin - self.began, error))
            with self.lock:
                counts = self.answers.setdefault(what, {})
                counts[outcome] = counts.get(outcome, 0) + 1
            if self.light:
                self.over.wait(0.05)

    # trouble

    def children(self, worker):
        """Pids of the daemon's children that are workers, or programs to be killed."""
        found = []
        for pid in self.daemon.children():
            try:
                status = pathlib.Path("/proc/%d/status" % pid).read_text()
                name = pathlib.Path("/proc/%d/cmdline" % pid).read_bytes()
            except OSError:
                continue
            # A program that is about to be executed looks like the daemon, too, but for
            # this.
            confined = "NoNewPrivs:\t1" in status
            if worker and confined or not worker and name.startswith(b"victim\0"):
                found.append(pid)
        return found

    def kill_one(self, worker):
        found = self.children(worker)
        if not found:
            return
        pid = self.random.choice(found)
        try:
            # Still a child of this daemon, or just reaped and then nobody's.
            if pid in self.daemon.children():
                with self.lock:
                    if worker:
                        self.worker_kills.append(time.monotonic())
                    else:
                        self.program_kills += 1
                os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            pass

    def killer(self):
        turn = 0
        while not self.over.wait(self.random.uniform(0.05, 0.4)):
            turn += 1
            self.kill_one(worker=turn % 40 == 0)

    def reloader(self):
        while not self.over.wait(1):
            self.reloads += 1
            try:
                self.daemon.reload(self.config())
            except AssertionError as error:
                with self.lock:
                    self.failures.append("reload %d: %s" % (self.reloads,
                                                            str(error)[-300:]))
                return

    # measuring

    def calm(self):
        eventually(lambda: len(self.daemon.children()) == 1, "programs reaped", 60)
        with open("/proc/%d/stat" % self.daemon.children()[0]) as handle:
            if handle.read().rsplit(")", 1)[1].split()[0] == "Z":
                raise AssertionError("a zombie is left")

    def footprint(self):
        return len(self.daemon.descriptors()), self.daemon.resident_kb()

    def ask_everybody(self):
        for what, ask, name, _ in self.KINDS:
            ask(self, name)

    def load(self, seconds):
        self.over.clear()
        self.began = time.monotonic()
        threads = [threading.Thread(target=self.client, args=kind)
                   for kind in self.KINDS for _ in range(1 if self.light else 2)]
        threads += [threading.Thread(target=self.killer),
                    threading.Thread(target=self.reloader)]
        for thread in threads:
            thread.start()
        self.over.wait(seconds)
        self.over.set()
        for thread in threads:
            thread.join()
        # The same state each time: without the service that comes and goes.
        self.reloads += 1 + (self.reloads + 1) % 2
        self.daemon.reload(self.config())
        eventually(lambda: len(self.children(worker=True)) == 1, "one worker", 60)
        self.calm()

    def run(self):
        """A tenth of the time to warm up, then the rest, and a comparison."""
        self.load(self.seconds / 10)
        before = self.footprint()
        self.load(self.seconds * 9 / 10)
        # What belonged to a program is closed a moment after the program is reaped.
        end = time.monotonic() + self.patience
        while len(self.daemon.descriptors()) > before[0] and time.monotonic() < end:
            time.sleep(0.01)
        after = self.footprint()
        self.ask_everybody()
        self.calm()
        return self.verdict(before, after)

    def verdict(self, before, after):
        for what, counts in self.answers.items():
            print("%-18s %s" % (what, counts))
        print("reloads %d, programs killed %d, workers killed %d" % (
            self.reloads, self.program_kills, len(self.worker_kills)))
        print("descriptors %d -> %d, resident %d -> %d kB" % (
            before[0], after[0], before[1], after[1]))
        problems = list(self.failures)
        if after[0] > before[0]:
            problems.append("descriptors have grown")
        # valgrind keeps freed memory and translated code.
        if not self.light and after[1] - before[1] > 1024 + before[1] // 10:
            problems.append("memory has grown")
        expected = ("was ended by signal 9", "victim")
        with self.daemon.condition:
            lines = list(self.daemon.lines)
        problems += [line for line in lines if line.startswith("error:") and
                     not any(word in line for word in expected)][:20]
        return problems


def main():
    parser = argparse.ArgumentParser(description="soak test of usherd")
    parser.add_argument("seconds", nargs="?", type=float, default=180)
    parser.add_argument("--light", action="store_true")
    arguments = parser.parse_args()
    # A sanitizer would otherwise keep up to 256 MB of freed memory.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + \
        ":quarantine_size_mb=1"
    soak = Soak(arguments.seconds, arguments.light)
    try:
        problems = soak.run()
    except (AssertionError, OSError) as error:
        problems = ["%r" % error] + soak.failures + soak.daemon.lines[-20:]
    finally:
        soak.over.set()
        status = soak.daemon.stop()
        harness.shutil.rmtree(soak.directory, ignore_errors=True)
    if status != 0:
        problems.append("exit status %d" % status)
    print("\n".join("PROBLEM: " + each for each in problems) or "all is well")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
