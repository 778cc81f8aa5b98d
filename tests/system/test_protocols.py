# SPDX-License-Identifier: ISC
"""Sockets of other types and protocols than TCP's and UDP's: raw, seqpacket, and what the
protocols database has beside them."""
import os
import socket

import harness
from harness import Case, datagram_socket, needs_root, user_line

UDPLITE = 136
MPTCP = 262
EGP = 8  # of which no machine hears anything today

# Answers each packet with its content, in capitals.
PACKETS = """#!/usr/bin/env python3
import os, socket
s = socket.socket(fileno=0)
s.settimeout(60)
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data.upper(), peer)
"""

RAW = """#!/usr/bin/env python3
import os, socket
s = socket.socket(fileno=0)
s.settimeout(60)
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data[20:].upper() + b" %d" % os.getuid(), peer)
"""

ONE = """#!/usr/bin/env python3
import os, socket
s = socket.socket(fileno=0)
data = s.recv(65536)
s.sendall(data.upper())
s.sendall(os.environ.get("PROTO", "-").encode() + b" " + os.environ["REMOTE_HOST"].encode())
"""

LISTENER = """#!/usr/bin/env python3
import socket
s = socket.socket(fileno=0)
s.settimeout(60)
while True:
    client = s.accept()[0]
    client.sendall(client.recv(65536).upper())
    client.close()
"""


def service(protocol, socket_type, program, *, wait="yes", more=""):
    return """
        service other {
            protocol = %s
            socket_type = %s
            wait = %s
            server = %s
            log_on_success = { PID, HOST }
            log_on_failure = { HOST }
            %s
            %s
        }""" % (protocol, socket_type, wait, program, more, user_line())


def has(family, kind, protocol):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError:
        return False
    return True


