# SPDX-License-Identifier: ISC
"""redirect: streams relayed to targets by the real daemon, byte for byte and end for end
as without it."""
import contextlib
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import harness
from harness import Case, connect, exchange, read_all

CONFIG = """
service {name} {{
    bind = {{ {bind} }}
    port = {port}
    redirect = {{ {targets} }}
    cps = {{ 0, 1 }}
    log_on_success = {{ PID, HOST, EXIT, DURATION, TRAFFIC }}
    log_on_failure = {{ HOST }}
    {more}
}}
"""


def redirect(port, *targets, name="r", bind="127.0.0.1", more=""):
    return CONFIG.format(name=name, port=port, more=more, bind='"%s"' % bind,
                         targets=", ".join('"%s"' % t for t in targets))


def at(port, host="127.0.0.1"):
    return ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def is_reset(port):
    """Is a client reset? That may be seen in connect(2) already."""
    try:
        with connect(port) as client:
            client.recv(1)
    except ConnectionResetError:
        return True
    return False


class Target:
    """A TCP or UNIX server in a thread: @serve(connection) for each client."""

    def __init__(self, case, serve, host="127.0.0.1", path=None, port=None, backlog=256):
        if path is not None:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            if isinstance(path, str) and path[0] == "/":
                os.chmod(path, 0o666)
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listener = socket.socket(family)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((host, port or harness.free_port(host=host)))
            self.port = self.listener.getsockname()[1]
        self.listener.listen(backlog)
        self.serve = serve
        self.served = 0
        threading.Thread(target=self._accept, daemon=True).start()
        case.addCleanup(self.close)

    def _accept(self):
        while True:
            try:
                connection, self.peer = self.listener.accept()
            except OSError:
                return
            self.served += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        # What becomes of a broken connection is for the client to say.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(harness.DEADLINE)
            self.serve(connection)

    def close(self):
        # shutdown() wakes the thread in accept(), close() alone would not.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def echo(connection):
    while True:
        data = connection.recv(65536)
        if not data:
            return
        connection.sendall(data)


def say(text):
    def serve(connection):
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    return serve


def count(connection):
    """Read to the end, then say what it was."""
    digest, total = hashlib.sha256(), 0
    while True:
        data = connection.recv(65536)
        if not data:
            break
        total += len(data)
        digest.update(data)
    connection.sendall(b"%d %s" % (total, digest.hexdigest().encode()))


def counted(data):
    return b"%d %s" % (len(data), hashlib.sha256(data).hexdigest().encode())


def send_and_read(connection, data):
    """Send all while reading all: what came, after a half-close."""
    def send():
        with contextlib.suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
    sender = threading.Thread(target=send)
    sender.start()
    try:
        return read_all(connection)
    finally:
        sender.join()


