# SPDX-License-Identifier: ISC
"""Sensors: who connects to one is denied by all services, for as long as it says. Where
the real xinetd is installed, it is asked as well."""
import contextlib
import time
import unittest

import harness
import xinetd
from harness import Case, answer, connect, exchange, user_line

OFF = "cps = { 0, 1 } log_on_failure = { HOST } log_on_success = { HOST } "


class Sensor(Case):
    def setUp(self):
        self.trap, self.program, self.echo = (harness.free_port() for _ in range(3))

    def configuration(self, deny, more="", bind="127.0.0.1", protocol="tcp"):
        return """
            defaults { %s }
            %s
            service trap { bind = %s port = %d protocol = %s flags = SENSOR deny_time = %s }
            service program { bind = 127.0.0.1 port = %d server = /bin/cat %s }
            service echo { bind = 127.0.0.1 port = %d protocol = { tcp, udp }
                           internal = echo }""" % (
                               OFF, more, bind, self.trap, protocol, deny, self.program,
                               user_line(), self.echo)

    def assert_served(self, source="127.0.0.1"):
        for port in self.program, self.echo:
            self.assertEqual(exchange(port, b"x", source=source), b"x")

    def assert_denied(self, daemon, source="127.0.0.1"):
        for port, name in (self.program, "program"), (self.echo, "echo"):
            mark = daemon.mark()
            with contextlib.suppress(OSError):
                self.assertEqual(exchange(port, b"x", source=source), b"")
            daemon.wait_for(r"FAIL: %s address from=%s$" % (name, source), since=mark)

    def spring(self, daemon, source="127.0.0.1", host="127.0.0.1"):
        mark = daemon.mark()
        with contextlib.closing(connect(self.trap, host, source)) as client:
            self.assertEqual(harness.read_all(client), b"")
        daemon.wait_for(r"FAIL: trap address from=%s$" % (source or host), since=mark)

    def test_who_asks_for_it_is_denied_by_all(self):
        daemon = self.daemon(self.configuration("FOREVER"))
        held = [self.held(self.program, "127.0.0.9"), self.held(self.echo, "127.0.0.9")]
        self.spring(daemon, "127.0.0.9")
        daemon.wait_for(r"127\.0\.0\.9 is denied by all services for ever: it asked for "
                        r"'trap'")
        self.assert_denied(daemon, "127.0.0.9")
        self.assert_served("127.0.0.10")
        for client in held:
            client.sendall(b"y")
            self.assertEqual(client.recv(1), b"y")
        daemon.reload(self.configuration("FOREVER", "service new { port = %d bind = "
                                         "127.0.0.1 internal = echo }"
                                         % harness.free_port()))
        self.assert_denied(daemon, "127.0.0.9")
        self.assert_served("127.0.0.10")

    def test_it_ends_when_it_is_to_end(self):
        daemon = self.daemon(self.configuration("1500ms", "workers = 2"))
        self.assert_served()
        begin = time.monotonic()
        self.spring(daemon)
        self.assert_denied(daemon)
        daemon.wait_for(r"127\.0\.0\.1 is denied by all services for 1500ms")
        # Before the last one, it cannot be over; at its end, it is.
        daemon.wait_for(r"127\.0\.0\.1 is no longer denied")
        self.assertGreaterEqual(time.monotonic() - begin, 1.45)
        self.assert_served()
        self.spring(daemon)
        daemon.wait_for(r"127\.0\.0\.1 is denied", count=2)
        self.assert_denied(daemon)

    def test_never_and_nothing_only_log(self):
        for deny in "NEVER", "0":
            daemon = self.daemon(self.configuration(deny))
            self.spring(daemon)
            self.assert_served()
            self.assertEqual(daemon.matches(r"denied"), [])
            self.setUp()

    def test_a_datagram_denies_nobody(self):
        """Its sender may be forged."""
        daemon = self.daemon(self.configuration("FOREVER", protocol="{ tcp, udp }"))
        with contextlib.closing(harness.datagram_socket()) as client:
            client.sendto(b"x", ("127.0.0.1", self.trap))
            daemon.wait_for(r"FAIL: trap address from=127\.0\.0\.1$")
            self.assert_served()
            client.sendto(b"y", ("127.0.0.1", self.echo))
            self.assertEqual(client.recv(10), b"y")
            self.spring(daemon)
            self.assert_denied(daemon)
            mark = daemon.mark()
            client.sendto(b"y", ("127.0.0.1", self.echo))
            daemon.wait_for(r"FAIL: echo address from=127\.0\.0\.1$", since=mark)
            client.setblocking(False)
            self.assertRaises(BlockingIOError, client.recv, 10)

    def test_the_address_alone_is_denied_not_its_network(self):
        daemon = self.daemon(self.configuration("FOREVER"))
        self.spring(daemon, "127.0.1.0")
        self.assert_denied(daemon, "127.0.1.0")
        self.assert_served("127.0.1.1")

    def test_a_mapped_client_is_the_same_for_ipv4(self):
        daemon = self.daemon(self.configuration("FOREVER", bind='"*"'))
        self.spring(daemon)
        self.assert_denied(daemon)

    def test_who_its_own_lists_keep_out_has_not_asked_for_it(self):
        daemon = self.daemon(self.configuration("FOREVER no_access = 127.0.0.1"))
        self.spring(daemon)
        self.assert_served()
        self.spring(daemon, "127.0.0.2")
        self.assert_denied(daemon, "127.0.0.2")

    def test_a_banner(self):
        path = self.scratch() / "fail"
        path.write_text("go away\n")
        self.daemon(self.configuration("NEVER banner_fail = %s" % path))
        self.assertEqual(exchange(self.trap, b"x" * 1000), b"go away\n")

    def test_it_serves_nobody_by_any_other_way(self):
        daemon = self.daemon("""
            service mistake { port = %d flags = SENSOR server = /bin/cat %s }""" % (
                self.trap, user_line()), status=78, wait_ready=False)
        daemon.wait_for(r"'flags = SENSOR' and 'server' exclude each other")
        daemon.wait()

    def test_a_new_worker_knows_as_well(self):
        daemon = self.daemon(self.configuration("FOREVER"))
        self.spring(daemon)
        self.assert_denied(daemon)
        daemon.reload(self.configuration("FOREVER").replace(
            "internal = echo", "internal = echo idle_timeout = 5m"))
        for _ in range(3):
            self.assert_denied(daemon)

    @unittest.skipUnless(harness.worker_programs(), "built without http")
    def test_a_worker_in_another_program_knows_as_well(self):
        port = harness.free_port()
        root = self.scratch()
        (root / "index.html").write_text("hello")
        daemon = self.daemon(self.configuration("FOREVER", """
            service www { bind = 127.0.0.1 port = %d internal = http
                          document_root = %s }""" % (port, root)))
        request = b"GET / HTTP/1.0\r\n\r\n"
        self.assertIn(b"hello", exchange(port, request, source="127.0.0.3"))
        self.spring(daemon, "127.0.0.3")
        mark = daemon.mark()
        with contextlib.suppress(OSError):
            self.assertEqual(exchange(port, request, source="127.0.0.3"), b"")
        daemon.wait_for(r"FAIL: www address from=127\.0\.0\.3$", since=mark)
        self.assertIn(b"hello", exchange(port, request, source="127.0.0.4"))

    @harness.needs_root
    @harness.needs_program("xinetd")
    def test_the_same_as_xinetd(self):
        def ask(service):
            found = [exchange(self.program, b"x", source="127.0.0.7")]
            with contextlib.closing(connect(self.trap, source="127.0.0.7")) as client:
                found.append(harness.read_all_quietly(client))
            if service is not None:
                service.wait_for(r"FAIL: trap address from=127\.0\.0\.7")
            found.append(answer_from("127.0.0.7", self.program))
            found.append(exchange(self.program, b"x", source="127.0.0.8"))
            return found

        def answer_from(source, port):
            try:
                return exchange(port, b"x", source=source)
            except OSError:
                return b""

        text = xinetd.configuration([
            dict(name="trap", port=self.trap, more="deny_time = FOREVER"),
            dict(name="program", port=self.program, more="")]).replace(
                "flags = IPv4", "flags = IPv4 SENSOR", 1)
        real = xinetd.Xinetd(self, text)
        theirs = ask(real)
        real.stop()
        ours = ask(xinetd.usherd(self, text))
        self.assertEqual(ours, theirs)
        self.assertEqual(ours, [b"x", b"", b"", b"x"])


if __name__ == "__main__":
    harness.main()
