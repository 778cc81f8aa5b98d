# SPDX-License-Identifier: ISC
"""Services by name through one port (RFC 1078): programs, in-process services, git, and
clients that mean no good."""
import contextlib
import os
import random
import signal
import socket
import sys

import harness
from harness import Case, connect, exchange, needs_program, needs_root, read_all, user_line
from realworld import give_to, random_file, succeed

SEED = int(os.environ.get("USHERD_TEST_SEED", "1"))
HALF_OPEN = 1000
HAND_OVERS = 2000
LOG = "log_on_success = { PID, HOST, EXIT } log_on_failure = { HOST } cps = { 0, 1 }"

MUX = """
service tcpmux { bind = %s port = %d internal = tcpmux %s }
"""
TARGET = """
service %s { type = %s %s %s }
"""

# Asks a mux for a service by name, then is a wire; as core.gitproxy wants it.
PROXY = """#!%s
import os, selectors, socket, sys
s = socket.create_connection(("127.0.0.1", %d))
s.sendall(b"git\\r\\n")
got = b""
while not got.endswith(b"\\r\\n"):
    got += s.recv(1)
assert got == b"+Go\\r\\n", got
wires = selectors.DefaultSelector()
wires.register(0, selectors.EVENT_READ)
wires.register(s, selectors.EVENT_READ)
while True:
    for key, _ in wires.select():
        if key.fileobj == 0:
            data = os.read(0, 65536)
            if data:
                s.sendall(data)
            else:
                wires.unregister(0)
                s.shutdown(socket.SHUT_WR)
        else:
            data = s.recv(65536)
            if not data:
                sys.exit(0)
            while data:
                data = data[os.write(1, data):]
"""


def target(name, kind="TCPMUXPLUS", what="server = /bin/cat", more=LOG):
    if "server" in what:
        what += " " + user_line()
    return TARGET % (name, kind, what, more)


def ask(port, name, rest=b"", **where):
    """What comes back for a name and what follows it."""
    return exchange(port, name.encode() + b"\r\n" + rest, **where)


