# SPDX-License-Identifier: ISC
"""Who a client is: names in access lists, hosts.allow and hosts.deny, ident servers. In a
mount and network namespace of our own, with an /etc and port 113 to do with as we like."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import harness
from harness import Case, connect, exchange, read_all_quietly

INSIDE = "USHERD_TEST_INSIDE"

HOSTS = """127.0.0.1 localhost
::1 localhost
127.0.0.2 friend.example alias.example
127.0.0.3 host.friends.example
127.0.0.4 stranger.example
127.0.0.6 liar.friends.example
127.0.0.7 www.friends.example
127.0.0.77 forward.example
"""

CONFIG = """
worker_user = nobody
service greet {
    port = %d
    bind = "*"
    server = /bin/sh
    server_args = { -c, "echo served" }
    user = root
    cps = { 0, 1 }
    log_on_success = { PID, HOST }
    log_on_failure = { HOST }
    %s
}
"""


def inside():
    return INSIDE in os.environ


def has_program(name):
    return os.access(os.path.join(os.path.dirname(harness.USHERD), name), os.X_OK)


def has_libwrap():
    return has_program("usherd-libwrap")


@unittest.skipUnless(inside(), "needs root, unshare and namespaces")
class Inquiry(Case):
    def setUp(self):
        super().setUp()
        self.etc("hosts", HOSTS)
        self.etc("networks", "lab 127.0.8.0\nshort 127.0.9\n")
        self.etc("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nnetworks: files\n"
                                  "services: files\nprotocols: files\n")
        self.etc("hosts.allow", "")
        self.etc("hosts.deny", "")

    def etc(self, name, text):
        path = pathlib.Path("/etc", name)
        path.write_text(text)
        path.chmod(0o644)

    def serve(self, attributes, **arguments):
        self.port = harness.free_port()
        self.log = self.daemon(CONFIG % (self.port, attributes), **arguments)
        return self.log

    def ask(self, source, host="127.0.0.1"):
        return exchange(self.port, host=host, source=source)

    def assert_served(self, *sources):
        for source in sources:
            with self.subTest(source=source):
                self.assertEqual(self.ask(source), b"served\n")

    def assert_refused(self, *sources, reason="address"):
        for source in sources:
            with self.subTest(source=source):
                mark = self.log.mark()
                self.assertEqual(self.ask(source), b"")
                self.log.wait_for(r"FAIL: greet %s from=%s$" % (reason, re.escape(source)),
                                  since=mark)


class Names(Inquiry):
    def silence(self):
        """A name server that takes questions and does not answer."""
        self.etc("nsswitch.conf", "hosts: files dns\nnetworks: files\npasswd: files\n"
                                  "group: files\nservices: files\nprotocols: files\n")
        self.etc("resolv.conf", "nameserver 127.0.0.53\noptions timeout:30 attempts:5\n")
        self.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.silent.close)
        self.silent.bind(("127.0.0.53", 53))

    def test_hosts_and_domains_of_only_from(self):
        self.serve('only_from = { Friend.Example, .friends.example, 127.0.0.9 }')
        self.assert_served("127.0.0.2", "127.0.0.3", "127.0.0.7", "127.0.0.9")
        self.assert_refused("127.0.0.4", "127.0.0.8")

    def test_a_name_that_does_not_lead_back_is_none(self):
        # The files of hosts lead both ways; a name server need not.
        self.etc("nsswitch.conf", "hosts: dns\nnetworks: files\npasswd: files\ngroup: files\n"
                                  "services: files\nprotocols: files\n")
        self.etc("resolv.conf", "nameserver 127.0.0.53\noptions timeout:1 attempts:1\n")
        server = NameServer({"2.0.0.127.in-addr.arpa": "friend.example",
                             "6.0.0.127.in-addr.arpa": "liar.friends.example",
                             "5.0.0.127.in-addr.arpa": "127.0.0.5",
                             "friend.example": "127.0.0.2",
                             "liar.friends.example": "127.0.0.66"})
        self.addCleanup(server.close)
        self.serve("only_from = { friend.example, .friends.example }")
        self.assert_served("127.0.0.2")
        self.assert_refused("127.0.0.6", "127.0.0.5", "127.0.0.8")

    def test_names_of_no_access(self):
        self.serve("no_access = { stranger.example, forward.example }")
        self.assert_served("127.0.0.2", "127.0.0.8")
        self.assert_refused("127.0.0.4", "127.0.0.77")

    def test_a_domain_in_no_access_keeps_out_who_has_no_name(self):
        self.serve("no_access = { .friends.example }")
        self.assert_served("127.0.0.2", "127.0.0.4")
        self.assert_refused("127.0.0.3", "127.0.0.8")

    def test_networks_by_name(self):
        self.serve('only_from = { lab, short, "127.0.{20,21}", 127.1.0.0/255.255.0.0 }')
        self.assert_served("127.0.8.1", "127.0.9.255", "127.0.20.1", "127.0.21.9",
                           "127.1.2.3")
        self.assert_refused("127.0.10.1", "127.0.22.1", "127.2.0.1")

    def test_nobody_waits_for_a_silent_name_server(self):
        self.silence()
        silent = self.silent
        self.serve("only_from = { friend.example } instances = 9 per_source = 2")
        mark = self.log.mark()
        with connect(self.port, source="127.0.0.100") as first, \
                connect(self.port, source="127.0.0.100") as second:
            silent.recv(512)
            self.assert_served("127.0.0.2")
            # They have their places.
            self.assertEqual(self.ask("127.0.0.100"), b"")
            self.log.wait_for(r"FAIL: greet per_source_limit from=127.0.0.100", since=mark)
            self.assertEqual(read_all_quietly(first), b"")
            self.assertEqual(read_all_quietly(second), b"")
        self.log.wait_for(r"FAIL: greet address from=127.0.0.100$", since=mark, count=2)

    def test_who_goes_away_is_let_go(self):
        self.silence()
        self.serve("only_from = { friend.example } instances = 1")
        client = connect(self.port, source="127.0.0.100")
        self.silent.recv(512)
        # A reset: nobody is there any more.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        harness.eventually(lambda: self.ask("127.0.0.2") == b"served\n",
                           "the place to become free", deadline=8)

    def test_a_reload_and_a_stop_find_clients_held(self):
        self.silence()
        self.serve("only_from = { friend.example }")
        mark = self.log.mark()
        with connect(self.port, source="127.0.0.100") as client:
            self.silent.recv(512)
            self.log.reload(CONFIG % (self.port, "only_from = { 127.0.0.2 }"))
            self.assert_served("127.0.0.2")
            self.assertEqual(read_all_quietly(client), b"")
        self.log.wait_for(r"FAIL: greet address from=127.0.0.100$", since=mark)
        self.log.reload(CONFIG % (self.port, "only_from = { friend.example }"))
        with connect(self.port, source="127.0.0.101"):
            self.silent.recv(512)
            self.log.stop()

    def test_a_reload_takes_away_what_a_held_client_came_for(self):
        self.etc("nsswitch.conf", "hosts: dns\nnetworks: files\npasswd: files\ngroup: files\n"
                                  "services: files\nprotocols: files\n")
        self.etc("resolv.conf", "nameserver 127.0.0.53\noptions timeout:9 attempts:1\n")
        friends = "only_from = { friend.example } "
        self.serve(friends)
        for source, text in (
                ("127.0.0.101", "worker_user = nobody\n"),
                ("127.0.0.102", re.sub(r"server.*\n", "", CONFIG) %
                 (self.port, friends + "flags = SENSOR")),
                ("127.0.0.103", CONFIG % (self.port, "wait = yes"))):
            with self.subTest(text=text):
                self.log.reload(CONFIG % (self.port, friends))
                reverse = ".".join(reversed(source.split("."))) + ".in-addr.arpa"
                server = SlowNameServer({reverse: "friend.example",
                                         "friend.example": source})
                try:
                    with connect(self.port, source=source) as client:
                        self.assertTrue(server.asked.wait(harness.DEADLINE))
                        self.log.reload(text)
                        server.may_answer.set()
                        self.assertEqual(read_all_quietly(client), b"")
                finally:
                    server.may_answer.set()
                    server.close()

    def test_inquiries_are_not_made_as_root(self):
        self.silence()
        self.serve("only_from = { friend.example }")
        with connect(self.port, source="127.0.0.100"):
            self.silent.recv(512)
            helpers = self.log.children()
            self.assertEqual(len(helpers), 1)
            status = pathlib.Path("/proc/%d/status" % helpers[0]).read_text()
        if not harness.is_counting():
            self.assertNotRegex(status, r"Uid:.*\b0\b")
        self.assertRegex(status, r"CapEff:\s+0+\n")

    def test_a_client_of_tcpmux(self):
        self.port = harness.free_port()
        mux = harness.free_port()
        self.log = self.daemon(
            "service tcpmux { port = %d internal = tcpmux cps = { 0, 1 } }\n" % mux +
            (CONFIG % (self.port, "type = TCPMUXPLUS only_from = { .friends.example }")))
        self.assertEqual(exchange(mux, b"greet\r\n", source="127.0.0.3"),
                         b"+Go\r\nserved\n")
        self.assertRegex(exchange(mux, b"greet\r\n", source="127.0.0.4"), rb"^-")


INTERNAL = """
worker_user = nobody
%s
service greet {
    port = %d
    bind = "*"
    %s
    cps = { 0, 1 }
    log_on_success = { PID, HOST }
    log_on_failure = { HOST }
    %s
}
"""


class InProcess(Inquiry):
    """Clients of workers, about whom the supervisor asks."""

    def serve_inside(self, kind, attributes, settings=""):
        self.port = harness.free_port()
        self.log = self.daemon(INTERNAL % (settings, self.port, kind, attributes))

    def ask(self, source, host="127.0.0.1"):
        # One that is refused with a word unread is reset.
        with connect(self.port, host=host, source=source) as client:
            try:
                client.sendall(b"hello\n")
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return read_all_quietly(client)

    def assert_echoed(self, *sources):
        for source in sources:
            with self.subTest(source=source):
                mark = self.log.mark()
                # The worker may be on its way.
                harness.eventually(lambda: self.ask(source) == b"hello\n", "an echo")
                self.log.wait_for(r"START: greet pid=\d+ from=%s$" % re.escape(source),
                                  since=mark)

    def test_names(self):
        for settings in ("", "workers = 2\n"):
            self.serve_inside("internal = echo", "only_from = { .friends.example, 127.0.0.9 }",
                              settings)
            self.assert_echoed("127.0.0.3", "127.0.0.9")
            self.assert_refused("127.0.0.4", "127.0.0.8")

    def test_a_redirected_service(self):
        target = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(target.close)
        self.serve_inside("redirect = { 127.0.0.1:%d }" % target.getsockname()[1],
                          "only_from = { .friends.example }")
        self.assert_refused("127.0.0.4")
        with connect(self.port, source="127.0.0.3") as client:
            accepted, _ = target.accept()
            with accepted:
                accepted.sendall(b"through")
            self.assertEqual(read_all_quietly(client), b"through")

    @unittest.skipUnless(has_program("usherd-http"), "built without http")
    def test_a_worker_of_another_program(self):
        root = self.scratch()
        pathlib.Path(root, "index.html").write_text("page")
        os.chmod(root, 0o755)
        self.serve_inside("internal = http document_root = %s" % root,
                          "only_from = { .friends.example }")
        self.assert_refused("127.0.0.4")

        def get():
            with connect(self.port, source="127.0.0.3") as client:
                try:
                    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                except OSError:
                    pass
                return read_all_quietly(client)
        harness.eventually(lambda: get().endswith(b"page"), "a page")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_libwrap(self):
        self.etc("hosts.deny", "greet: 127.0.0.4\n")
        self.serve_inside("internal = echo", "libwrap = yes")
        self.assert_echoed("127.0.0.2")
        self.assert_refused("127.0.0.4", reason="libwrap")

    def test_reloads_between_lists_of_names_and_numbers(self):
        self.serve_inside("internal = echo", "only_from = { .friends.example }")
        self.assert_echoed("127.0.0.3")
        for attributes, served, refused in (
                ("only_from = { 127.0.0.4 }", "127.0.0.4", "127.0.0.3"),
                ("only_from = { .friends.example }", "127.0.0.3", "127.0.0.4"),
                ("", "127.0.0.4", None)):
            self.log.reload(INTERNAL % ("", self.port, "internal = echo", attributes))
            self.assert_echoed(served)
            if refused:
                self.assert_refused(refused)

    def test_cps_and_instances(self):
        self.serve_inside("internal = echo", "only_from = { .friends.example } instances = 1")
        self.assert_echoed("127.0.0.3")
        with connect(self.port, source="127.0.0.3") as client:
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
            mark = self.log.mark()
            self.assertEqual(self.ask("127.0.0.3"), b"")
            self.log.wait_for(r"FAIL: greet service_limit", since=mark)


class NameServer:
    """Answers for PTR and A records of a table, over UDP."""

    def __init__(self, records):
        self.records = records
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.53", 53))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    @staticmethod
    def encode(name):
        return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"

    def answer(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        question = query[12:at + 5]
        kind = int.from_bytes(query[at + 1:at + 3], "big")
        value = self.records.get(".".join(labels).lower())
        data = None
        if value is not None and kind == 12:
            data = self.encode(value)
        elif value is not None and kind == 1 and value[0].isdigit():
            data = socket.inet_aton(value)
        code = b"\x81\x80" if value is not None else b"\x81\x83"
        reply = query[:2] + code + b"\0\1" + (b"\0\1" if data else b"\0\0") + b"\0\0\0\0" + question
        if data:
            reply += b"\xc0\x0c" + query[at + 1:at + 5] + b"\0\0\0\x0a" + \
                len(data).to_bytes(2, "big") + data
        return reply

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            if not query:
                return
            self.socket.sendto(self.answer(query), peer)


class SlowNameServer(NameServer):
    """Takes its time, until it is told to answer."""

    def __init__(self, records):
        self.asked, self.may_answer = threading.Event(), threading.Event()
        super().__init__(records)

    def answer(self, query):
        self.asked.set()
        self.may_answer.wait(harness.DEADLINE)
        return super().answer(query)


@unittest.skipUnless(has_libwrap(), "built without libwrap")
class Libwrap(Inquiry):
    def test_asks_both_files(self):
        self.etc("hosts.deny", "sh: ALL\n")
        self.etc("hosts.allow", "sh: 127.0.0.2 .friends.example\n")
        self.serve("libwrap = yes")
        self.assert_served("127.0.0.2", "127.0.0.3")
        self.assert_refused("127.0.0.4", reason="libwrap")
        # They may change at any time.
        self.etc("hosts.allow", "ALL: ALL\n")
        self.assert_served("127.0.0.4")

    def test_asks_by_a_name_of_its_own(self):
        self.etc("hosts.deny", "greeter: 127.0.0.4\nsh: ALL\n")
        self.serve("libwrap = greeter")
        self.assert_served("127.0.0.2")
        self.assert_refused("127.0.0.4", reason="libwrap")

    def test_does_not_ask_unless_told(self):
        self.etc("hosts.deny", "ALL: ALL\n")
        self.serve("")
        self.assert_served("127.0.0.4")

    def test_a_file_that_cannot_be_read_lets_nobody_in(self):
        self.serve("libwrap = yes")
        self.assert_served("127.0.0.2")
        self.etc("hosts.deny", "sh: 127.0.0.4\n")
        os.chmod("/etc/hosts.deny", 0)
        if harness.is_counting():
            self.skipTest("a coverage build keeps its rights")
        self.assert_refused("127.0.0.2", reason="libwrap")

    def test_a_command_in_its_place_is_no_yes(self):
        self.etc("hosts.deny", "sh: 127.0.0.4: twist /bin/echo go away\n")
        self.serve("libwrap = yes")
        mark = self.log.mark()
        self.assertIn(self.ask("127.0.0.4"), (b"go away\n", b""))
        self.log.wait_for(r"FAIL: greet libwrap from=127.0.0.4", since=mark)
        self.assertEqual(self.log.matches(r"START: greet", since=mark), [])
        self.assert_served("127.0.0.2")


class Identd:
    """Answers each query with what @reply makes of the two ports."""

    def __init__(self, host, reply):
        self.listener = socket.create_server((host, 113))
        self.reply = reply
        self.queries = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        # Wakes accept(2), which close(2) alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                query = client.makefile("rb").readline()
                self.queries.append(query)
                answer = self.reply(query.strip())
                if answer is None:
                    client.recv(1)
                    continue
                client.sendall(answer)


class Userid(Inquiry):
    def identd(self, host, reply):
        server = Identd(host, reply)
        self.addCleanup(server.close)
        return server

    def test_is_asked_and_logged(self):
        server = self.identd("127.0.0.2", lambda ports: ports + b" : USERID : UNIX : joe\r\n")
        self.serve("log_on_success += { USERID }")
        with connect(self.port, source="127.0.0.2") as client:
            port = client.getsockname()[1]
            self.assertEqual(read_all_quietly(client), b"served\n")
        self.log.wait_for(r"USERID: greet UNIX : joe$")
        self.assertEqual(server.queries, [b"%d,%d\r\n" % (port, self.port)])

    def test_is_no_way_into_the_log(self):
        self.identd("127.0.0.2", lambda ports: ports + b":USERID:UNIX:x\nSTART: evil\x1b[2J\r\n")
        self.identd("127.0.0.3", lambda ports: ports + b":USERID:UNIX:x\x1b[2J\\y\r\n")
        self.serve("log_on_success += { USERID }")
        self.assert_served("127.0.0.2", "127.0.0.3")
        self.log.wait_for(r"USERID: greet UNIX:x\\x1b\[2J\\\\y$")
        self.assertEqual(self.log.matches(r"evil"), [])

    def test_without_a_server_all_are_served(self):
        self.identd("127.0.0.3", lambda ports: ports + b":ERROR:NO-USER\r\n")
        self.serve("log_on_success += { USERID }")
        self.assert_served("127.0.0.2", "127.0.0.3")

    def test_idonly(self):
        self.identd("127.0.0.2", lambda ports: ports + b":USERID:UNIX:joe\r\n")
        self.identd("127.0.0.3", lambda ports: ports + b":ERROR:NO-USER\r\n")
        self.identd("127.0.0.5", lambda ports: b"nonsense")
        self.serve("log_on_success += { USERID } flags = { IDONLY }")
        self.assert_served("127.0.0.2")
        for source, reason in (("127.0.0.3", "bad response"), ("127.0.0.4", "no server"),
                               ("127.0.0.5", "error while receiving response")):
            self.assertEqual(self.ask(source), b"")
            self.log.wait_for(r"NOID: greet %s %s$" % (re.escape(source), reason))

    def test_a_slow_server_delays_its_own_client_alone(self):
        server = self.identd("127.0.0.2", lambda ports: None)
        self.serve("log_on_success += { USERID }")
        with connect(self.port, source="127.0.0.2"):
            harness.eventually(lambda: server.queries, "a query")
            self.assert_served("127.0.0.3", "127.0.0.4")

    def test_of_who_was_refused(self):
        self.identd("127.0.0.2", lambda ports: ports + b":USERID:UNIX:joe\r\n")
        self.serve("log_on_failure += { USERID } no_access = { 127.0.0.2 }")
        self.assert_refused("127.0.0.2")
        self.log.wait_for(r"USERID: greet UNIX:joe$")


def enter():
    """Run this file again, with namespaces of its own and a copy of /etc."""
    if inside() or not harness.is_root() or shutil.which("unshare") is None:
        return
    if subprocess.run(["unshare", "-m", "-n", "true"], check=False).returncode != 0:
        return
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        copy = os.path.join(directory, "etc")
        subprocess.run(["cp", "-a", "/etc", copy], check=True)
        script = "mount --bind %s /etc && ip link set lo up && exec \"$@\"" % copy
        result = subprocess.run(
            ["unshare", "-m", "-n", "--propagation", "private", "sh", "-c", script, "sh",
             sys.executable, "-B", *sys.argv], check=False, env={**os.environ, INSIDE: "1"})
    sys.exit(result.returncode)


if __name__ == "__main__":
    enter()
    harness.main()
