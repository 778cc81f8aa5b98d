# SPDX-License-Identifier: ISC
"""What clients are told before they are served or refused, and that it arrives. Where the
real xinetd is installed, it is asked as well: the clients see the same."""
import contextlib
import os
import re
import signal
import socket
import unittest

import harness
import xinetd
from harness import Case, connect, exchange, read_all, user_line

OFF = "cps = { 0, 1 } "
PROGRAM = "server = /bin/cat"
IN_PROCESS = "internal = echo"


class Banners(Case):
    def files(self):
        self.directory = self.scratch()
        for name in "banner", "banner_success", "banner_fail":
            (self.directory / name).write_text(name.upper() + "\r\n")
        return " ".join("%s = %s/%s" % (name, self.directory, name)
                        for name in ("banner", "banner_success", "banner_fail"))

    def service(self, port, more, kind=PROGRAM, name="told"):
        return """
            service %s {
                bind = 127.0.0.1 port = %d %s %s %s
                log_on_success = { PID, HOST, EXIT } log_on_failure = { HOST }
            }""" % (name, port, kind, user_line() if kind == PROGRAM else "", more)

    def both_kinds(self, more):
        for kind in PROGRAM, IN_PROCESS:
            with self.subTest(kind=kind):
                port = harness.free_port()
                more_files = self.files()
                yield port, self.daemon(self.service(port, OFF + more + more_files, kind))

    def refused_with_input(self, daemon, port, pid, data=b"x" * 20000):
        """A client whose input is there before it is accepted."""
        os.kill(pid, signal.SIGSTOP)
        try:
            client = connect(port)
            client.sendall(data)
        finally:
            os.kill(pid, signal.SIGCONT)
        with contextlib.closing(client):
            return read_all(client)

    def test_a_client_that_is_served(self):
        for port, _ in self.both_kinds(""):
            self.assertEqual(exchange(port, b"hello"),
                             b"BANNER\r\nBANNER_SUCCESS\r\nhello")

    def test_a_client_that_is_refused_hears_why_whatever_it_has_sent(self):
        for port, daemon in self.both_kinds("no_access = 127.0.0.1 "):
            self.assertEqual(exchange(port), b"BANNER\r\nBANNER_FAIL\r\n")
            daemon.wait_for(r"FAIL: told address from=127\.0\.0\.1")
            workers = daemon.children()
            pid = workers[0] if workers else daemon.pid
            for _ in range(5):
                self.assertEqual(self.refused_with_input(daemon, port, pid),
                                 b"BANNER\r\nBANNER_FAIL\r\n")

    def test_every_limit_tells_its_clients(self):
        for port, daemon in self.both_kinds("instances = 1 "):
            first = connect(port)
            self.addCleanup(first.close)
            first.sendall(b"x")
            self.assertEqual(self.read_some(first, 25),
                             b"BANNER\r\nBANNER_SUCCESS\r\nx")
            self.assertEqual(exchange(port), b"BANNER\r\nBANNER_FAIL\r\n")
            daemon.wait_for(r"FAIL: told service_limit")

    def test_a_crowd_at_a_full_service_is_told_one_by_one(self):
        # More than it takes to close the door of a service without banners.
        for port, daemon in self.both_kinds("instances = 1 "):
            first = connect(port)
            self.addCleanup(first.close)
            first.sendall(b"x")
            self.read_some(first, 25)
            os.kill(daemon.pid, signal.SIGSTOP)
            try:
                crowd = [connect(port) for _ in range(600)]
            finally:
                os.kill(daemon.pid, signal.SIGCONT)
            for client in crowd:
                with contextlib.closing(client):
                    self.assertEqual(read_all(client), b"BANNER\r\nBANNER_FAIL\r\n")
            self.assertEqual(daemon.matches("closes|kernel refuses"), [])

    def read_some(self, client, count):
        client.settimeout(harness.DEADLINE)
        data = b""
        while len(data) < count:
            data += client.recv(count - len(data))
        return data

    def test_cps_tells_the_client_that_is_one_too_many(self):
        for kind in PROGRAM, IN_PROCESS:
            with self.subTest(kind=kind):
                port = harness.free_port()
                daemon = self.daemon(self.service(port, "cps = { 1, 1 } " + self.files(),
                                                  kind))
                last = b""
                for _ in range(100):
                    last = harness.answer(port)
                    if b"FAIL" in last:
                        break
                self.assertEqual(last, b"BANNER\r\nBANNER_FAIL\r\n")
                daemon.wait_for(r"FAIL: told connections per second")

    def test_a_changed_file_is_seen_without_a_reload(self):
        for port, _ in self.both_kinds(""):
            path = self.directory / "banner"
            self.assertIn(b"BANNER\r\n", exchange(port))
            path.write_text("other\r\n")
            harness.eventually(lambda: exchange(port).startswith(b"other\r\n"), "in place")
            (self.directory / "new").write_text("third\r\n")
            (self.directory / "new").rename(path)
            harness.eventually(lambda: exchange(port).startswith(b"third\r\n"), "replaced")
            path.unlink()
            harness.eventually(lambda: exchange(port) == b"BANNER_SUCCESS\r\n", "removed")
            path.write_text("again\r\n")
            harness.eventually(lambda: exchange(port).startswith(b"again\r\n"), "there")

    def test_a_missing_file_is_a_message_and_the_client_is_served(self):
        for kind in PROGRAM, IN_PROCESS:
            with self.subTest(kind=kind):
                port = harness.free_port()
                daemon = self.daemon(self.service(
                    port, OFF + "banner = /nonexistent/banner", kind))
                for _ in range(20):
                    self.assertEqual(exchange(port, b"x"), b"x")
                daemon.wait_for(r"service 'told': cannot read '/nonexistent/banner': No such")
                self.assertEqual(len(daemon.matches(r"cannot read")), 1)

    def test_binary_and_long_files_are_sent_as_they_are_up_to_64_kib(self):
        data = bytes(range(256)) * 64
        for port, _ in self.both_kinds(""):
            (self.directory / "banner").write_bytes(data)
            harness.eventually(lambda: exchange(port, b"x") == data + b"BANNER_SUCCESS\r\nx",
                               "all of it")
            (self.directory / "banner").write_bytes(b"y" * 70000)
            harness.eventually(
                lambda: re.fullmatch(rb"y{1,65536}(BANNER_SUCCESS\r\n)?x",
                                     exchange(port, b"x")), "cut")

    def test_clients_that_do_not_read_hold_nobody(self):
        for port, daemon in self.both_kinds("no_access = 127.0.0.9 "):
            (self.directory / "banner").write_bytes(b"y" * 65536)
            (self.directory / "banner_fail").write_bytes(b"z" * 65536)
            deaf = []
            for _ in range(300):
                client = socket.socket()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                client.bind(("127.0.0.9", 0))
                client.settimeout(harness.DEADLINE)
                client.connect(("127.0.0.1", port))
                self.addCleanup(client.close)
                deaf.append(client)
            self.assertTrue(exchange(port, b"x").endswith(b"x"))
            # With its program gone, whoever is left is a worker.
            daemon.wait_for("EXIT: ")
            workers = daemon.children()
            pid = workers[0] if workers else daemon.pid
            # Those that are told good-bye are bounded in number and in time.
            harness.eventually(lambda: len(daemon.descriptors(pid)) < 80, "all are closed")

    def test_streams_only(self):
        port = harness.free_port()
        config = "service told { bind = 127.0.0.1 port = %d protocol = udp %s %s }" % (
            port, IN_PROCESS, self.files())
        daemon = self.daemon(config)
        daemon.wait_for(r"warning: service 'told': 'banner_fail' has no effect")
        with contextlib.closing(harness.datagram_socket()) as client:
            client.sendto(b"x", ("127.0.0.1", port))
            self.assertEqual(client.recv(100), b"x")

    def test_defaults_and_unix_sockets(self):
        path = self.scratch() / "socket"
        files = self.files()
        path.parent.chmod(0o777)
        self.daemon("defaults { %s }\nservice told { protocol = unix bind = %s %s %s }" % (
            files, path, PROGRAM, user_line()))
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(path))
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(client), b"BANNER\r\nBANNER_SUCCESS\r\nx")

    def test_tcpmux(self):
        mux = harness.free_port()
        files = self.files()
        daemon = self.daemon("""
            service tcpmux { bind = 127.0.0.1 port = %d internal = tcpmux %s }
            defaults { cps = { 0, 1 } log_on_failure = { HOST } }
            service plus { type = TCPMUXPLUS %s }
            service echoplus { type = TCPMUXPLUS %s }
            service closed { type = TCPMUXPLUS %s only_from = 192.0.2.1 }
            service shut { type = TCPMUXPLUS %s only_from = 192.0.2.1 }""" % (
                (mux, "") + 2 * (" ".join((PROGRAM, user_line(), files)),
                                 " ".join((IN_PROCESS, files)))))
        for name in b"plus", b"echoplus":
            self.assertEqual(exchange(mux, name + b"\r\nhello"),
                             b"+Go\r\nBANNER_SUCCESS\r\nhello")
        for name in b"closed", b"shut":
            self.assertEqual(exchange(mux, name + b"\r\n" + b"x" * 5000),
                             b"-not available\r\nBANNER_FAIL\r\n")
            daemon.wait_for(r"FAIL: %s address" % name.decode())

    @unittest.skipUnless(harness.worker_programs(), "built without http")
    def test_a_worker_in_another_program(self):
        port = harness.free_port()
        files = self.files()
        (self.directory / "banner_fail").write_text("HTTP/1.1 503 Busy\r\n\r\n")
        root = self.scratch()
        (root / "index.html").write_text("hello")
        daemon = self.daemon("""
            service www { bind = 127.0.0.1 port = %d internal = http document_root = %s
                          %s instances = 1 banner_fail = %s/banner_fail
                          log_on_failure = { HOST } }""" % (port, root, OFF, self.directory))
        first = connect(port)
        self.addCleanup(first.close)
        first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(first.recv(100).startswith(b"HTTP/1.1 200"))
        self.assertEqual(exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                         b"HTTP/1.1 503 Busy\r\n\r\n")
        daemon.wait_for(r"FAIL: www service_limit")
        (self.directory / "banner_fail").write_text("no\r\n")
        harness.eventually(lambda: exchange(port) == b"no\r\n", "changed")

    def test_a_reload_changes_them(self):
        for port, daemon in self.both_kinds(""):
            other = self.directory / "other"
            other.write_text("OTHER\r\n")
            text = daemon.config_path.read_text()
            daemon.reload(text.replace("%s/banner " % self.directory, "%s " % other))
            harness.eventually(lambda: exchange(port) == b"OTHER\r\nBANNER_SUCCESS\r\n",
                               "the other banner")

    @harness.needs_root
    @harness.needs_program("xinetd")
    def test_the_same_as_xinetd(self):
        port, other, closed = (harness.free_port() for _ in range(3))
        self.files()
        lines = "".join("%s = %s/%s\n" % (name, self.directory, name)
                        for name in ("banner", "banner_success", "banner_fail"))
        text = xinetd.configuration([
            dict(name="served", port=port, more=""),
            dict(name="refused", port=other, more="instances = 0"),
            dict(name="missing", port=closed, more="banner = /nonexistent/banner")], lines)

        def ask():
            return [exchange(each, b"" if each == other else b"hello")
                    for each in (port, other, closed)]

        real = xinetd.Xinetd(self, text)
        theirs = ask()
        real.stop()
        xinetd.usherd(self, text)
        ours = ask()
        self.assertEqual(ours, theirs)
        self.assertEqual(ours, [b"BANNER\r\nBANNER_SUCCESS\r\nhello",
                                b"BANNER\r\nBANNER_FAIL\r\n", b"BANNER_SUCCESS\r\nhello"])


if __name__ == "__main__":
    harness.main()
