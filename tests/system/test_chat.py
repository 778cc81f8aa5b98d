# SPDX-License-Identifier: ISC
"""A room full of people: with nc, with telnet, with sockets that mean well or not."""
import contextlib
import os
import random
import re
import select
import socket
import struct
import subprocess
import unicodedata

import harness
from harness import Case, connect, exchange, needs_program, read_all

SEED = int(os.environ.get("USHERD_TEST_SEED", "1"))
CROWD = 1500
GREETING = b"--- your name? (or an empty line)\r\n"

CONFIG = """
service chat {
    bind = { 127.0.0.1, "::1" }
    port = %d
    internal = chat
    cps = { 0, 1 }
    log_on_success = { PID, HOST, EXIT }
    log_on_failure = { HOST }
    %s
}
"""


class Member:
    """Somebody in the room, who reads lines."""

    def __init__(self, port, name="", host="127.0.0.1", join=True):
        self.socket = connect(port, host)
        self.socket.settimeout(harness.DEADLINE)
        self.rest = b""
        if join:
            self.until(GREETING)
            self.say(name)
            self.name = re.match(rb"--- you are (\S+);",
                                 self.until(b"--- you are ")).group(1).decode()

    def say(self, text, end=b"\r\n"):
        data = text if isinstance(text, bytes) else text.encode()
        self.socket.sendall(data + end)

    def line(self):
        while b"\n" not in self.rest:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError(self.rest)
            self.rest += part
        line, _, self.rest = self.rest.partition(b"\n")
        return line + b"\n"

    def until(self, begin):
        """The next line that begins so, or in one of several ways; those before it are
        forgotten."""
        begins = begin if isinstance(begin, tuple) else (begin,)
        begins = tuple(b if isinstance(b, bytes) else b.encode() for b in begins)
        while True:
            line = self.line()
            if line.startswith(begins):
                return line

    def end(self):
        return read_all(self.socket)

    def close(self):
        self.socket.close()

    __enter__ = lambda self: self
    __exit__ = lambda self, *_: self.close()


