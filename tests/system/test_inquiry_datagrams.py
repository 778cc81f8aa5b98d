# SPDX-License-Identifier: ISC
"""Who has sent a datagram: names in access lists, hosts.allow and hosts.deny, for programs
with wait = yes and for those of one peer. The namespaces are those of test_inquiry.py."""
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest

import harness
import test_inquiry
from harness import datagram_socket, needs_program
from test_inquiry import NameServer, has_libwrap, inside

CONFIG = """
worker_user = nobody
service greet {
    protocol = udp
    port = %d
    bind = "*"
    server = %s
    user = root
    cps = { 0, 1 }
    log_on_success = { PID, HOST }
    log_on_failure = { HOST }
    wait = %s
    %s
}
"""

# Takes what is there, the socket being a listener or one peer's, and ends.
ANSWER = """#!%s
import socket
server = socket.socket(fileno=0)
server.setblocking(True)
data, peer = server.recvfrom(65536)
server.sendto(data.upper(), peer)
""" % sys.executable

# The same until nothing has come for a while: a usual server of datagrams.
ANSWERS = ANSWER.replace("data, peer", "while True:\n    data, peer").replace(
    "server.sendto", "    server.sendto")

SLOW_DNS = "hosts: files dns\nnetworks: files\npasswd: files\ngroup: files\n" \
           "services: files\nprotocols: files\n"


class GatedNameServer(NameServer):
    """Answers when it is told to, if it is asked for the name of an address."""

    def __init__(self, records):
        self.asked = threading.Event()
        self.open = threading.Event()
        super().__init__(records)

    def answer(self, query):
        if b"\7in-addr\4arpa" in query:
            self.asked.set()
            self.open.wait(4 * harness.DEADLINE)
        return super().answer(query)

    def close(self):
        self.open.set()
        super().close()


@unittest.skipUnless(inside(), "needs root, unshare and namespaces")
class Senders(test_inquiry.Inquiry):
    wait = "yes"

    def serve(self, attributes, program=ANSWER, **arguments):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        self.program = self.script(program, name="greeter")
        self.log = self.daemon(self.config(attributes), **arguments)
        return self.log

    def config(self, attributes):
        return CONFIG % (self.port, self.program, self.wait, attributes)

    def send(self, source, data=b"hello"):
        client = datagram_socket(source)
        self.addCleanup(client.close)
        client.sendto(data, ("::1" if ":" in source else "127.0.0.1", self.port))
        return client

    def assert_served(self, *sources):
        for source in sources:
            with self.subTest(source=source):
                self.assertEqual(self.send(source).recv(100), b"HELLO")

    def assert_refused(self, *sources, reason="address"):
        for source in sources:
            with self.subTest(source=source):
                mark = self.log.mark()
                client = self.send(source)
                self.log.wait_for(r"FAIL: greet %s from=%s$" % (reason, re.escape(source)),
                                  since=mark)
                client.setblocking(False)
                self.assertRaises(BlockingIOError, client.recv, 100)
                self.assertEqual(self.log.matches(r"START: greet", since=mark), [])

    def name_server(self, server):
        self.etc("nsswitch.conf", SLOW_DNS)
        self.etc("resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:5\n")
        self.addCleanup(server.close)
        return server

    def gate(self):
        return self.name_server(GatedNameServer({"100.0.0.127.in-addr.arpa": "late.example",
                                                 "late.example": "127.0.0.100"}))

    def silence(self):
        """A name server that takes questions and does not answer."""
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.53", 53))
        silent.settimeout(harness.DEADLINE)
        return self.name_server(silent)


