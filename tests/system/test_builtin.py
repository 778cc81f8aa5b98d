# SPDX-License-Identifier: ISC
"""In-process services over real sockets: every protocol, both transports."""
import os
import select
import socket
import struct
import time

import harness
from harness import Case, connect, datagram_socket, exchange, read_all


CONFIG = """
service {name} {{
    protocol = {{ tcp, udp }}
    bind = {{ 127.0.0.1, "::1" }}
    port = {port}
    internal = {name}
    cps = {{ 0, 1 }}
    log_on_success = {{ PID, HOST, EXIT, DURATION }}
    log_on_failure = {{ HOST }}
}}
"""


class Builtins(Case):
    def serve(self, name):
        port = harness.free_port()
        self.log = self.daemon(CONFIG.format(name=name, port=port))
        return port

    def ask(self, port, data, host="127.0.0.1"):
        with datagram_socket(host) as client:
            client.sendto(data, (host, port))
            return client.recvfrom(65536)

    def test_echo_returns_what_it_gets_on_four_sockets(self):
        port = self.serve("echo")
        data = os.urandom(300000)
        for host in "127.0.0.1", "::1":
            self.assertEqual(exchange(port, data, host), data)
            answer, sender = self.ask(port, b"hello", host)
            self.assertEqual(answer, b"hello")
            self.assertEqual(sender[:2], (host, port))

    def test_echo_logs_start_and_exit_like_xinetd(self):
        port = self.serve("echo")
        exchange(port, b"x")
        start = self.log.wait_for(r"START: echo pid=(\d+) from=127\.0\.0\.1$")
        self.log.wait_for(r"EXIT: echo status=0 pid=%s duration=\d+\(sec\)$"
                          % start.group(1))

    def test_traffic_is_a_line_like_xinetds_before_exit(self):
        port = harness.free_port()
        self.log = self.daemon(CONFIG.format(name="echo", port=port).replace(
            "DURATION }", "DURATION, TRAFFIC }"))
        exchange(port, b"x" * 4711)
        self.log.wait_for(r"EXIT: echo status=0")
        with self.log.condition:
            words = [l for l in self.log.lines if "echo" in l]
        self.assertRegex(words[-2], r"TRAFFIC: echo in=4711\(bytes\) out=4711\(bytes\)$")
        self.assertRegex(words[-1], r"EXIT: echo status=0")

    def test_discard_takes_everything_and_says_nothing(self):
        port = self.serve("discard")
        self.assertEqual(exchange(port, b"x" * 100000), b"")

    def test_daytime_is_one_line(self):
        port = self.serve("daytime")
        form = rb"^\d\d [A-Z]{3} \d{4} \d\d:\d\d:\d\d \S+\r\n$"
        with connect(port) as client:
            self.assertRegex(read_all(client), form)
        self.assertRegex(self.ask(port, b"")[0], form)

    def test_time_is_seconds_since_1900(self):
        port = self.serve("time")
        with connect(port) as client:
            (value,) = struct.unpack("!I", read_all(client))
        expected = int(time.time()) + 2208988800
        self.assertAlmostEqual(value, expected & 0xFFFFFFFF, delta=5)
        (value,) = struct.unpack("!I", self.ask(port, b"")[0])
        self.assertAlmostEqual(value, expected & 0xFFFFFFFF, delta=5)

    def test_chargen_rotates_the_printing_characters(self):
        port = self.serve("chargen")
        with connect(port) as client:
            client.settimeout(harness.DEADLINE)
            received = b""
            while len(received) < 74 * 200:
                received += client.recv(65536)
        lines = received.split(b"\r\n")
        ring = bytes(range(0x20, 0x7F))
        for index, line in enumerate(lines[:200]):
            start = index % 95
            self.assertEqual(line, (ring + ring)[start:start + 72])

    def test_chargen_datagram_never_amplifies(self):
        port = self.serve("chargen")
        for size in 1, 10, 100, 512, 1000:
            self.assertLessEqual(len(self.ask(port, b"x" * size)[0]), min(size, 512))

    def test_qotd_gives_a_short_text(self):
        port = self.serve("qotd")
        with connect(port) as client:
            quote = read_all(client)
        self.assertTrue(0 < len(quote) <= 512)
        self.assertEqual(len(self.ask(port, b"x" * 10)[0]), 10)
        self.assertLessEqual(len(self.ask(port, b"x" * 512)[0]), 512)

    def test_a_slow_reader_holds_nobody_up(self):
        port = self.serve("chargen")
        with connect(port) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(20):
                with connect(port) as fast:
                    fast.settimeout(harness.DEADLINE)
                    self.assertTrue(fast.recv(1000))

    def test_two_echo_services_do_not_talk_to_each_other(self):
        first, second = harness.free_port(), harness.free_port()
        text = CONFIG.format(name="echo", port=first)
        text += text.replace("service echo", "service echo2").replace(
            "port = %d" % first, "port = %d" % second)
        daemon = self.daemon(text)
        # Only a raw socket could make the two talk; that a small-service port gets no
        # answer can be seen with a client bound to one.
        if not harness.is_root():
            self.skipTest("a client on port 7 needs root")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 7))
            client.sendto(b"loop", ("127.0.0.1", first))
            # Nor does a port of our own, on whatever address.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.77", second))
                other.sendto(b"loop", ("127.0.0.1", first))
                self.assertEqual(self.ask(first, b"between")[0], b"between")
                self.assertEqual(select.select([other], [], [], 0)[0], [])
            # A later answer to somebody else proves that the first was passed over.
            self.assertEqual(self.ask(first, b"other")[0], b"other")
            self.assertEqual(select.select([client], [], [], 0)[0], [])

    def test_the_worker_has_no_rights_and_no_root_directory(self):
        if harness.is_counting():
            self.skipTest("a build for coverage does not confine its workers")
        port = self.serve("echo")
        exchange(port, b"x")
        pid = int(self.log.wait_for(r"START: echo pid=(\d+)").group(1))
        self.assertNotEqual(pid, self.log.pid)
        with open("/proc/%d/status" % pid) as handle:
            status = handle.read()
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertRegex(status, r"CapBnd:\s+0+\n" if harness.is_root() else r"CapBnd")
        self.assertRegex(status, r"Seccomp:\s+2")
        if harness.is_root():
            self.assertRegex(status, r"Uid:\s+65534\s+65534\s+65534\s+65534")
            self.assertEqual(os.listdir("/proc/%d/root" % pid), [])

    def test_a_killed_worker_comes_back_and_refuses_nobody(self):
        port = self.serve("echo")
        for _ in range(3):
            mark = self.log.mark()
            exchange(port, b"x")
            pid = int(self.log.wait_for(r"START: echo pid=(\d+)", since=mark).group(1))
            os.kill(pid, 9)
            # Whoever comes now waits in the socket's queue.
            self.assertEqual(exchange(port, b"again"), b"again")
            self.log.wait_for(r"worker %d was ended by signal 9" % pid)

    def test_many_clients_at_once(self):
        port = self.serve("echo")
        clients = [connect(port) for _ in range(400)]
        for number, client in enumerate(clients):
            client.sendall(b"%d\n" % number)
        for number, client in enumerate(clients):
            client.settimeout(harness.DEADLINE)
            self.assertEqual(client.recv(100), b"%d\n" % number)
            client.close()


if __name__ == "__main__":
    harness.main()