class Tcpmux(Case):
    def serve(self, *targets, bind="127.0.0.1", more=LOG):
        self.port = harness.free_port()
        self.mux = MUX % (bind, self.port, more)
        self.log = self.daemon(self.mux + "".join(targets))

    def half_open(self, count):
        clients = contextlib.ExitStack()
        self.addCleanup(clients.close)
        return [clients.enter_context(connect(self.port)) for _ in range(count)]

    def mux_worker(self):
        mark = self.log.mark()
        ask(self.port, "help")
        return int(self.log.wait_for(r"START: tcpmux pid=(\d+)", since=mark).group(1))

    def test_a_program_gets_the_connection_and_all_that_follows(self):
        self.serve(target("cat"))
        data = os.urandom(200000)
        self.assertEqual(ask(self.port, "cat", data), b"+Go\r\n" + data)
        self.assertEqual(ask(self.port, "CaT", b"x"), b"+Go\r\nx")
        self.log.wait_for(r"START: tcpmux pid=\d+ from=127\.0\.0\.1$", count=2)
        start = self.log.wait_for(r"START: cat pid=(\d+) from=127\.0\.0\.1$")
        self.log.wait_for(r"EXIT: cat status=0 pid=%s$" % start.group(1))

    def test_a_line_feed_alone_ends_the_name(self):
        self.serve(target("cat"))
        self.assertEqual(exchange(self.port, b"cat\nline\n"), b"+Go\r\nline\n")

    def test_with_tcpmux_the_program_speaks_first(self):
        program = self.script("#!/bin/sh\nprintf '+mine\\r\\n'\nexec cat\n")
        self.serve(target("own", "TCPMUX", "server = %s" % program))
        self.assertEqual(ask(self.port, "own", b"x"), b"+mine\r\nx")

    def test_the_program_knows_its_client_and_runs_as_its_user(self):
        program = self.script("#!/bin/sh\necho $REMOTE_HOST $REMOTE_PORT $PROTO "
                              "$TCPLOCALPORT $(id -u)\n")
        self.serve(target("who", what="server = %s" % program), bind='"*"')
        for host, address in ("127.0.0.1", "127.0.0.1"), ("::1", "::1"):
            with connect(self.port, host) as client:
                client.sendall(b"who\r\n")
                port = client.getsockname()[1]
                user = harness.NOBODY if harness.is_root() else os.geteuid()
                self.assertEqual(read_all(client).decode(), "+Go\r\n%s %d TCP %d %d\n"
                                 % (address, port, self.port, user))

    def test_in_process_services_are_reached_too(self):
        relayed = harness.free_port()
        self.serve(target("echo", what="internal = echo"),
                   target("discard", "TCPMUX", "internal = discard"),
                   target("relay", what="redirect = { 127.0.0.1, %d }" % relayed),
                   "service relayed { bind = 127.0.0.1 port = %d internal = echo }\n"
                   % relayed)
        data = os.urandom(100000)
        self.assertEqual(ask(self.port, "echo", data), b"+Go\r\n" + data)
        self.assertEqual(ask(self.port, "relay", data), b"+Go\r\n" + data)
        self.assertEqual(ask(self.port, "discard", data), b"")
        worker = self.log.wait_for(r"START: echo pid=(\d+) from=127\.0\.0\.1$").group(1)
        self.assertNotIn(int(worker), (self.log.pid, self.mux_worker()))
        self.log.wait_for(r"EXIT: echo status=0 pid=%s$" % worker)

    def test_help_lists_what_can_be_reached(self):
        self.serve(target("zebra"), target("Ape", "TCPMUX"),
                   target('"two words"', what="internal = echo"),
                   target("named", what="server = /bin/cat name = by-another"),
                   "service hidden { bind = 127.0.0.1 port = %d internal = echo }\n"
                   % harness.free_port())
        self.assertEqual(ask(self.port, "help"),
                         b"Ape\r\nby-another\r\ntwo words\r\nzebra\r\n")
        self.assertEqual(ask(self.port, "HELP"), ask(self.port, "help"))
        for name in "hidden", "named", "tcpmux", "zebr", "":
            self.assertEqual(ask(self.port, name), b"-no such service\r\n")
        self.assertEqual(ask(self.port, "two words", b"x"), b"+Go\r\nx")

    def test_a_port_of_its_own_is_one_more_way(self):
        port = harness.free_port()
        self.serve(target("both", more="bind = 127.0.0.1 port = %d %s" % (port, LOG)))
        self.assertEqual(exchange(port, b"direct"), b"direct")
        self.assertEqual(ask(self.port, "both", b"named"), b"+Go\r\nnamed")

    def test_lists_and_limits_of_the_target_hold(self):
        for what in "server = /bin/cat", "internal = echo":
            self.serve(target("few", what=what, more="instances = 2 " + LOG),
                       target("mine", what=what, more="per_source = 1 " + LOG),
                       target("closed", what=what, more="only_from = 127.0.0.9 " + LOG),
                       target("other", what=what, more="no_access = 127.0.0.8 " + LOG))
            with contextlib.ExitStack() as held:
                for name, count in ("few", 2), ("mine", 1):
                    for _ in range(count):
                        client = held.enter_context(connect(self.port))
                        client.sendall(name.encode() + b"\r\n")
                        self.assertEqual(client.recv(5, socket.MSG_WAITALL), b"+Go\r\n")
                self.assertEqual(ask(self.port, "few", b"x"), b"-not available\r\n")
                self.assertEqual(ask(self.port, "mine"), b"-not available\r\n")
                self.assertEqual(ask(self.port, "mine", source="127.0.0.2"), b"+Go\r\n")
            self.log.wait_for(r"FAIL: few service_limit from=127\.0\.0\.1$")
            self.log.wait_for(r"FAIL: mine per_source_limit from=127\.0\.0\.1$")
            self.assertEqual(ask(self.port, "closed"), b"-not available\r\n")
            self.log.wait_for(r"FAIL: closed address from=127\.0\.0\.1$")
            self.assertEqual(ask(self.port, "closed", source="127.0.0.9"), b"+Go\r\n")
            self.assertEqual(ask(self.port, "other", source="127.0.0.8"),
                             b"-not available\r\n")
            # The places are free again.
            self.log.wait_for(r"EXIT: few status=0", count=2)
            self.assertEqual(ask(self.port, "few", b"x"), b"+Go\r\nx")

    def test_a_target_that_rests_heals(self):
        self.serve(target("rests", more=LOG.replace("{ 0, 1 }", "{ 2, 1 }")))
        while ask(self.port, "rests") == b"+Go\r\n":
            pass
        self.log.wait_for(r"FAIL: rests connections per second from=")
        self.log.wait_for(r"service 'rests' accepts connections again")
        self.assertEqual(ask(self.port, "rests", b"x"), b"+Go\r\nx")

    def test_a_program_that_cannot_start_is_reported(self):
        program = self.script("#!/nowhere/at/all\n")
        self.serve(target("broken", what="server = %s" % program))
        self.assertEqual(ask(self.port, "broken"), b"+Go\r\n")
        self.log.wait_for(r"FAIL: broken fork from=127\.0\.0\.1$")

    @needs_program("git")
    def test_git_clones_through_the_mux(self):
        work, base = self.scratch() / "work", self.scratch()
        env = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ann",
               "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "Ann",
               "GIT_COMMITTER_EMAIL": "a@example.org"}
        succeed("git", "init", "-q", work, env=env)
        random_file(work / "file", 300000)
        succeed("git", "-C", work, "add", ".", env=env)
        succeed("git", "-C", work, "commit", "-q", "-m", "one", env=env)
        succeed("git", "clone", "-q", "--bare", work, base / "project.git", env=env)
        if harness.is_root():
            give_to("nobody", base)
        self.serve(target("git", what='server = %s server_args = { daemon, "--inetd", '
                          '"--export-all", "--base-path=%s" } env = { "HOME=%s", '
                          '"GIT_CONFIG_NOSYSTEM=1" } stderr = log'
                          % (harness.program("git"), base, base)))
        proxy = self.script(PROXY % (sys.executable, self.port), "proxy.py")
        clone = self.scratch() / "clone"
        succeed("git", "-c", "core.gitproxy=%s" % proxy, "clone", "-q",
                "git://mux/project.git", clone, env=env)
        self.assertEqual((clone / "file").read_bytes(), (work / "file").read_bytes())

    def test_a_reload_changes_the_list_and_loses_nobody(self):
        self.serve(target("old"), target("kept"))
        waiting, leaving, served = self.half_open(3)
        served.sendall(b"kept\r\n")
        self.assertEqual(served.recv(5, socket.MSG_WAITALL), b"+Go\r\n")
        before = self.mux_worker()
        self.log.reload(self.mux + target("kept") + target("new"))
        harness.eventually(lambda: self.mux_worker() != before, "another worker")
        self.assertEqual(ask(self.port, "help"), b"kept\r\nnew\r\n")
        self.assertEqual(ask(self.port, "new", b"x"), b"+Go\r\nx")
        self.assertEqual(ask(self.port, "old"), b"-no such service\r\n")
        # Who was asking before is answered by the old worker, from the old list; what
        # is no more is no more.
        waiting.sendall(b"kept\r\ny")
        waiting.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(waiting), b"+Go\r\ny")
        leaving.sendall(b"old\r\n")
        self.assertEqual(read_all(leaving), b"-not available\r\n")
        served.sendall(b"z")
        served.shutdown(socket.SHUT_WR)
        self.assertEqual(read_all(served), b"z")
        harness.eventually(lambda: before not in self.log.children(), "the old one ends")

    def test_a_reload_of_something_else_keeps_the_worker(self):
        other = "service other { bind = 127.0.0.1 port = %d server = /bin/cat %s }\n"
        self.serve(target("cat"), other % (harness.free_port(), user_line()))
        before = self.mux_worker()
        self.log.reload(self.mux + target("cat", more="nice = 1 " + LOG))
        self.assertEqual(self.mux_worker(), before)
        self.assertEqual(ask(self.port, "cat", b"x"), b"+Go\r\nx")

    def test_a_service_that_loses_its_type_is_not_reached_any_more(self):
        port = harness.free_port()
        own_port = "bind = 127.0.0.1 port = %d %s" % (port, LOG)
        self.serve(target("shy", more=own_port))
        client, = self.half_open(1)
        self.mux_worker()
        self.log.reload(self.mux + target("shy", more=own_port).replace(
            "type = TCPMUXPLUS", ""))
        client.sendall(b"shy\r\n")
        self.assertEqual(read_all(client), b"-not available\r\n")
        self.assertEqual(exchange(port, b"x"), b"x")

    def test_hostile_first_lines(self):
        self.serve(target("cat"))
        chance = random.Random(SEED)
        worker = self.mux_worker()
        lines = [b"\0\r\n", b"cat\0\r\n", b"\xff\xfb\x01cat\r\n", b"%s%n%x\r\n",
                 b"../cat\r\n", b" cat\r\n", b"cat \r\n", b"\r\n", b"\r\r\r\n",
                 b"a" * 100000 + b"\n", b"\0" * 3000 + b"\n", b"GET / HTTP/1.1\r\n\r\n"]
        lines += [bytes(chance.randrange(256) for _ in range(chance.randrange(300)))
                  .replace(b"\n", b"") + b"\n" for _ in range(200)]
        for line in lines:
            with self.subTest(line=line[:50]), connect(self.port) as client:
                try:
                    client.sendall(line)
                    self.assertEqual(read_all(client), b"-no such service\r\n")
                except ConnectionError:
                    self.assertGreater(len(line), 50000)
        # Without an end there is no answer, only an end.
        for line in b"", b"c", b"cat", b"x" * 5000:
            self.assertEqual(exchange(self.port, line), b"")
        self.assertEqual(self.mux_worker(), worker)
        self.assertEqual(self.log.matches(r"START: cat"), [])

    def test_a_name_a_byte_at_a_time(self):
        self.serve(target("cat"))
        with connect(self.port) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"cat\r\nrest":
                client.sendall(bytes([byte]))
                ask(self.port, "help")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(read_all(client), b"+Go\r\nrest")

    def test_a_thousand_half_open_clients_end_and_hold_nobody_up(self):
        self.serve(target("cat"))
        worker = self.mux_worker()
        before = len(self.log.descriptors(worker))
        memory = self.log.resident_kb(worker)
        clients = self.half_open(HALF_OPEN)
        for number, client in enumerate(clients):
            client.sendall(b"ca"[:number % 3])
        for _ in range(10):
            self.assertEqual(ask(self.port, "cat", b"x"), b"+Go\r\nx")
        self.log.assert_memory_grew_less_kb(memory, HALF_OPEN, worker)
        # Ten seconds each, and then: the end.
        for client in clients:
            self.assertEqual(read_all(client), b"")
        self.log.wait_for(r"EXIT: tcpmux", count=HALF_OPEN)
        self.assertEqual(len(self.log.descriptors(worker)), before)

    def test_no_descriptor_is_left_after_two_thousand_hand_overs(self):
        self.serve(target("cat"), target("echo", what="internal = echo"),
                   target("closed", more="only_from = {} " + LOG))
        ask(self.port, "cat")
        ask(self.port, "echo")
        worker = self.mux_worker()
        other = int(self.log.wait_for(r"START: echo pid=(\d+)").group(1))
        pids = self.log.pid, worker, other

        def counts():
            return [len(self.log.descriptors(pid)) for pid in pids]
        before = counts()
        for number in range(HAND_OVERS):
            name = ("cat", "echo", "closed", "echo")[number % 4]
            got = ask(self.port, name, b"x")
            self.assertEqual(got, b"-not available\r\n" if name == "closed"
                             else b"+Go\r\nx")
        harness.eventually(lambda: counts() == before, "descriptors as before")

    def test_a_killed_worker_comes_back(self):
        if harness.is_counting():
            self.skipTest("a killed process writes no counters")
        self.serve(target("cat"), target("echo", what="internal = echo"))
        ask(self.port, "echo")
        echo = int(self.log.wait_for(r"START: echo pid=(\d+)").group(1))
        for victim in self.mux_worker(), echo:
            mark = self.log.mark()
            os.kill(victim, signal.SIGKILL)
            self.log.wait_for(r"worker %d was ended by signal 9" % victim, since=mark)
            self.assertEqual(ask(self.port, "cat", b"x"), b"+Go\r\nx")
            harness.eventually(lambda: ask(self.port, "echo", b"x") == b"+Go\r\nx",
                               "echo serves again")

    @needs_root
    def test_the_worker_has_no_rights(self):
        if harness.is_counting():
            self.skipTest("a build for coverage does not confine its workers")
        self.serve(target("cat"))
        with open("/proc/%d/status" % self.mux_worker()) as handle:
            status = handle.read()
        self.assertRegex(status, r"Uid:\s+65534\s+65534\s+65534\s+65534")
        self.assertRegex(status, r"CapEff:\s+0+\n")
        self.assertRegex(status, r"Seccomp:\s+2")

    def test_the_example_works(self):
        text = (harness.SOURCE / "services.d" / "tcpmux.conf").read_text()
        self.port = harness.free_port()
        text = text.replace("port = 7000", "port = %d" % self.port)
        env = dict(os.environ)
        if not harness.is_root():
            env["DEMO_USER"] = str(os.geteuid())
        self.daemon(text, env=env)
        self.assertEqual(ask(self.port, "help"), b"upper\r\n")
        self.assertEqual(ask(self.port, "upper", b"speak up\n"), b"+Go\r\nSPEAK UP\n")


if __name__ == "__main__":
    harness.main()