class Datagrams:
    """What holds for both kinds of programs."""

    def test_names(self):
        self.serve("only_from = { friend.example, .friends.example, 127.0.0.9, localhost }")
        self.assert_served("127.0.0.2", "127.0.0.3", "127.0.0.9", "::1")
        self.assert_refused("127.0.0.4", "127.0.0.8")
        # Again, from memory or not.
        self.assert_served("127.0.0.2")
        self.assert_refused("127.0.0.4")

    def test_names_of_no_access(self):
        self.serve("no_access = { stranger.example, .friends.example }")
        self.assert_served("127.0.0.2")
        self.assert_refused("127.0.0.4", "127.0.0.3", "127.0.0.8")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_libwrap(self):
        self.etc("hosts.deny", "ALL: ALL\n")
        self.etc("hosts.allow", "greeter: 127.0.0.2 .friends.example [::1]\n")
        self.serve("libwrap = yes")
        self.assert_served("127.0.0.2", "127.0.0.3", "::1")
        self.assert_refused("127.0.0.4", reason="libwrap")
        # They may change at any time; a refusal is remembered for a moment.
        self.etc("hosts.allow", "greeter: ALL\n")
        self.assert_served("127.0.0.5")
        self.etc("hosts.allow", "greeter: 127.0.0.2\n")
        self.assert_refused("127.0.0.5", reason="libwrap")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_libwrap_knows_where_it_came_to(self):
        self.etc("hosts.deny", "greeter@127.0.0.1: 127.0.0.4\n")
        self.serve("libwrap = yes")
        self.assert_served("127.0.0.2")
        self.assert_refused("127.0.0.4", reason="libwrap")
        self.etc("hosts.deny", "greeter@127.0.0.9: 127.0.0.6\n")
        self.assert_served("127.0.0.6")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_libwrap_and_an_address_with_a_scope(self):
        subprocess.run(["ip", "address", "replace", "fe80::7/64", "dev", "lo", "nodad"],
                       check=True)
        scope = socket.if_nametoindex("lo")

        def send():
            client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.addCleanup(client.close)
            client.settimeout(harness.DEADLINE)
            client.bind(("fe80::7", 0, 0, scope))
            client.sendto(b"hello", ("fe80::7", self.port, 0, scope))
            return client
        self.etc("hosts.deny", "greeter: 127.0.0.4\n")
        self.serve("libwrap = yes")
        self.assertEqual(send().recv(100), b"HELLO")
        self.etc("hosts.deny", "greeter: [fe80::]/16\n")
        send()
        self.log.wait_for(r"FAIL: greet libwrap from=fe80::7")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_a_command_in_its_place_is_no_yes(self):
        self.etc("hosts.deny", "greeter: 127.0.0.4: twist /bin/echo go away\n")
        self.serve("libwrap = yes")
        self.assert_refused("127.0.0.4", reason="libwrap")
        self.assert_served("127.0.0.2")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_a_file_that_cannot_be_read_lets_nobody_in(self):
        if harness.is_counting():
            self.skipTest("a coverage build keeps its rights")
        self.etc("hosts.deny", "greeter: 127.0.0.4\n")
        self.serve("libwrap = yes")
        self.assert_served("127.0.0.2")
        pathlib.Path("/etc/hosts.deny").chmod(0)
        self.assert_refused("127.0.0.3", reason="libwrap")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_without_rules_nobody_is_asked_about(self):
        self.etc("hosts.deny", "# nothing\n")
        self.serve("libwrap = yes")
        self.assert_served("127.0.0.4")

    def test_no_answer_refuses_and_counts_for_those_behind(self):
        silent = self.silence()
        self.serve("only_from = { friend.example }")
        clients = [self.send("127.0.0.100") for _ in range(4)]
        silent.recv(512)
        clients.append(self.send("127.0.0.2"))
        # Were each of them asked about in turn it would take four times as long.
        self.log.wait_for(r"FAIL: greet address from=127.0.0.100$", count=4,
                          deadline=25 + harness.DEADLINE)
        self.assertEqual(clients[-1].recv(100), b"HELLO")

    def test_a_reload_and_a_stop_find_senders_held(self):
        silent = self.silence()
        self.serve("only_from = { friend.example }")
        self.send("127.0.0.100")
        silent.recv(512)
        self.log.reload(self.config("only_from = { 127.0.0.2 }"))
        self.log.wait_for(r"FAIL: greet address from=127.0.0.100$",
                          deadline=15 + harness.DEADLINE)
        self.assert_served("127.0.0.2")
        self.log.reload(self.config("only_from = { friend.example }"))
        self.send("127.0.0.101")
        silent.recv(512)
        self.log.stop()

    def test_a_reload_without_the_service_finds_a_sender_held(self):
        gate = self.gate()
        self.serve("only_from = { late.example }")
        self.send("127.0.0.100")
        self.assertTrue(gate.asked.wait(harness.DEADLINE))
        helpers = self.log.children()
        other = harness.free_port()
        self.log.reload("service other { port = %d internal = echo }\n" % other)
        gate.open.set()
        harness.eventually(lambda: set(helpers).isdisjoint(self.log.children()),
                           "the end of the inquiry")
        self.log.reload(self.config("only_from = { 127.0.0.2 }"))
        self.assert_served("127.0.0.2")
        self.assertEqual(self.log.matches(r"START: greet .*127.0.0.100"), [])

    def test_inquiries_are_not_made_as_root(self):
        silent = self.silence()
        self.serve("only_from = { friend.example }")
        self.send("127.0.0.100")
        silent.recv(512)
        helpers = self.log.children()
        self.assertEqual(len(helpers), 1)
        status = pathlib.Path("/proc/%d/status" % helpers[0]).read_text()
        if not harness.is_counting():
            self.assertNotRegex(status, r"Uid:.*\b0\b")
        self.assertRegex(status, r"CapEff:\s+0+\n")


