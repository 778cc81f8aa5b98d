# SPDX-License-Identifier: ISC
"""Clients that mean no good: whatever they do, memory and descriptors stay bounded and
everybody else is served."""
import contextlib
import os
import random
import select
import signal
import socket
import struct
import threading
import time

import harness
from harness import Case, connect, datagram_socket, exchange, read_all, user_line

IN_PROCESS = "echo", "discard", "daytime", "time", "chargen", "qotd"
SEED = int(os.environ.get("USHERD_TEST_SEED", "1"))
FLOOD = int(os.environ.get("USHERD_TEST_FLOOD", "2000"))
# What a daemon may have grown by after an attack; sanitizers keep freed memory.
GROWTH_KB = 100 * 1024 if "asan" in harness.USHERD else 4 * 1024

# wait = yes: takes datagrams for half a second, says how many bytes each had.
TAKER = """#!/usr/bin/env python3
import socket, sys
s = socket.socket(fileno=0)
s.settimeout(0.5)
try:
    while True:
        data, peer = s.recvfrom(70000)
        s.sendto(b"%d" % len(data), peer)
except TimeoutError:
    pass
"""

# wait = no: the same for its one peer, for as long as that goes on.
PEER = """#!/usr/bin/env python3
import socket
s = socket.socket(fileno=0)
s.settimeout(0.5)
try:
    while True:
        try:
            s.send(b"%d" % len(s.recv(70000)))
        except ConnectionRefusedError:
            pass  # the peer has gone: what it has sent is read all the same
except TimeoutError:
    pass
"""