class Streams(Case):
    def relay(self, *targets, **arguments):
        port = harness.free_port(host=arguments.get("bind", "127.0.0.1"))
        self.log = self.daemon(redirect(port, *targets, **arguments))
        return port

    def test_xinetds_two_words_relay_and_log_like_xinetd(self):
        target = Target(self, echo)
        port = harness.free_port()
        self.log = self.daemon(redirect(port, "127.0.0.1", str(target.port)))
        data = os.urandom(3000000)
        with connect(port) as client:
            self.assertEqual(send_and_read(client, data), data)
        pid = self.log.wait_for(r"START: r pid=(\d+) from=127\.0\.0\.1$").group(1)
        self.log.wait_for(r"TRAFFIC: r in=3000000\(bytes\) out=3000000\(bytes\)$")
        self.log.wait_for(r"EXIT: r status=0 pid=%s duration=\d+\(sec\)$" % pid)

    def test_a_half_close_of_either_side_passes(self):
        port = self.relay(at(Target(self, count).port))
        data = os.urandom(1000000)
        self.assertEqual(exchange(port, data), counted(data))
        port = self.relay(at(Target(self, say(b"first")).port))
        with connect(port) as client:
            # The target's end comes while the client has said nothing yet.
            self.assertEqual(read_all(client), b"first")
            client.sendall(b"x" * 100000)
        self.log.wait_for(r"TRAFFIC: r in=100000\(bytes\) out=5\(bytes\)")

    def test_what_came_before_a_connection_is_not_lost(self):
        with socket.socket() as slow:
            slow.bind(("127.0.0.1", 0))
            port = self.relay(at(slow.getsockname()[1]))
            slow.listen(1)
            with connect(port) as client:
                client.sendall(b"early" * 1000)
                client.shutdown(socket.SHUT_WR)
                connection = slow.accept()[0]
                with connection:
                    self.assertEqual(read_all(connection), b"early" * 1000)

    def test_targets_are_tried_in_order(self):
        first = Target(self, say(b"first"))
        second = Target(self, say(b"second"))
        dead = harness.free_port()
        port = self.relay(at(dead), at(first.port), at(second.port))
        self.assertEqual(exchange(port), b"first")
        first.close()
        self.assertEqual(exchange(port), b"second")
        again = Target(self, say(b"dead no more"), port=dead)
        self.assertEqual(exchange(port), b"dead no more")
        again.close()
        self.assertEqual(self.log.matches("FAIL"), [])

    def test_without_any_target_the_client_is_reset_and_the_log_says_why(self):
        dead = harness.free_port()
        port = self.relay(at(harness.free_port()), at(dead))
        for _ in range(20):
            self.assertTrue(is_reset(port))
        self.log.wait_for(r"error: service 'r': no target answers: 127\.0\.0\.1:%d: "
                          r"Connection refused$" % dead)
        self.log.wait_for(r"FAIL: r unreachable from=127\.0\.0\.1$", count=20)
        self.log.wait_for(r"EXIT: r status=0", count=20)
        self.assertEqual(len(self.log.matches("no target answers")), 1)

    def full(self):
        """A listener whose queue is full: connecting takes for ever."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        while True:
            one = socket.socket()
            self.addCleanup(one.close)
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
            time.sleep(0)
            if harness.select.select([], [one], [], 0.2)[1] == []:
                return listener.getsockname()[1]

    def test_a_target_that_does_not_answer_has_its_share_of_the_time_once(self):
        silent = self.full()
        target = Target(self, say(b"here"))
        port = self.relay(at(silent), at(target.port), more="connect_timeout = 2s")
        began = time.monotonic()
        self.assertEqual(exchange(port), b"here")
        self.assertGreater(time.monotonic() - began, 0.9)
        # It rests: the next client is not kept waiting.
        began = time.monotonic()
        self.assertEqual(exchange(port), b"here")
        self.assertLess(time.monotonic() - began, 0.9)

    def test_connect_timeout_ends_a_client_whose_only_target_is_silent(self):
        port = self.relay(at(self.full()), more="connect_timeout = 300ms")
        self.assertTrue(is_reset(port))
        self.log.wait_for(r"no target answers: \S+: Connection timed out$")

    def test_a_client_that_gives_up_needs_no_target(self):
        port = self.relay(at(self.full()), more="connect_timeout = 1h")
        reset(connect(port))
        self.log.wait_for(r"EXIT: r status=0")

    def test_families_cross(self):
        four = Target(self, say(b"four"))
        six = Target(self, say(b"six"), host="::1")
        port = self.relay(at(four.port), bind="::1")
        self.assertEqual(exchange(port, host="::1"), b"four")
        port = self.relay(at(six.port, "::1"))
        self.assertEqual(exchange(port), b"six")

    def test_a_reset_of_either_side_passes(self):
        received = threading.Event()

        def read_and_wait(connection):
            self.got = connection.recv(100)
            received.set()
            try:
                connection.recv(100)
            except ConnectionResetError:
                self.saw_reset.set()

        self.saw_reset = threading.Event()
        port = self.relay(at(Target(self, read_and_wait).port))
        client = connect(port)
        client.sendall(b"abc")
        self.assertTrue(received.wait(harness.DEADLINE))
        reset(client)
        self.assertTrue(self.saw_reset.wait(harness.DEADLINE))

        def take_and_reset(connection):
            connection.recv(3)
            connection.sendall(b"bye")
            connection.recv(3)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))

        port = self.relay(at(Target(self, take_and_reset).port))
        with connect(port) as client:
            client.sendall(b"abc")
            self.assertEqual(client.recv(3), b"bye")
            client.sendall(b"now")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)

    def test_urgent_data_stays_in_line_and_stops_nothing(self):
        port = self.relay(at(Target(self, count).port))
        bulk = os.urandom(400000)
        for data in b"abc", bulk:
            with connect(port) as client:
                client.sendall(data)
                client.send(b"!", socket.MSG_OOB)
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(read_all(client), counted(data + b"!" + data))

    def test_idle_timeout_resets_both_sides(self):
        ended = threading.Event()

        def wait(connection):
            try:
                connection.recv(1)
            except ConnectionResetError:
                ended.set()

        port = self.relay(at(Target(self, wait).port), more="idle_timeout = 300ms")
        with connect(port) as client, self.assertRaises(ConnectionResetError):
            client.recv(1)
        self.assertTrue(ended.wait(harness.DEADLINE))

    def test_a_side_that_takes_nothing_costs_bounded_memory(self):
        def flood(connection):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            while True:
                connection.sendall(bytes(65536))

        def stuck():
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            client.settimeout(harness.DEADLINE)
            client.recv(1)
            return client

        port = self.relay(at(Target(self, flood).port))
        clients = [stuck()]
        pid = int(self.log.wait_for(r"START: r pid=(\d+)").group(1))
        before = self.log.resident_kb(pid)
        clients += [stuck() for _ in range(60)]
        # They are stuck, and another's bytes still move.
        with connect(port) as lively:
            lively.settimeout(harness.DEADLINE)
            total = 0
            while total < 50000000:
                total += len(lively.recv(1 << 20))
        self.log.assert_memory_grew_less_kb(before, 60 * 24, pid)
        for client in clients:
            client.close()

    def test_two_hundred_sessions_at_once_with_checksums(self):
        port = self.relay(at(Target(self, echo).port))
        failures = []

        def session(number):
            chooser = random.Random(number)
            data = chooser.randbytes(chooser.choice((0, 1, 100, 20000, 300000, 2000000)))
            with connect(port) as client:
                if send_and_read(client, data) != data:
                    failures.append(number)

        threads = [threading.Thread(target=session, args=(n,)) for n in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.log.wait_for("EXIT: r status=0", count=200)

    def test_limits_and_access_come_first(self):
        target = Target(self, echo)
        port = self.relay(at(target.port), more="instances = 1 no_access = 127.0.0.9")
        with connect(port, source="127.0.0.9") as client:
            self.assertEqual(read_all(client), b"")
        with connect(port) as first:
            first.sendall(b"x")
            self.assertEqual(first.recv(1), b"x")
            with connect(port) as second:
                self.assertEqual(read_all(second), b"")
        self.log.wait_for(r"FAIL: r address")
        self.log.wait_for(r"FAIL: r service_limit")
        self.assertEqual(target.served, 1)

    def test_the_worker_is_confined(self):
        if harness.is_counting():
            self.skipTest("a build for coverage does not confine its workers")
        port = self.relay(at(Target(self, echo).port))
        exchange(port, b"x")
        pid = int(self.log.wait_for(r"START: r pid=(\d+)").group(1))
        with open("/proc/%d/status" % pid) as handle:
            status = handle.read()
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertRegex(status, r"Seccomp:\s+2")
        if harness.is_root():
            self.assertRegex(status, r"Uid:\s+65534\s+65534\s+65534\s+65534")
            self.assertEqual(os.listdir("/proc/%d/root" % pid), [])

    def test_services_that_connect_are_apart_from_those_that_do_not(self):
        port, other = harness.free_port(), harness.free_port()
        self.log = self.daemon(
            redirect(port, at(Target(self, echo).port)) +
            "service e { bind = 127.0.0.1 port = %d internal = echo\n"
            "log_on_success = PID }" % other)
        exchange(port, b"x")
        exchange(other, b"x")
        relay = self.log.wait_for(r"START: r pid=(\d+)").group(1)
        self.assertNotEqual(self.log.wait_for(r"START: e pid=(\d+)").group(1), relay)


class UnixTargets(Case):
    def test_a_path_and_an_abstract_name(self):
        directory = self.scratch()
        path = str(directory / "app.sock")
        Target(self, echo, path=path)
        name = "usherd-test-%d" % os.getpid()
        Target(self, say(b"abstract"), path=b"\0" + name.encode())
        port, other = harness.free_port(), harness.free_port()
        self.daemon(redirect(port, path) + redirect(other, "@" + name, name="a"))
        data = os.urandom(1000000)
        with connect(port) as client:
            self.assertEqual(send_and_read(client, data), data)
        self.assertEqual(exchange(other), b"abstract")

    def test_a_unix_client_of_a_tcp_target(self):
        target = Target(self, echo)
        path = str(self.scratch() / "in.sock")
        self.daemon("service u { protocol = unix bind = %s redirect = 127.0.0.1:%d\n"
                    "cps = { 0, 1 } }" % (path, target.port))
        data = os.urandom(1000000)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            self.assertEqual(send_and_read(client, data), data)

    def test_a_socket_that_is_made_anew_is_found_again(self):
        path = self.scratch() / "app.sock"
        first = Target(self, say(b"first"), path=str(path))
        port = harness.free_port()
        self.daemon(redirect(port, str(path)))
        self.assertEqual(exchange(port), b"first")
        first.close()
        path.unlink()
        Target(self, say(b"second"), path=str(path))
        self.assertEqual(exchange(port), b"second")

    def test_a_directory_that_is_made_anew_is_found_again(self):
        directory = self.scratch() / "app"
        path = directory / "app.sock"
        port = harness.free_port()
        # Not there yet when the worker begins.
        log = self.daemon(redirect(port, str(path)))
        for text in b"first", b"second":
            directory.mkdir(mode=0o755)
            directory.chmod(0o755)
            target = Target(self, say(text), path=str(path))
            harness.eventually(lambda: harness.answer(port) == text, "served again")
            target.close()
            shutil.rmtree(directory)
        self.assertTrue(is_reset(port))
        log.wait_for(r"no target answers: %s: No such file or directory" % path)


# What one end of a connection does: a list of (verb, argument).
def script(chooser):
    size = chooser.choice((0, 1, 5000, 70000, 500000))
    steps = [("send", chooser.randbytes(size // 3)), ("send", chooser.randbytes(size))]
    steps.append((chooser.choice(("half-close", "half-close", "close")), None))
    return steps


class Behaviour(Case):
    """The same peers with and without usherd in between see the same."""

    def play(self, connection, steps, ended):
        """What was received, and how it ended."""
        received, end = [], []

        def read():
            try:
                while True:
                    data = connection.recv(65536)
                    if not data:
                        end.append("end")
                        return
                    received.append(data)
            except OSError:
                end.append("reset")

        reader = threading.Thread(target=read)
        closes = steps[-1][0] == "close"
        if not closes:
            reader.start()
        try:
            for verb, argument in steps:
                if verb == "send":
                    connection.sendall(argument)
                elif verb == "half-close":
                    connection.shutdown(socket.SHUT_WR)
        except OSError:
            end.append("cannot send")
        if not closes:
            reader.join()
        connection.close()
        ended.append((b"".join(received), end[:1]))

    def run_pair(self, address, listener, scripts):
        client_end, server_end = [], []
        client = socket.create_connection(address, harness.DEADLINE)
        server = listener.accept()[0]
        server.settimeout(harness.DEADLINE)
        threads = [threading.Thread(target=self.play, args=(client, scripts[0],
                                                            client_end)),
                   threading.Thread(target=self.play, args=(server, scripts[1],
                                                            server_end))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return client_end[0], server_end[0]

    def test_random_peers_see_what_they_see_without_it(self):
        seed = int(os.environ.get("USHERD_TEST_SEED", random.randrange(1 << 30)))
        chooser = random.Random(seed)
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(listener.close)
        listener.settimeout(harness.DEADLINE)
        port = harness.free_port()
        self.daemon(redirect(port, at(listener.getsockname()[1])))
        for number in range(120):
            scripts = script(chooser), script(chooser)
            if all(s[-1][0] == "close" for s in scripts):
                continue
            closing = [s[-1][0] == "close" for s in scripts]
            direct = self.run_pair(listener.getsockname(), listener, scripts)
            relayed = self.run_pair(("127.0.0.1", port), listener, scripts)
            for side in 0, 1:
                what = "seed %d, pair %d, side %d" % (seed, number, side)
                if not any(closing):
                    self.assertEqual(relayed[side], direct[side], what)
                    self.assertEqual(relayed[side][0],
                                     b"".join(a for v, a in scripts[1 - side][:2]), what)
                elif closing[1 - side]:
                    # Who closes unread data resets: how much got through is chance.
                    whole = b"".join(a for v, a in scripts[1 - side][:2])
                    self.assertTrue(whole.startswith(relayed[side][0]), what)
                    if relayed[side][1] == ["end"]:
                        self.assertEqual(relayed[side][0], whole, what)


class Lifecycle(Case):
    def test_sessions_live_through_a_reload(self):
        target = Target(self, echo)
        second = Target(self, say(b"new"))
        port = harness.free_port()
        daemon = self.daemon(redirect(port, at(target.port)), options=("-v",))
        with connect(port) as client:
            client.settimeout(harness.DEADLINE)
            client.sendall(b"a")
            self.assertEqual(client.recv(1), b"a")
            old = daemon.wait_for(r"START: r pid=(\d+)").group(1)
            mark = daemon.mark()
            daemon.reload(redirect(port, at(second.port)))
            daemon.wait_for(r"worker \d+ serves", since=mark)
            # Until the old one has heard of it, it may still take a client.
            harness.eventually(lambda: exchange(port) == b"new", "the new target")
            data = os.urandom(1000000)
            self.assertEqual(send_and_read(client, data), data)
        harness.eventually(lambda: int(old) not in daemon.children(), "worker drained")

    def test_a_worker_killed_while_relaying_costs_only_its_sessions(self):
        target = Target(self, echo)
        port = harness.free_port()
        daemon = self.daemon(redirect(port, at(target.port)))
        for _ in range(3):
            mark = daemon.mark()
            with connect(port) as client:
                client.settimeout(harness.DEADLINE)
                client.sendall(b"a")
                self.assertEqual(client.recv(1), b"a")
                pid = int(daemon.wait_for(r"START: r pid=(\d+)", since=mark).group(1))
                os.kill(pid, signal.SIGKILL)
                # Who comes now waits in the socket's queue.
                self.assertEqual(exchange(port, b"again"), b"again")
                with contextlib.suppress(OSError):
                    self.assertEqual(client.recv(1), b"")
            daemon.wait_for(r"worker %d was ended by signal 9" % pid)

    def test_descriptors_of_a_worker_do_not_grow(self):
        port = harness.free_port()
        daemon = self.daemon(redirect(port, at(Target(self, echo).port)))
        data = os.urandom(300000)

        def one():
            with connect(port) as client:
                self.assertEqual(send_and_read(client, data), data)

        for _ in range(5):
            one()
        daemon.wait_for("EXIT: r", count=5)
        pid = int(daemon.wait_for(r"START: r pid=(\d+)").group(1))
        before = len(daemon.descriptors(pid))
        for _ in range(100):
            one()
            with connect(port) as client:
                client.sendall(data[:70000])
                reset(client)
        daemon.wait_for("EXIT: r", count=205)
        self.assertLessEqual(len(daemon.descriptors(pid)), before)


class Names(Case):
    """Names that change their meaning: with a file of hosts of the daemon's own."""

    def hosts_file(self, text):
        path = self.scratch() / "hosts"
        path.write_text(text)
        path.chmod(0o644)
        return path

    def serve(self, hosts, config):
        def own_hosts():
            # Linux sched.h CLONE_NEWNS; mount(2) MS_BIND, MS_REC, MS_PRIVATE.
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            if (libc.unshare(0x20000) != 0 or
                    libc.mount(None, b"/", None, 0x4000 | 0x40000, None) != 0 or
                    libc.mount(str(hosts).encode(), b"/etc/hosts", None, 0x1000,
                               None) != 0):
                os._exit(77)
        return self.daemon(config, preexec=own_hosts)

    @harness.needs_root
    def test_a_name_is_looked_up_again_when_its_address_fails(self):
        hosts = self.hosts_file("127.0.0.1 target.test\n")
        port, behind = harness.free_port(), harness.free_port()
        daemon = self.serve(hosts, redirect(port, "target.test:%d" % behind))
        self.assertTrue(is_reset(port))
        Target(self, say(b"moved"), host="127.0.0.7", port=behind)
        hosts.write_text("127.0.0.7 target.test\n")
        harness.eventually(lambda: harness.answer(port) == b"moved", "the new address")
        # Nothing is lost when the name has gone, and the log says so.
        hosts.write_text("127.0.0.7 another.test\n")
        daemon.reload(expect=r"cannot reload: 1 errors; keeping the old configuration")
        self.assertEqual(exchange(port), b"moved")

    @harness.needs_root
    def test_a_reload_looks_names_up_and_a_failure_keeps_what_was_known(self):
        hosts = self.hosts_file("127.0.0.1 a.test\n127.0.0.1 b.test\n")
        port, other, behind = (harness.free_port() for _ in range(3))
        Target(self, say(b"one"), port=behind)
        Target(self, say(b"seven"), host="127.0.0.7", port=behind)
        config = redirect(port, "a.test:%d" % behind)
        daemon = self.serve(hosts, config)
        self.assertEqual(exchange(port), b"one")
        hosts.write_text("127.0.0.7 a.test\n")
        daemon.reload(config + redirect(other, at(behind), name="another"))
        daemon.wait_for(r"reloaded: 1 added, 0 changed, 0 removed, 1 kept")
        harness.eventually(lambda: exchange(port) == b"seven", "the new address")