class Peers(Datagrams, Senders):
    wait = "no"

    def test_others_do_not_wait(self):
        gate = self.gate()
        self.serve("only_from = { late.example, friend.example }")
        late = self.send("127.0.0.100")
        self.assertTrue(gate.asked.wait(harness.DEADLINE))
        self.assert_served("127.0.0.2")
        gate.open.set()
        self.assertEqual(late.recv(100), b"HELLO")

    def test_what_comes_meanwhile_is_kept(self):
        gate = self.gate()
        self.serve("only_from = { late.example }", ANSWERS)
        late = self.send("127.0.0.100", b"one")
        self.assertTrue(gate.asked.wait(harness.DEADLINE))
        for data in b"two", b"three":
            late.sendto(data, ("127.0.0.1", self.port))
        gate.open.set()
        self.assertEqual([late.recv(100) for _ in range(3)], [b"ONE", b"TWO", b"THREE"])
        self.assertEqual(len(self.log.matches(r"START: greet")), 1)

    def test_what_is_kept_is_bounded(self):
        gate = self.gate()
        self.serve("only_from = { late.example }", ANSWERS)
        late = self.send("127.0.0.100", b"one")
        self.assertTrue(gate.asked.wait(harness.DEADLINE))

        def flood():
            for _ in range(8):
                late.sendto(bytes(60000), ("127.0.0.1", self.port))
            return self.log.matches(r"a datagram was lost: too many wait")
        harness.eventually(flood, "too many")
        gate.open.set()
        self.assertEqual(late.recv(65536), b"ONE")


class Waiting(Datagrams, Senders):
    def test_those_behind_wait_and_are_served(self):
        gate = self.gate()
        self.serve("only_from = { late.example, friend.example }", ANSWERS)
        late = self.send("127.0.0.100", b"one")
        self.assertTrue(gate.asked.wait(harness.DEADLINE))
        other = self.send("127.0.0.2", b"two")
        gate.open.set()
        self.assertEqual(late.recv(100), b"ONE")
        self.assertEqual(other.recv(100), b"TWO")

    def test_the_place_is_taken_meanwhile(self):
        gate = self.gate()
        self.port = harness.free_port(socket.SOCK_DGRAM)
        second = harness.free_port(socket.SOCK_DGRAM)
        self.program = self.script(ANSWERS, name="greeter")
        text = self.config("only_from = { late.example, friend.example } instances = 1")
        self.log = self.daemon(text.replace("port = %d" % self.port,
                                            "port = { %d, %d }" % (self.port, second)))
        late = self.send("127.0.0.100")
        self.assertTrue(gate.asked.wait(harness.DEADLINE))
        with datagram_socket("127.0.0.2") as client:
            client.sendto(b"x", ("127.0.0.1", second))
            self.log.wait_for(r"FAIL: greet service_limit from=127.0.0.2$")
        gate.open.set()
        self.assertEqual(late.recv(100), b"HELLO")