def reset(connection):
    """Close with a RST instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def queued(port):
    """Bytes that wait in UDP sockets of that port of 127.0.0.1."""
    with open("/proc/net/udp") as table:
        return sum(int(fields[4].partition(":")[2], 16) for fields in map(str.split, table)
                   if fields[1] == "0100007F:%04X" % port)


class Hostile(Case):
    def setUp(self):
        self.random = random.Random(SEED)
        self.held = contextlib.ExitStack()
        self.addCleanup(self.held.close)
        self.ports = {name: harness.free_port() for name in IN_PROCESS + (
            "cat", "wait", "flow")}
        text = "defaults { cps = { 0, 1 } instances = UNLIMITED }\n"
        for name in IN_PROCESS:
            text += ("service %s { protocol = { tcp, udp } bind = 127.0.0.1 port = %d "
                     "internal = %s }\n" % (name, self.ports[name], name))
        text += ("service cat { bind = 127.0.0.1 port = %d server = /bin/cat %s "
                 "instances = 50 }\n" % (self.ports["cat"], user_line()))
        text += ("service wait { protocol = udp wait = yes bind = 127.0.0.1 port = %d "
                 "server = %s %s }\n" % (self.ports["wait"], self.script(TAKER, "taker"),
                                         user_line()))
        text += ("service flow { protocol = udp bind = 127.0.0.1 port = %d server = %s %s "
                 "instances = 20 }\n" % (self.ports["flow"], self.script(PEER, "peer"),
                                         user_line()))
        self.log = self.daemon(text)
        self.ask_everybody()
        self.rest()
        self.before = self.footprint()

    def rest(self):
        """Nothing sent to a program is undecided, and none runs: an asker now is no one
        whom a full service turns away."""
        harness.eventually(
            lambda: not any(queued(self.ports[name]) for name in ("wait", "flow")),
            "datagrams have been read")
        mark = self.log.mark()
        self.log.send(signal.SIGUSR1)
        self.log.wait_for(r"status: ", since=mark)
        harness.eventually(lambda: len(self.log.children()) == 1, "programs have ended")

    def footprint(self):
        """(descriptors, kB) of the supervisor and its worker."""
        return [(self.descriptors(pid), self.log.resident_kb(pid))
                for pid in [self.log.pid] + self.log.children()]

    def descriptors(self, pid):
        """How many; 0 of a worker that only root may look at."""
        try:
            return len(self.log.descriptors(pid))
        except PermissionError:
            return 0

    def hold(self, client):
        return self.held.enter_context(client)

    def datagram(self, name, data=b"hello", answer=True, timeout=None):
        with datagram_socket() as client:
            client.settimeout(timeout or harness.DEADLINE)
            client.sendto(data, ("127.0.0.1", self.ports[name]))
            return client.recv(70000) if answer else None

    def ask_everybody(self):
        self.assertEqual(exchange(self.ports["cat"], b"tea"), b"tea")
        self.assertEqual(exchange(self.ports["echo"], b"tea"), b"tea")
        self.assertEqual(exchange(self.ports["discard"], b"tea"), b"")
        self.assertRegex(exchange(self.ports["daytime"]), rb"\d\d:\d\d:\d\d")
        self.assertEqual(len(exchange(self.ports["time"])), 4)
        self.assertTrue(exchange(self.ports["qotd"]))
        with connect(self.ports["chargen"]) as client:
            self.assertTrue(client.recv(100))
        self.assertEqual(self.datagram("echo"), b"hello")
        self.assertEqual(len(self.datagram("time")), 4)
        self.assertEqual(self.datagram("wait"), b"5")
        self.assertEqual(self.datagram("flow"), b"5")

    def check(self):
        """Everybody is served, and nothing is left of the attack."""
        self.held.close()
        self.ask_everybody()
        self.rest()
        self.assertEqual(self.log.matches(r"worker \d+ (was|ended)"), [])
        for (had, kb), pid in zip(self.before, [self.log.pid] + self.log.children()):
            harness.eventually(lambda: self.descriptors(pid) <= had,
                               "descriptors of %d" % pid)
            self.assertLess(self.log.resident_kb(pid) - kb, GROWTH_KB)

    def streams(self):
        return IN_PROCESS + ("cat",)

    def test_clients_that_say_nothing(self):
        for name in self.streams():
            for _ in range(10):
                self.hold(connect(self.ports[name]))
        self.ask_everybody()
        self.check()

    def test_clients_that_close_half_or_reset(self):
        for number in range(20):
            for name in self.streams():
                client = connect(self.ports[name])
                if number % 4 == 0:
                    client.shutdown(socket.SHUT_WR)
                    reset(client)
                elif number % 4 == 1:
                    client.sendall(b"x" * 100)
                    reset(client)
                elif number % 4 == 2:
                    client.shutdown(socket.SHUT_RD)
                    client.close()
                else:
                    reset(client)
        self.check()

    def test_a_half_closed_client_gets_its_whole_answer(self):
        data = os.urandom(200000)
        for name in "echo", "cat":
            self.assertEqual(exchange(self.ports[name], data), data)
        self.check()

    def test_urgent_data(self):
        for name in self.streams():
            client = self.hold(connect(self.ports[name]))
            with contextlib.suppress(ConnectionError):
                for _ in range(20):
                    client.send(b"!", socket.MSG_OOB)
                    client.send(b"after")
        before = cpu_seconds(self.log.children()[0])
        self.ask_everybody()
        # The urgent mark stays in the queue: it must not wake anybody for ever.
        select.select([], [], [], 0.5)
        self.assertLess(cpu_seconds(self.log.children()[0]) - before, 0.4)
        self.check()

    def test_one_byte_at_a_time(self):
        with connect(self.ports["echo"]) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number in range(2000):
                client.sendall(b"%d" % (number % 10))
                self.assertEqual(client.recv(10), b"%d" % (number % 10))
        self.check()

    def test_readers_that_never_read(self):
        for name in "echo", "chargen", "cat":
            for _ in range(10):
                client = self.hold(connect(self.ports[name]))
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    while name != "chargen":
                        client.send(b"x" * 65536)
        self.ask_everybody()
        # As much as the kernel's buffers, and one buffer a session of ours.
        for (_, kb), (_, then) in zip(self.before, self.footprint()):
            self.assertLess(then - kb, GROWTH_KB)
        self.check()

    def test_a_flood_of_connections(self):
        for name in "echo", "daytime":
            for number in range(FLOOD // 2):
                client = connect(self.ports[name])
                if number % 3 == 0:
                    reset(client)
                else:
                    client.close()
        self.check()

    def test_a_flood_at_a_program(self):
        for number in range(FLOOD // 10):
            try:
                client = connect(self.ports["cat"])
            except ConnectionError:
                continue  # from some number on the kernel does it
            if number % 3 == 0:
                reset(client)
            else:
                client.close()
        harness.eventually(lambda: self.log_is_calm("cat"), "the flood is worked off")
        self.check()

    def log_is_calm(self, name):
        try:
            return exchange(self.ports[name], b"calm") == b"calm"
        except ConnectionError:
            return False

    def test_the_largest_datagrams(self):
        data = self.random.randbytes(65507)
        self.assertEqual(self.datagram("echo", data), data)
        self.assertLessEqual(len(self.datagram("chargen", data)), 512)
        self.assertEqual(self.datagram("wait", data), b"65507")
        self.assertEqual(self.datagram("flow", data), b"65507")
        for name in "discard", "daytime", "time", "qotd":
            self.datagram(name, data, answer=name != "discard")
        self.check()

    def test_datagrams_without_content(self):
        self.assertEqual(self.datagram("echo", b""), b"")
        self.assertEqual(len(self.datagram("time", b"")), 4)
        self.assertEqual(self.datagram("wait", b""), b"0")
        self.assertEqual(self.datagram("flow", b""), b"0")
        with datagram_socket() as client:
            for name in "wait", "flow":
                for number in range(5):
                    client.sendto(b"", ("127.0.0.1", self.ports[name]))
                    self.assertEqual(client.recv(10), b"0", name)
        for _ in range(200):
            for name in IN_PROCESS:
                self.datagram(name, b"", answer=False)
        self.check()

    def test_idle_sessions_cost_the_others_nothing(self):
        for number in range(500):
            self.hold(connect(self.ports[self.random.choice(("echo", "discard"))]))
        begin = time.monotonic()
        for number in range(100):
            self.assertEqual(exchange(self.ports["echo"], b"quick"), b"quick")
        self.assertLess(time.monotonic() - begin, 5)
        for (_, kb), (_, then) in zip(self.before, self.footprint()):
            self.assertLess(then - kb, GROWTH_KB)
        self.check()

    @harness.needs_root
    def test_datagrams_of_forged_services_are_passed_over(self):
        # From echo's, time's and ntp's port, and from port 0, which only a raw socket can.
        for port in 7, 13, 37, 123:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind(("127.0.0.1", port))
                for name in IN_PROCESS:
                    client.sendto(b"loop", ("127.0.0.1", self.ports[name]))
                self.ask_everybody()
                self.assertEqual(select.select([client], [], [], 0)[0], [])
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
            for name in IN_PROCESS + ("flow", "wait"):
                raw.sendto(struct.pack("!HHHH", 0, self.ports[name], 8, 0),
                           ("127.0.0.1", self.ports[name]))
        self.check()

    def test_noise_to_everybody(self):
        for _ in range(20):
            for name in IN_PROCESS:
                noise = self.random.randbytes(self.random.randrange(1, 5000))
                with connect(self.ports[name]) as client:
                    with contextlib.suppress(ConnectionError):
                        client.sendall(noise)
                        client.shutdown(socket.SHUT_WR)
                        if name == "echo":
                            self.assertEqual(read_all(client), noise)
                self.datagram(name, noise, answer=False)
        self.check()

    def test_a_flood_of_datagrams(self):
        stop = time.monotonic() + 1
        target = [("127.0.0.1", self.ports[name]) for name in
                  ("echo", "time", "chargen", "discard")]
        with datagram_socket() as client:
            client.setblocking(False)
            number = 0
            while time.monotonic() < stop:
                number += 1
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    client.sendto(b"x" * 100, target[number % len(target)])
                if number % 1000 == 0:
                    self.assertEqual(exchange(self.ports["echo"], b"amid"), b"amid")
        self.check()

    def test_one_peer_floods_its_own_program(self):
        # While it lasts nobody else may be kept waiting by what the peer sends.
        over = threading.Event()
        sent = [0]
        target = ("127.0.0.1", self.ports["flow"])

        def flood(client):
            data = b"x" * 10
            while not over.is_set():
                for _ in range(100):
                    with contextlib.suppress(OSError):
                        client.sendto(data, target)
                        sent[0] += 1

        with datagram_socket() as client:
            client.setblocking(False)
            threads = [threading.Thread(target=flood, args=(client,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(20):
                    begin = time.monotonic()
                    self.assertEqual(exchange(self.ports["cat"], b"tea"), b"tea")
                    self.assertLess(time.monotonic() - begin, 5)
            finally:
                over.set()
                for thread in threads:
                    thread.join()
        self.assertGreater(sent[0], 100)
        self.check()

    def test_many_peers_at_once_stay_within_the_instances(self):
        clients = [self.hold(datagram_socket()) for _ in range(300)]
        for client in clients:
            client.sendto(b"x", ("127.0.0.1", self.ports["flow"]))
        self.assertLessEqual(len(self.log.children()), 21)
        self.ask_in_process()
        self.rest()
        self.check()

    def ask_in_process(self):
        self.assertEqual(exchange(self.ports["echo"], b"tea"), b"tea")
        self.assertEqual(self.datagram("echo"), b"hello")


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as handle:
        fields = handle.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    harness.main()
