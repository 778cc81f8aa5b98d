# SPDX-License-Identifier: ISC
"""flags = INTERCEPT: the lists of a wait = yes service hold while its program has the
socket, whatever that does."""
import ctypes
import os
import select
import socket
import struct
import subprocess
import unittest

import harness
from harness import Case, datagram_socket, needs_program, needs_root, user_line

FRIEND = "127.0.0.1"
STRANGER = "127.0.0.2"

# Tells each client who it is, and from whom it has heard so far.
HEAR = """#!/usr/bin/env python3
import os, socket, sys
s = socket.socket(fileno=0)
s.settimeout(float(sys.argv[1]))
heard = []
try:
    while True:
        data, peer = s.recvfrom(65536)
        heard.append(peer[0].replace("::ffff:", ""))
        s.sendto(b"%d %d %s" % (os.getpid(), os.getuid(), " ".join(heard).encode()), peer)
        if data == b"open":
            s.setsockopt(socket.SOL_SOCKET, 27, 0)
        if data in (b"open", b"end"):
            break
except TimeoutError:
    pass
"""

ACCEPT = """#!/usr/bin/env python3
import os, socket, sys
s = socket.socket(fileno=0)
s.settimeout(float(sys.argv[1]))
heard = []
try:
    while True:
        c, peer = s.accept()
        heard.append(peer[0])
        c.sendall(b"%d %d %s" % (os.getpid(), os.getuid(), " ".join(heard).encode()))
        c.close()
except TimeoutError:
    pass
"""


def service(port, program, lists, protocol="udp", bind=FRIEND, flags="INTERCEPT",
            seconds=60):
    return """
        service heard {
            protocol = %s
            wait = yes
            flags = { %s }
            bind = "%s"
            port = %d
            server = %s
            server_args = { "%s" }
            cps = { 0, 1 }
            log_on_success = { PID, HOST, EXIT }
            log_on_failure = { HOST }
            %s
            %s
        }""" % (protocol, flags, bind, port, program, seconds, lists, user_line())