class Chat(Case):
    def serve(self, more=""):
        self.port = harness.free_port()
        self.config = CONFIG % (self.port, more)
        self.log = self.daemon(self.config)

    def enter(self, name="", **more):
        member = Member(self.port, name, **more)
        self.addCleanup(member.close)
        return member

    def worker(self):
        """Who serves those who come now."""
        mark = self.log.mark()
        exchange(self.port)
        return self.log.wait_for(r"START: chat pid=(\d+)", since=mark).group(1)

    def test_three_people_talk(self):
        self.serve()
        ann, bob = self.enter("ann"), self.enter("bob", host="::1")
        self.assertEqual(ann.line(), b"*** bob has joined\r\n")
        cyd = self.enter()
        self.assertEqual(cyd.name, "guest1")
        ann.say("hello, Gr\u00fc\u00dfe \u20ac \U0001f600")
        for other in bob, cyd:
            self.assertEqual(other.until("<").decode(),
                             "<ann> hello, Gr\u00fc\u00dfe \u20ac \U0001f600\r\n")
        bob.say("/me waves")
        self.assertEqual(cyd.line(), b"* bob waves\r\n")
        cyd.say("/nick ANN")
        self.assertEqual(cyd.line(), b"--- ANN is somebody else's name\r\n")
        cyd.say("/nick cyd")
        self.assertEqual(cyd.line(), b"--- you are now cyd\r\n")
        self.assertEqual(bob.until("*** guest1"), b"*** guest1 is now cyd\r\n")
        cyd.say("/who")
        self.assertEqual(cyd.line(), b"--- 3 here: ann bob cyd\r\n")
        bob.say("/quit")
        self.assertEqual(bob.until("--- good"), b"--- goodbye\r\n")
        self.assertEqual(bob.end(), b"")
        bob.close()
        self.assertEqual(cyd.until("*** bob"), b"*** bob has left\r\n")
        self.log.wait_for(r"EXIT: chat status=0")

    def test_two_services_are_two_rooms(self):
        self.port, other = harness.free_port(), harness.free_port()
        self.log = self.daemon(CONFIG % (self.port, "") + CONFIG.replace(
            "service chat", "service other") % (other, ""))
        ann = self.enter("ann")
        with Member(other, "ann") as twin:
            twin.say("/who")
            self.assertEqual(twin.line(), b"--- 1 here: ann\r\n")
            twin.say("unheard here")
        self.enter("bob")
        self.assertEqual(ann.line(), b"*** bob has joined\r\n")

    @needs_program("nc")
    def test_nc(self):
        self.serve()
        ann = self.enter("ann")
        result = subprocess.run(["nc", "-N", "127.0.0.1", str(self.port)],
                                input=b"visitor\n/who\nhello from nc\n", check=True,
                                stdout=subprocess.PIPE, timeout=harness.DEADLINE)
        self.assertEqual(result.stdout.splitlines()[-1], b"--- 2 here: ann visitor")
        self.assertEqual(ann.until("<"), b"<visitor> hello from nc\r\n")
        self.assertEqual(ann.line(), b"*** visitor has left\r\n")

    @needs_program("telnet")
    def test_telnet(self):
        self.serve()
        ann = self.enter("ann")
        telnet = subprocess.Popen(["telnet", "127.0.0.1", str(self.port)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(telnet.wait)
        self.addCleanup(telnet.stdout.close)
        telnet.stdin.write(b"tina\nhello from telnet\n")
        telnet.stdin.flush()
        self.assertEqual(ann.until("<"), b"<tina> hello from telnet\r\n")
        ann.say("hello tina")
        while b"<ann> hello tina" not in telnet.stdout.readline():
            pass
        telnet.stdin.write(b"/quit\n")
        telnet.stdin.close()
        telnet.stdout.read()
        self.assertEqual(ann.until("***"), b"*** tina has left\r\n")

    def test_telnet_options_are_refused_and_commands_taken_out(self):
        self.serve()
        ann, bob = self.enter("ann"), self.enter("bob")
        # DO ECHO, WILL LINEMODE, an interrupt with a timing mark, a terminal type.
        bob.socket.sendall(b"he\xff\xfd\x01l\xff\xfb\x22l\xff\xf4\xff\xfd\x06o"
                           b"\xff\xfa\x18\0vt100\r\n\xff\xf0\r\0")
        self.assertEqual(ann.until("<"), b"<bob> hello\r\n")
        self.assertEqual(bob.socket.recv(9, socket.MSG_WAITALL),
                         b"\xff\xfc\x01\xff\xfe\x22\xff\xfc\x06")

    def test_nothing_that_is_said_can_touch_a_terminal(self):
        self.serve()
        ann, bob = self.enter("ann"), self.enter("bob")
        chance = random.Random(SEED)
        said = [b"\x1b[2J\x1b]0;title\x07", b"\xc2\x9b31m", "\u202egnihtyreve".encode(),
                b"\x9b31m \xc0\x8a \xed\xa0\x80 \xf4\x90\x80\x80", b"/me \x1b[1m\x08\x7f"]
        said += [bytes(chance.randrange(256) for _ in range(chance.randrange(1, 60)))
                 for _ in range(3)]
        for text in said:
            bob.say(b"." + text.replace(b"\n", b"").replace(b"\r", b"").replace(
                b"\xff", b"") if not text.startswith(b"/") else text)
        for _ in said:
            line = ann.until((b"<bob", b"* bob")).decode()
            self.assertTrue(line.endswith("\r\n"))
            for character in line[:-2]:
                self.assertNotIn(unicodedata.category(character), ("Cc", "Zl", "Zp"), line)
                self.assertNotIn(character, "\u202a\u202b\u202d\u202e\u2066\u2067\u2069")

    def test_a_name_is_asked_for_three_times(self):
        self.serve()
        self.enter("taken")
        stranger = Member(self.port, join=False)
        self.addCleanup(stranger.close)
        for name in b"two words", b"TAKEN", b"\xc3\xa4":
            stranger.say(name)
        self.assertRegex(stranger.end(), rb"(?s)printing ASCII.*somebody else's name"
                         rb".*printing ASCII.*--- goodbye\r\n$")

    def test_instances_bound_the_room(self):
        self.serve("instances = 2")
        ann, bob = self.enter("ann"), self.enter("bob")
        self.assertEqual(exchange(self.port, b""), b"")
        self.log.wait_for(r"FAIL: chat service_limit from=127\.0\.0\.1$")
        ann.close()
        self.assertEqual(bob.until("*** ann"), b"*** ann has left\r\n")
        self.log.wait_for(r"EXIT: chat")
        self.enter("ann")

    def test_long_lines_are_cut(self):
        self.serve()
        ann, bob = self.enter("ann"), self.enter("bob")
        bob.say("x" * 100000 + "\nshort")
        self.assertEqual(ann.until("<"), b"<bob> " + b"x" * 400 + b"\r\n")
        self.assertEqual(ann.line(), b"<bob> short\r\n")
        self.assertEqual(bob.until("--- your"), b"--- your line was cut to 400 bytes\r\n")

    def test_a_flood_comes_slowly_but_whole(self):
        self.serve()
        ann, bob = self.enter("ann"), self.enter("bob")
        for number in range(14):
            bob.say(str(number))
        for number in range(14):
            self.assertEqual(ann.until("<"), b"<bob> %d\r\n" % number)
        # Others are not slowed down by it.
        ann.say("calm")
        self.assertEqual(bob.until("<"), b"<ann> calm\r\n")

    def test_who_does_not_read_is_dropped_and_the_others_told(self):
        self.serve()
        mute = Member(self.port, join=False)
        self.addCleanup(mute.close)
        mute.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        mute.say("mute")
        ann = self.enter("ann")
        worker = int(self.log.wait_for(r"START: chat pid=(\d+)").group(1))
        speakers = [self.enter() for _ in range(60)]
        memory = self.log.resident_kb(worker)
        heard = b""
        while b"*** mute does not keep up and is dropped\r\n" not in heard:
            for speaker in speakers:
                speaker.say("x" * 400)
            # All but one read what has come.
            sockets = [m.socket for m in speakers + [ann]]
            while ready := select.select(sockets, [], [], 0.05)[0]:
                for sender in ready:
                    part = sender.recv(1 << 20)
                    self.assertTrue(part)
                    if sender is ann.socket:
                        heard += part
        self.assertNotRegex(heard, rb"\*\*\* (guest|ann).*(left|dropped)")
        self.log.assert_memory_grew_less_kb(memory, 1024, worker)
        ann.say("/who")
        self.assertRegex(ann.until("---"), rb"^--- 61 here: ann guest")

    def test_half_closed_clients_are_answered(self):
        self.serve()
        self.assertTrue(exchange(self.port, b"ann\r\n/who\r\n").endswith(
            b"--- 1 here: ann\r\n"))
        self.assertEqual(exchange(self.port, b"no line"),
                         b"--- welcome to chat\r\n" + GREETING)

    def test_idle_members_leave(self):
        self.serve("idle_timeout = 700ms")
        ann = self.enter("ann")
        self.assertEqual(ann.end(), b"")
        self.log.wait_for(r"EXIT: chat status=0")

    def test_resets_in_the_middle_of_everything(self):
        self.serve()
        ann = self.enter("ann")
        chance = random.Random(SEED)
        for number in range(200):
            client = Member(self.port, join=False)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     struct.pack("ii", 1, 0))
            data = b"name%d\r\nhello\r\n/who\r\n/nick x%d\r\n/quit\r\n" % (number, number)
            client.socket.sendall(data[:chance.randrange(len(data) + 1)])
            client.close()
        ann.say("/who")
        self.assertEqual(ann.until("--- 1"), b"--- 1 here: ann\r\n")
        self.log.wait_for(r"EXIT: chat", count=200)

    def test_a_crowd_hears_what_is_said_and_all_may_leave_at_once(self):
        if not harness.is_root() and CROWD > 900:
            self.skipTest("so many descriptors need root")
        self.serve("instances = %d" % (CROWD + 10))
        worker = None
        with contextlib.ExitStack() as stack:
            crowd = []
            for number in range(CROWD):
                crowd.append(stack.enter_context(Member(self.port, "m%d" % number)))
                if worker is None:
                    worker = int(self.log.wait_for(r"START: chat pid=(\d+)").group(1))
                    memory = self.log.resident_kb(worker)
                # Whoever is in the room has to read.
                if number % 100 == 99:
                    for member in crowd[:-1]:
                        member.until("*** m%d has joined" % number)
            self.log.assert_memory_grew_less_kb(memory, CROWD + 1024, worker)
            crowd[0].say("one")
            crowd[1].say("two")
            for member in crowd[2:]:
                self.assertEqual({member.until("<"), member.until("<")},
                                 {b"<m0> one\r\n", b"<m1> two\r\n"})
            ann = stack.enter_context(Member(self.port, "ann"))
            for member in crowd:
                member.close()
            left = 0
            while left < CROWD:
                line = ann.until("***")
                gap = re.match(rb"\*\*\* (\d+) have come or gone without a word", line)
                left += int(gap.group(1)) if gap else b" has left" in line
            self.assertEqual(left, CROWD)
        self.log.wait_for(r"EXIT: chat", count=CROWD + 1)

    def test_after_a_reload_members_stay_among_themselves(self):
        self.serve()
        ann, bob = self.enter("ann"), self.enter("bob")
        before = self.log.wait_for(r"START: chat pid=(\d+)").group(1)
        self.log.reload(CONFIG % (self.port, "instances = 50"))
        harness.eventually(lambda: self.worker() != before, "another worker")
        self.assertRegex(ann.until("*** a new room"), b"has opened")
        newcomer = self.enter("ann")
        newcomer.say("/who")
        self.assertEqual(newcomer.line(), b"--- 1 here: ann\r\n")
        bob.say("still here")
        self.assertEqual(ann.until("<"), b"<bob> still here\r\n")
        ann.close()
        bob.close()
        harness.eventually(lambda: int(before) not in self.log.children(),
                           "the old room is closed")

    def test_stop_ends_the_room(self):
        self.serve()
        ann = self.enter("ann")
        self.assertEqual(self.log.stop(), 0)
        self.assertEqual(ann.end(), b"")


if __name__ == "__main__":
    harness.main()