class RealPeers(Case):
    def page(self):
        root = self.scratch()
        data = os.urandom(3000000)
        (root / "file").write_bytes(data)
        return root, data

    def started(self, command, port):
        """A server that is ready when it accepts."""
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            process.terminate()
            process.wait()

        def accepts():
            with contextlib.suppress(OSError):
                connect(port).close()
                return True

        self.addCleanup(end)
        harness.eventually(accepts, "%s ready" % command[0])

    def fetch(self, port, data):
        for _ in range(3):
            done = subprocess.run([harness.program("curl"), "-sS", "--noproxy", "*",
                                   "http://127.0.0.1:%d/file" % port],
                                  capture_output=True, timeout=harness.DEADLINE)
            self.assertEqual(done.stderr, b"")
            self.assertEqual(done.stdout, data)

    @harness.needs_program("curl", "nginx")
    def test_curl_through_it_from_nginx(self):
        root, data = self.page()
        behind, port = harness.free_port(), harness.free_port()
        config = root / "nginx.conf"
        config.write_text("""
            daemon off; master_process off; pid {0}/pid; error_log {0}/error;
            events {{ }}
            http {{ access_log off; client_body_temp_path {0}/t1; proxy_temp_path {0}/t2;
                fastcgi_temp_path {0}/t3; uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
                server {{ listen 127.0.0.1:{1}; root {0}; }} }}""".format(root, behind))
        self.started([harness.program("nginx"), "-e", str(root / "error"), "-c",
                      str(config)], behind)
        self.daemon(redirect(port, at(behind)))
        self.fetch(port, data)

    @harness.needs_program("curl", "haproxy")
    def test_curl_through_it_through_haproxy(self):
        root, data = self.page()
        front, behind, port = (harness.free_port() for _ in range(3))

        def serve(connection):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" %
                               len(data) + data)

        Target(self, serve, port=behind)
        config = root / "haproxy.cfg"
        config.write_text("defaults\n\tmode http\n\ttimeout connect 10s\n"
                          "\ttimeout client 60s\n\ttimeout server 60s\n"
                          "listen l\n\tbind 127.0.0.1:%d\n\tserver s 127.0.0.1:%d\n"
                          % (front, behind))
        self.started([harness.program("haproxy"), "-db", "-q", "-f", str(config)], front)
        self.daemon(redirect(port, at(front)))
        self.fetch(port, data)

    @harness.needs_program("git")
    def test_git_clones_through_it(self):
        root = self.scratch()
        git = harness.program("git")
        env = dict(os.environ, HOME=str(root), GIT_CONFIG_NOSYSTEM="1",
                   GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@example.org",
                   GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@example.org")

        def run(*words, cwd=root):
            subprocess.run([git, *words], cwd=cwd, env=env, check=True,
                           capture_output=True, timeout=harness.DEADLINE)

        run("init", "-q", "origin")
        (root / "origin" / "file").write_bytes(os.urandom(2000000))
        run("add", "file", cwd=root / "origin")
        run("commit", "-q", "-m", "one", cwd=root / "origin")
        behind, port = harness.free_port(), harness.free_port()
        env["GIT_CONFIG_COUNT"] = "1"
        env["GIT_CONFIG_KEY_0"] = "safe.directory"
        env["GIT_CONFIG_VALUE_0"] = "*"
        os.environ.update({k: v for k, v in env.items() if k.startswith("GIT_CONFIG")})
        self.started([git, "daemon", "--export-all", "--reuseaddr",
                      "--listen=127.0.0.1", "--port=%d" % behind,
                      "--base-path=%s" % root, str(root)], behind)
        self.daemon(redirect(port, at(behind)))
        run("clone", "-q", "git://127.0.0.1:%d/origin" % port, "copy")
        self.assertEqual((root / "copy" / "file").read_bytes(),
                         (root / "origin" / "file").read_bytes())


if __name__ == "__main__":
    harness.main()
