# SPDX-License-Identifier: ISC
"""wait = yes: the program gets the bound socket, and usherd keeps its hands off."""
import os
import socket
import time

import harness
from harness import Case, connect, datagram_socket, read_all, user_line

# Answers each datagram on fd 0 with its content, ends after a while of silence.
ECHO = """#!/usr/bin/env python3
import socket, sys
s = socket.socket(fileno=0)
s.settimeout(float(sys.argv[1]))
try:
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)
        if len(sys.argv) > 2:
            break
except TimeoutError:
    pass
"""

ACCEPT = """#!/usr/bin/env python3
import socket, sys
s = socket.socket(fileno=0)
s.settimeout(float(sys.argv[1]))
try:
    while True:
        c, peer = s.accept()
        c.sendall(b"from %d" % __import__("os").getpid())
        c.close()
except TimeoutError:
    pass
"""


def service(port, program, arguments, protocol="udp", more=""):
    return """
        service waiting {
            protocol = %s
            wait = yes
            bind = 127.0.0.1
            port = %d
            server = %s
            server_args = { %s }
            cps = { 0, 1 }
            log_on_success = { PID, HOST, EXIT }
            log_on_failure = { HOST }
            %s
            %s
        }""" % (protocol, port, program, arguments, more, user_line())


class Wait(Case):
    def ask(self, client, port, data):
        client.sendto(data, ("127.0.0.1", port))
        return client.recv(65536)

    def test_one_program_serves_many_datagrams_and_is_started_again(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(ECHO), "0.2"))
        with datagram_socket() as client:
            for round in range(3):
                for number in range(20):
                    data = b"%d %d" % (round, number)
                    self.assertEqual(self.ask(client, port, data), data)
                daemon.wait_for(r"EXIT: waiting status=0", count=round + 1)
        daemon.wait_for(r"START: waiting pid=\d+ from=127.0.0.1", count=3)
        self.assertEqual(len(daemon.matches(r"START: waiting pid=\d+ from=127.0.0.1")), 3)

    def test_no_queued_datagram_is_lost_when_a_program_ends(self):
        # Each program answers one datagram only; the others wait in the queue.
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(ECHO), '"5", once'))
        with datagram_socket() as client:
            for number in range(25):
                client.sendto(b"%d" % number, ("127.0.0.1", port))
            answers = [client.recv(100) for _ in range(25)]
        self.assertEqual(answers, [b"%d" % n for n in range(25)])
        daemon.wait_for(r"EXIT: waiting status=0", count=25)
        self.assertEqual(len(daemon.matches(r"without reading")), 0)

    def test_a_program_that_never_reads_is_started_with_growing_pauses(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, "/bin/true", ""))
        begin = time.monotonic()
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", port))
            daemon.wait_for(r"START: waiting", count=5)
        # 0.1 + 0.2 + 0.4 + 0.8 s lie between the first start and the fifth.
        self.assertGreater(time.monotonic() - begin, 1.4)
        daemon.wait_for(r"'/bin/true' ended without reading; next start in 100 ms")

    def test_stream_program_accepts_for_itself(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, self.script(ACCEPT), "0.2", "tcp"))
        answers = set()
        for _ in range(10):
            with connect(port) as client:
                answers.add(read_all(client))
        self.assertEqual(len(answers), 1)
        daemon.wait_for(r"EXIT: waiting status=0")
        daemon.wait_for(r"START: waiting pid=\d+ from=<no address>")
        with connect(port) as client:
            self.assertNotIn(read_all(client), answers)

    def test_a_refused_sender_is_dropped_and_the_next_one_served(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(ECHO), "0.2",
                                     more="no_access = 127.0.0.9"))
        with datagram_socket("127.0.0.9") as stranger, datagram_socket() as friend:
            stranger.sendto(b"no", ("127.0.0.1", port))
            daemon.wait_for(r"FAIL: waiting address from=127\.0\.0\.9")
            self.assertEqual(self.ask(friend, port, b"yes"), b"yes")

    def test_the_service_survives_a_reload_while_its_program_runs(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        config = service(port, self.script(ECHO), "1")
        daemon = self.daemon(config)
        with datagram_socket() as client:
            self.ask(client, port, b"a")
            daemon.reload(config.replace("log_on_failure = { HOST }", ""))
            self.assertEqual(self.ask(client, port, b"b"), b"b")
            daemon.wait_for(r"EXIT: waiting status=0")
            self.assertEqual(self.ask(client, port, b"c"), b"c")

    def test_identical_datagrams_are_no_sign_of_failure(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(ECHO), '"5", once'))
        with datagram_socket() as client:
            for _ in range(12):
                client.sendto(b"same", ("127.0.0.1", port))
            self.assertEqual([client.recv(100) for _ in range(12)], [b"same"] * 12)
        self.assertEqual(len(daemon.matches(r"without reading")), 0)

    def test_a_socket_that_a_program_shuts_down_is_opened_again(self):
        kill = """#!/usr/bin/env python3
import socket, sys
s = socket.socket(fileno=0)
if s.type == socket.SOCK_STREAM:
    s.accept()[0].close()
else:
    s.recvfrom(1000)
try:
    s.shutdown(socket.SHUT_RDWR)
except OSError:
    pass
"""
        for protocol in "udp", "tcp":
            port = harness.free_port(socket.SOCK_DGRAM if protocol == "udp"
                                     else socket.SOCK_STREAM)
            daemon = self.daemon(service(port, self.script(kill), "", protocol))
            for count in range(1, 4):
                if protocol == "udp":
                    with datagram_socket() as client:
                        client.sendto(b"x", ("127.0.0.1", port))
                else:
                    connect(port).close()
                daemon.wait_for(r"EXIT: waiting", count=count)
                if protocol == "udp":
                    daemon.wait_for(r"is bound now", count=count)
                harness.eventually(lambda: self.answers(port, protocol), "open again")
            daemon.wait_for(r"somebody has shut down %s" % protocol)

    def answers(self, port, protocol):
        """Is the port bound and (TCP) listening?"""
        name = "/proc/net/" + protocol
        with open(name) as handle:
            lines = [line.split() for line in handle]
        wanted = "0100007F:%04X" % port
        state = "0A" if protocol == "tcp" else "07"
        return any(f[1] == wanted and f[3] == state for f in lines[1:])

    def test_a_program_that_runs_on_leaves_the_socket_to_a_worker_only_at_its_end(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, self.script(ACCEPT), "1", "tcp"))
        with connect(port) as client:
            read_all(client)
        daemon.reload("service waiting { port = %d bind = 127.0.0.1 internal = echo "
                      "log_on_success = { PID, EXIT } }" % port)
        with connect(port) as client:
            self.assertTrue(read_all(client).startswith(b"from "))
        daemon.wait_for(r"EXIT: waiting status=0")
        self.assertEqual(harness.exchange(port, b"mine"), b"mine")

    def test_a_program_that_cannot_start_does_not_spin(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        path = self.script("#!/no/such/interpreter\n")
        daemon = self.daemon(service(port, path, ""))
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", port))
            daemon.wait_for(r"cannot start '%s'" % path)
            path.write_text(ECHO)
            client.settimeout(harness.DEADLINE)
            # 0.2 s of silence end the program; none is given, so the default argument
            # list has to be enough for one answer.
            path.write_text(ECHO.replace("float(sys.argv[1])", "0.2"))
            self.assertEqual(client.recv(10), b"x")


if __name__ == "__main__":
    harness.main()