def may_filter_streams():
    """Some kernels, as Linux 6.18.44, want CAP_NET_ADMIN for filters of TCP."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0xffffffff))
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
        except PermissionError:
            return False
    return True


needs_stream_filters = unittest.skipUnless(
    may_filter_streams(), "no filter for TCP without CAP_NET_ADMIN")


class Answer:
    """What a program of this file says."""

    def __init__(self, text):
        pid, uid, *self.heard = text.decode().split()
        self.pid, self.uid = int(pid), int(uid)


class Intercept(Case):
    def client(self, address):
        client = datagram_socket(address)
        self.addCleanup(client.close)
        return client

    def ask(self, client, port, data=b"x"):
        host = "::1" if client.family == socket.AF_INET6 else FRIEND
        client.sendto(data, (host, port))
        return Answer(client.recv(65536))

    def has_nothing(self, client):
        return not select.select([client], [], [], 0)[0]

    def test_a_stranger_is_not_heard_while_the_program_has_the_socket(self):
        for lists in ("only_from = %s" % FRIEND, "no_access = %s" % STRANGER,
                      "only_from = 127.0.0.0/8 no_access = { %s, ::/0 }" % STRANGER):
            port = harness.free_port(socket.SOCK_DGRAM)
            self.daemon(service(port, self.script(HEAR), lists))
            friend, stranger = self.client(FRIEND), self.client(STRANGER)
            stranger.sendto(b"before", (FRIEND, port))
            first = self.ask(friend, port)
            stranger.sendto(b"while", (FRIEND, port))
            second = self.ask(friend, port)
            self.assertEqual(second.heard, [FRIEND, FRIEND])
            self.assertEqual(first.pid, second.pid)
            self.assertTrue(self.has_nothing(stranger))
            if harness.is_root():
                self.assertEqual(first.uid, harness.NOBODY)

    def test_a_reload_changes_the_lists_of_a_running_program(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        script = self.script(HEAR)
        daemon = self.daemon(service(port, script, "only_from = " + FRIEND))
        friend, stranger = self.client(FRIEND), self.client(STRANGER)
        pid = self.ask(friend, port).pid
        daemon.reload(service(port, script, "only_from = " + STRANGER))
        friend.sendto(b"x", (FRIEND, port))
        answer = self.ask(stranger, port)
        self.assertEqual(answer.heard, [FRIEND, STRANGER])
        self.assertEqual(answer.pid, pid)
        self.assertTrue(self.has_nothing(friend))
        # Without the flag the program itself has to see whom it serves, as ever.
        daemon.reload(service(port, script, "only_from = " + STRANGER, flags="REUSE"))
        answer = self.ask(friend, port)
        self.assertEqual(answer.heard, [FRIEND, STRANGER, FRIEND])
        self.assertEqual(answer.pid, pid)
        daemon.reload(service(port, script, "only_from = " + FRIEND))
        stranger.sendto(b"x", (FRIEND, port))
        self.assertEqual(self.ask(friend, port).heard,
                         [FRIEND, STRANGER, FRIEND, FRIEND])

    def test_the_next_program_has_the_filter_that_one_took_off(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon(service(port, self.script(HEAR), "only_from = " + FRIEND))
        friend, stranger = self.client(FRIEND), self.client(STRANGER)
        self.ask(friend, port, b"open")
        daemon.wait_for(r"EXIT: heard status=0")
        first = self.ask(friend, port)
        stranger.sendto(b"x", (FRIEND, port))
        second = self.ask(friend, port)
        self.assertEqual(second.heard, [FRIEND, FRIEND])
        self.assertEqual(first.pid, second.pid)

    def test_both_families_of_one_socket(self):
        port = harness.free_port(socket.SOCK_DGRAM, "::")
        script = self.script(HEAR)
        daemon = self.daemon(service(port, script, "no_access = { %s, ::1 }" % STRANGER,
                                     bind="::"))
        friend, stranger, sixth = (self.client(a) for a in (FRIEND, STRANGER, "::1"))
        stranger.sendto(b"x", (FRIEND, port))
        sixth.sendto(b"x", ("::1", port))
        self.assertEqual(self.ask(friend, port).heard, [FRIEND])
        daemon.reload(service(port, script, "only_from = { %s, ::1 }" % STRANGER,
                              bind="::"))
        friend.sendto(b"x", (FRIEND, port))
        self.assertEqual(self.ask(sixth, port).heard, [FRIEND, "::1"])
        self.assertEqual(self.ask(stranger, port).heard, [FRIEND, "::1", STRANGER])

    @needs_stream_filters
    def test_connections_of_strangers_are_not_accepted(self):
        port = harness.free_port()
        script = self.script(ACCEPT)
        daemon = self.daemon(service(port, script, "only_from = " + FRIEND, "tcp"))
        stranger = self.knock(port)
        for count in range(1, 3):
            with harness.connect(port) as client:
                answer = Answer(harness.read_all(client))
            self.assertEqual(answer.heard, [FRIEND] * count)
            if harness.is_root():
                self.assertEqual(answer.uid, harness.NOBODY)
        daemon.wait_for(r"START: heard pid=\d+ from=<no address>")
        self.assertFalse(select.select([], [stranger], [], 0)[1])
        # The stranger is still asking, and is heard when he may be.
        daemon.reload(service(port, script, "only_from = " + STRANGER, "tcp"))
        self.assertTrue(select.select([], [stranger], [], harness.DEADLINE)[1])
        stranger.setblocking(True)
        last = Answer(harness.read_all(stranger))
        self.assertEqual(last.heard, [FRIEND, FRIEND, STRANGER])
        self.assertEqual(last.pid, answer.pid)

    def knock(self, port):
        stranger = socket.socket()
        self.addCleanup(stranger.close)
        stranger.bind((STRANGER, 0))
        stranger.setblocking(False)
        self.assertNotEqual(stranger.connect_ex((FRIEND, port)), 0)
        return stranger

    def test_what_came_to_an_inherited_socket_is_dropped(self):
        kinds = {"udp": socket.SOCK_DGRAM}
        if may_filter_streams():
            kinds["tcp"] = socket.SOCK_STREAM
        for protocol, kind in kinds.items():
            port = harness.free_port(kind)
            with socket.socket(socket.AF_INET, kind) as inherited:
                inherited.bind((FRIEND, port))
                if protocol == "tcp":
                    inherited.listen()
                    early = harness.connect(port, source=STRANGER)
                else:
                    early = self.client(STRANGER)
                    early.sendto(b"x", (FRIEND, port))
                program = self.script(HEAR if protocol == "udp" else ACCEPT)
                daemon = self.inherit(inherited, service(
                    port, program, "only_from = " + FRIEND, protocol))
            daemon.wait_for(r"1 of 1 sockets bound")
            if protocol == "udp":
                answer = self.ask(self.client(FRIEND), port)
            else:
                self.assertEqual(harness.read_all_quietly(early), b"")
                early.close()
                with harness.connect(port) as client:
                    answer = Answer(harness.read_all(client))
            self.assertEqual(answer.heard, [FRIEND])

    def test_the_filter_of_an_earlier_run_is_taken_off(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        script = self.script(HEAR)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inherited:
            inherited.bind((FRIEND, port))
            earlier = self.inherit(inherited, service(port, script, "only_from = " + FRIEND))
            self.ask(self.client(FRIEND), port, b"end")
            earlier.wait_for(r"EXIT: heard status=0")
            earlier.stop()
            self.inherit(inherited, service(port, script, "", flags="REUSE"))
            self.assertEqual(self.ask(self.client(STRANGER), port, b"end").heard, [STRANGER])

    def inherit(self, inherited, config):
        wrapper = self.scratch() / "usherd"
        wrapper.write_text('#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=1 exec "%s" "$@"\n'
                           % os.path.abspath(harness.USHERD))
        wrapper.chmod(0o755)
        real, harness.USHERD = harness.USHERD, str(wrapper)
        try:
            return self.daemon(config, pass_fds=(3,),
                               preexec=lambda: os.dup2(inherited.fileno(), 3))
        finally:
            harness.USHERD = real

    def test_a_reload_screens_a_socket_that_was_not(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        script = self.script(HEAR)
        daemon = self.daemon(service(port, script, "only_from = " + FRIEND,
                                     flags="REUSE"))
        friend, stranger = self.client(FRIEND), self.client(STRANGER)
        self.ask(friend, port, b"end")
        daemon.wait_for(r"EXIT: heard status=0")
        daemon.reload(service(port, script, "only_from = " + FRIEND))
        stranger.sendto(b"x", (FRIEND, port))
        self.ask(friend, port)
        stranger.sendto(b"x", (FRIEND, port))
        self.assertEqual(self.ask(friend, port).heard, [FRIEND, FRIEND])

    def check(self, text, suffix="-f"):
        path = self.scratch() / "configuration"
        path.write_text(text)
        result = subprocess.run([harness.startable(), suffix, str(path), "-t"],
                                stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, timeout=harness.DEADLINE, check=False)
        return result.returncode, result.stdout + result.stderr

    def test_lists_that_do_not_fit_are_an_error(self):
        many = ", ".join("10.0.%d.%d" % (i // 100, i % 100 * 2) for i in range(2500))
        status, text = self.check(service(4000, "/bin/cat", "no_access = { %s }" % many))
        self.assertEqual(status, 78)
        self.assertIn("flags: INTERCEPT: the lists need more than the 4096 instructions",
                      text)
        self.assertEqual(self.check(service(
            4000, "/bin/cat", "no_access = { %s }" % many, flags="REUSE"))[0], 0)

    @unittest.skipIf(may_filter_streams(), "TCP may have filters here")
    def test_a_socket_that_may_have_no_filter_is_not_opened(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, self.script(ACCEPT), "only_from = " + FRIEND,
                                     "tcp"))
        daemon.wait_for(r"service 'heard': cannot screen 'tcp 127\.0\.0\.1:%d': "
                        "Operation not permitted" % port)
        self.assertRaises(ConnectionRefusedError, harness.connect, port)

    @needs_program("in.tftpd")
    @needs_root
    def test_tftpd_answers_whom_the_lists_let_in(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        files = self.scratch()
        (files / "name").write_bytes(b"content")
        path = self.scratch() / "xinetd.conf"
        path.write_text("""service tftp
{
	type = UNLISTED
	socket_type = dgram
	protocol = udp
	bind = %s
	port = %d
	wait = yes
	user = root
	server = %s
	server_args = --secure %s
	flags = INTERCEPT IPv4
	only_from = %s
}
""" % (FRIEND, port, harness.program("in.tftpd"), files, FRIEND))
        self.daemon("", options=["-x", str(path)])
        friend, stranger = self.client(FRIEND), self.client(STRANGER)
        request = struct.pack("!H", 1) + b"name\0octet\0"
        for _ in range(2):
            stranger.sendto(request, (FRIEND, port))
            friend.sendto(request, (FRIEND, port))
            self.assertEqual(friend.recv(100), b"\0\3\0\1content")
        self.assertTrue(self.has_nothing(stranger))


if __name__ == "__main__":
    harness.main()
