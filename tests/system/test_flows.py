# SPDX-License-Identifier: ISC
"""Datagrams with wait = no: one process per peer, on a connected socket of its own."""
import socket

import harness
from harness import Case, datagram_socket, user_line

# Answers with its pid, how the socket is connected and what came, until told to end.
PEER = """#!/usr/bin/env python3
import os, socket
s = socket.socket(fileno=0)
while True:
    data = os.read(0, 65536)
    if data == b"end":
        break
    os.write(1, b"%d %s %d " % (os.getpid(), s.getpeername()[0].encode(),
                               s.getpeername()[1]) + data)
"""


def service(port, program, more="", bind="127.0.0.1"):
    return """
        service flow {
            protocol = udp
            bind = %s
            port = %d
            server = %s
            cps = { 0, 1 }
            log_on_success = { PID, HOST, EXIT }
            log_on_failure = { HOST }
            %s
            %s
        }""" % (bind, port, program, more, user_line())


class Flows(Case):
    def test_each_peer_has_its_own_process_and_every_datagram_its_answer(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(PEER)))
        clients = [datagram_socket() for _ in range(20)]
        # All at once: the first datagrams meet, the next ones race the start.
        for number in range(10):
            for client in clients:
                client.sendto(b"%d" % number, ("127.0.0.1", port))
        pids = set()
        for client in clients:
            answers = [client.recvfrom(1000) for _ in range(10)]
            mine = set()
            numbers = []
            for answer, sender in answers:
                pid, host, peer_port, data = answer.split()
                mine.add(pid)
                self.assertEqual(sender, ("127.0.0.1", port))
                self.assertEqual(host, b"127.0.0.1")
                self.assertEqual(int(peer_port), client.getsockname()[1])
                numbers.append(int(data))
            self.assertEqual(len(mine), 1)
            # Each exactly once. Datagrams that come while their socket is being made may
            # overtake others, as datagrams may anywhere.
            self.assertEqual(sorted(numbers), list(range(10)))
            pids |= mine
        self.assertEqual(len(pids), 20)
        for client in clients:
            client.sendto(b"end", ("127.0.0.1", port))
            client.close()
        daemon.wait_for(r"EXIT: flow status=0", count=20)

    def test_a_wildcard_socket_answers_from_the_address_that_was_asked(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(PEER), bind='"::"'))
        for host in "127.0.0.1", "127.0.0.5", "::1":
            with datagram_socket(host if ":" in host else "127.0.0.1") as client:
                client.sendto(b"x", (host, port))
                answer, sender = client.recvfrom(1000)
                self.assertEqual(sender[:2], (host, port))
                self.assertTrue(answer.endswith(b" x"))
                client.sendto(b"end", (host, port))
        daemon.wait_for(r"EXIT: flow status=0", count=3)

    def test_a_silent_peer_ends_its_process(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(PEER), "idle_timeout = 300ms"))
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", port))
            client.recv(100)
            daemon.wait_for(r"EXIT: flow signal=15")
            # The next datagram is a new client.
            client.sendto(b"y", ("127.0.0.1", port))
            self.assertTrue(client.recv(100).endswith(b" y"))

    def test_what_a_program_leaves_unread_goes_to_its_successor(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        one = self.script("#!/bin/sh\ndd bs=1000 count=1 2>/dev/null\n")
        daemon = self.daemon(service(port, one))
        with datagram_socket() as client:
            for number in range(8):
                client.sendto(b"%d" % number, ("127.0.0.1", port))
            self.assertEqual(sorted(client.recv(10) for _ in range(8)),
                             [b"%d" % n for n in range(8)])
        daemon.wait_for(r"EXIT: flow status=0", count=8)

    def test_identical_leftovers_are_served(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        one = self.script("#!/bin/sh\ndd bs=1000 count=1 2>/dev/null\n")
        daemon = self.daemon(service(port, one, "instances = 1"))
        with datagram_socket() as client:
            for _ in range(4):
                client.sendto(b"ping", ("127.0.0.1", port))
            self.assertEqual([client.recv(10) for _ in range(4)], [b"ping"] * 4)
        daemon.wait_for(r"EXIT: flow status=0", count=4)
        self.assertEqual(len(daemon.matches("FAIL|without reading")), 0)

    def test_leftovers_survive_a_service_that_changes_its_kind(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        slow = self.script("#!/bin/sh\ndd bs=1000 count=1 2>/dev/null\nsleep 1\n")
        for other in ("internal = echo", "wait = yes server = %s %s" % (slow, user_line())):
            daemon = self.daemon(service(port, slow))
            with datagram_socket() as client:
                client.sendto(b"one", ("127.0.0.1", port))
                self.assertEqual(client.recv(10), b"one")
                client.sendto(b"two", ("127.0.0.1", port))
                daemon.reload("service flow { protocol = udp bind = 127.0.0.1 port = %d "
                              "log_on_success = { PID, EXIT } %s }" % (port, other))
                daemon.wait_for(r"EXIT: flow status=0")
                daemon.wait_for(r"datagrams were dropped: the service has changed")
            self.assertEqual(daemon.stop(), 0)

    def test_a_flood_of_new_peers_does_not_stop_the_others(self):
        port, other = harness.free_port(socket.SOCK_DGRAM), harness.free_port()
        daemon = self.daemon(service(port, "/bin/sleep",
                                     "server_args = 60 instances = 200") + """
            service other { bind = 127.0.0.1 port = %d server = /bin/cat cps = { 0, 1 } %s }
            """ % (other, user_line()))
        with datagram_socket() as sender:
            for number in range(1000):
                with datagram_socket("127.1.%d.%d" % (number // 250, number % 250 + 1)) as s:
                    s.sendto(b"x", ("127.0.0.1", port))
                if number % 100 == 0:
                    self.assertEqual(harness.exchange(other, b"alive"), b"alive")
        daemon.wait_for(r"FAIL: flow service_limit")
        self.assertEqual(harness.exchange(other, b"alive"), b"alive")

    def test_a_program_that_never_reads_does_not_loop(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, "/bin/true"))
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", port))
            daemon.wait_for(r"ended without reading")
        daemon.wait_for(r"START: flow")
        self.assertEqual(len(daemon.matches(r"START: flow")), 1)

    def test_instances_bound_the_processes(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(PEER), "instances = 2"))
        clients = [datagram_socket() for _ in range(3)]
        for client in clients[:2]:
            client.sendto(b"x", ("127.0.0.1", port))
            client.recv(100)
        clients[2].sendto(b"x", ("127.0.0.1", port))
        daemon.wait_for(r"FAIL: flow service_limit from=127\.0\.0\.1")
        clients[0].sendto(b"end", ("127.0.0.1", port))
        daemon.wait_for(r"EXIT: flow status=0")
        clients[2].sendto(b"again", ("127.0.0.1", port))
        self.assertTrue(clients[2].recv(100).endswith(b"again"))
        for client in clients:
            client.close()


if __name__ == "__main__":
    harness.main()