@needs_program("in.tftpd", "tftp")
@unittest.skipUnless(has_libwrap(), "built without libwrap")
class Tftp(Senders):
    """As it is found: a service of xinetd, and hosts.deny says ALL: ALL."""

    XINETD = """service tftp
{
	type = UNLISTED
	socket_type = dgram
	protocol = udp
	wait = yes
	user = root
	port = %d
	server = %s
	server_args = --secure %s
	log_type = FILE %s
	log_on_success = HOST
	log_on_failure = HOST
	%s
}
"""

    def setUp(self):
        super().setUp()
        # The client wants one address that is not loopback, getaddrinfo(3) AI_ADDRCONFIG.
        subprocess.run(["ip", "address", "replace", "192.0.2.1/32", "dev", "lo"], check=True)

    def start(self, more=""):
        directory = self.scratch()
        (directory / "file").write_bytes(b"contents" * 1000)
        (directory / "file").chmod(0o644)
        self.service_log = directory / "log"
        self.port = harness.free_port(socket.SOCK_DGRAM)
        path = directory / "xinetd.conf"
        path.write_text(self.XINETD % (self.port, harness.program("in.tftpd"), directory,
                                       self.service_log, more))
        self.log = self.daemon('worker_user = nobody\nxinetd_conf = "%s"\n' % path)
        self.directory = directory

    def fetch(self):
        target = self.scratch() / "fetched"
        result = subprocess.run(
            ["tftp", "-4", "-m", "binary", "127.0.0.1", str(self.port), "-c", "get", "file",
             str(target)], capture_output=True, check=False, stdin=subprocess.DEVNULL,
            timeout=4 * harness.DEADLINE)
        self.assertTrue(target.exists(), result)
        return target.read_bytes()

    def logged(self, pattern):
        return self.service_log.exists() and re.search(pattern, self.service_log.read_text())

    def test_serves_whom_hosts_allow_lets_in(self):
        self.etc("hosts.deny", "ALL: ALL\n")
        self.etc("hosts.allow", "in.tftpd: 127.0.0.1\n")
        self.start()
        self.send("127.0.0.2", b"\0\1file\0octet\0")
        harness.eventually(lambda: self.logged(r"FAIL: tftp libwrap from=127\.0\.0\.2"),
                           "the refusal")
        self.assertFalse(self.logged(r"START"))
        self.assertEqual(self.fetch(), b"contents" * 1000)
        harness.eventually(lambda: self.logged(r"START: tftp from=127\.0\.0\.1"), "the start")

    def test_is_not_asked_with_nolibwrap(self):
        self.etc("hosts.deny", "other: ALL\n")
        self.start("flags = NOLIBWRAP")
        self.assertEqual(self.fetch(), b"contents" * 1000)


@unittest.skipUnless(has_libwrap(), "built without libwrap")
class Refused(Senders):
    """What still cannot be asked about is refused at load."""

    def test_streams_with_wait_and_datagrams_in_process(self):
        self.etc("hosts.deny", "ALL: ALL\n")
        path = self.scratch() / "xinetd.conf"
        entry = "service %s\n{\n\ttype = UNLISTED%s\n\tsocket_type = %s\n\twait = yes\n" \
                "\tuser = root\n\tport = %d\n\tserver = /bin/cat\n}\n"
        path.write_text(
            entry % ("waits", "", "stream", harness.free_port()) +
            entry % ("echo", " INTERNAL", "dgram", harness.free_port(socket.SOCK_DGRAM)))
        log = self.daemon('worker_user = nobody\nxinetd_conf = "%s"\n' % path)
        log.wait_for(r"hosts.allow and hosts.deny have rules, and cannot be asked", count=2)


if __name__ == "__main__":
    test_inquiry.enter()
    harness.main()