class Protocols(Case):
    def inet(self, port):
        return "bind = 127.0.0.1 port = %d" % port

    def test_udplite(self):
        if not has(socket.AF_INET, socket.SOCK_DGRAM, UDPLITE):
            self.skipTest("this kernel has no UDP-Lite")
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(
            "udplite", "dgram", self.script(PACKETS),
            more=self.inet(port) + " no_access = 127.0.0.9"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, UDPLITE) as client, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM, UDPLITE) as stranger, \
                datagram_socket() as plain:
            # The port of UDP is another one.
            plain.connect(("127.0.0.1", port))
            plain.send(b"x")
            self.assertRaises(ConnectionRefusedError, plain.recv, 1)
            stranger.bind(("127.0.0.9", 0))
            stranger.sendto(b"no", ("127.0.0.1", port))
            daemon.wait_for(r"FAIL: other address from=127\.0\.0\.9")
            client.settimeout(harness.DEADLINE)
            for data in b"one", b"two":
                client.sendto(data, ("127.0.0.1", port))
                self.assertEqual(client.recv(100), data.upper())
        daemon.wait_for(r"START: other pid=\d+ from=127\.0\.0\.1")
        self.assertEqual(len(daemon.matches(r"START: other")), 1)

    @needs_root
    def test_raw(self):
        self.daemon(service("egp", "raw", self.script(RAW), more="bind = 127.0.0.1"))
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, EGP) as client:
            client.bind(("127.0.0.8", 0))
            client.settimeout(harness.DEADLINE)
            client.sendto(b"packet", ("127.0.0.1", 0))
            self.assertEqual(client.recv(100)[20:], b"PACKET %d" % harness.NOBODY)

    @needs_root
    def test_raw_sockets_are_screened_as_well(self):
        daemon = self.daemon(service(
            "egp", "raw", self.script(RAW),
            more="bind = 127.0.0.1 flags = INTERCEPT only_from = 127.0.0.8"))
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, EGP) as friend, \
                socket.socket(socket.AF_INET, socket.SOCK_RAW, EGP) as stranger:
            friend.bind(("127.0.0.8", 0))
            stranger.bind(("127.0.0.9", 0))
            friend.settimeout(harness.DEADLINE)
            for _ in range(2):
                stranger.sendto(b"no", ("127.0.0.1", 0))
                friend.sendto(b"yes", ("127.0.0.1", 0))
                self.assertEqual(friend.recv(100)[20:], b"YES %d" % harness.NOBODY)
            stranger.setblocking(False)
            self.assertRaises(BlockingIOError, stranger.recv, 1)
        self.assertEqual(len(daemon.matches(r"FAIL")), 0)

    def test_a_raw_socket_without_the_right_to_it_costs_its_service_alone(self):
        port = harness.free_port()
        config = """service echo { bind = 127.0.0.1 port = %d server = /bin/cat %s }
            """ % (port, "user = %d group = %d" % (os.geteuid(), os.getegid()))
        raw = service("egp", "raw", self.script(RAW), more="bind = 127.0.0.1")
        daemon = self.unprivileged(config + raw)
        self.assertEqual(len(daemon.matches(
            r"service 'other': cannot make a socket for 'raw/8 127\.0\.0\.1': "
            r"Operation not permitted$")), 1)
        self.assertEqual(harness.exchange(port, b"x"), b"x")

    def unprivileged(self, config):
        if not harness.is_root():
            return self.daemon(config)
        config = config.replace("user = 0 group = 0", "").replace(user_line(), "")
        if not os.access(os.path.dirname(os.path.abspath(harness.USHERD)), os.X_OK):
            self.skipTest("the build directory is not open to nobody")
        return self.daemon(config, user=harness.NOBODY)

    def test_a_protocol_that_the_kernel_has_not_costs_its_service_alone(self):
        if has(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP):
            self.skipTest("this kernel has SCTP")
        port = harness.free_port()
        daemon = self.daemon(
            service("sctp", "stream", "/bin/cat", wait="no",
                    more=self.inet(harness.free_port())) +
            "service echo { bind = 127.0.0.1 port = %d server = /bin/cat %s }"
            % (port, user_line()))
        self.assertEqual(len(daemon.matches(
            r"service 'other': cannot make a socket for 'stream/132 127\.0\.0\.1:\d+': "
            r"Protocol not supported$")), 1)
        self.assertEqual(harness.exchange(port, b"x"), b"x")

    def test_streams_of_another_protocol(self):
        if not has(socket.AF_INET, socket.SOCK_STREAM, MPTCP):
            self.skipTest("this kernel has no MPTCP")
        try:
            socket.getprotobyname("mptcp")
        except OSError:
            self.skipTest("the protocols database has no mptcp")
        port = harness.free_port()
        more = self.inet(port) + " no_access = 127.0.0.9"
        daemon = self.daemon(service("mptcp", "stream", self.script(ONE), wait="no",
                                     more=more))
        for _ in range(2):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP) as client:
                client.settimeout(harness.DEADLINE)
                client.connect(("127.0.0.1", port))
                client.sendall(b"stream")
                self.assertEqual(harness.read_all(client), b"STREAM- 127.0.0.1")
        with harness.connect(port, source="127.0.0.9") as stranger:
            self.assertEqual(harness.read_all_quietly(stranger), b"")
        daemon.wait_for(r"FAIL: other address from=127\.0\.0\.9")
        daemon.reload(service("mptcp", "stream", self.script(LISTENER),
                              more=self.inet(port)))
        for _ in range(2):
            self.assertEqual(harness.exchange(port, b"stream"), b"STREAM")
        self.assertEqual(len(daemon.matches(r"START: other pid=\d+ from=<no address>")),
                         1)

    def unix(self, path):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.settimeout(harness.DEADLINE)
        client.connect(str(path))
        return client

    def test_packets_in_sequence_over_a_path(self):
        path = self.scratch() / "socket"
        more = 'bind = "%s"' % path
        config = service("unix", "seqpacket", self.script(ONE), wait="no", more=more)
        daemon = self.daemon(config)
        for _ in range(2):
            with self.unix(path) as client:
                client.send(b"packet")
                self.assertEqual(client.recv(100), b"PACKET")
                self.assertEqual(client.recv(100), b"UNIX <no address>")
                self.assertEqual(client.recv(100), b"")
        # A path of streams is another one.
        with socket.socket(socket.AF_UNIX) as stream:
            self.assertRaises(OSError, stream.connect, str(path))
        daemon.reload(config.replace("wait = no", "wait = yes")
                      .replace("server = ", "server = %s #" % self.script(LISTENER)))
        for _ in range(2):
            with self.unix(path) as client:
                client.send(b"packet")
                self.assertEqual(client.recv(100), b"PACKET")

    @needs_root
    def test_a_raw_service_of_xinetd(self):
        path = self.scratch() / "xinetd.conf"
        path.write_text("""service other
{
	type = UNLISTED
	socket_type = raw
	protocol = egp
	port = 1
	bind = 127.0.0.1
	wait = yes
	user = nobody
	server = %s
}
""" % self.script(RAW))
        self.daemon("", options=["-x", str(path)])
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, EGP) as client:
            client.bind(("127.0.0.8", 0))
            client.settimeout(harness.DEADLINE)
            client.sendto(b"packet", ("127.0.0.1", 0))
            self.assertEqual(client.recv(100)[20:], b"PACKET %d" % harness.NOBODY)


if __name__ == "__main__":
    harness.main()
