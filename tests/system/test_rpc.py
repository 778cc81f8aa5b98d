# SPDX-License-Identifier: ISC
"""Services that are found through rpcbind(8): a real rpcbind, a real server and rpcinfo, in
a network of their own with a /run of their own."""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import unittest

import harness
from harness import Case, eventually

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

RUSERS = 100002
OURS = 0x20000099

# The null procedure of any program and version over a stream, RFC 5531.
STREAM_SERVER = """#!/usr/bin/env python3
import struct, sys
inp, out = sys.stdin.buffer, sys.stdout.buffer
while True:
    mark = inp.read(4)
    if len(mark) < 4:
        break
    call = inp.read(struct.unpack(">I", mark)[0] & 0x7fffffff)
    answer = call[:4] + struct.pack(">5I", 1, 0, 0, 0, 0)
    out.write(struct.pack(">I", 0x80000000 | len(answer)) + answer)
    out.flush()
"""


def why_not():
    if not harness.is_root():
        return "needs root"
    missing = [name for name in ("rpcbind", "rpcinfo", "rpc.rusersd", "ip", "mount")
               if harness.program(name) is None]
    if missing:
        return "not installed: " + ", ".join(missing)
    if not any(each.name == "usherd-rpc" for each in harness.worker_programs()):
        return "usherd-rpc has not been built"
    return None


def setUpModule():
    reason = why_not()
    if reason:
        raise unittest.SkipTest(reason)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise unittest.SkipTest("no namespaces: " + os.strerror(ctypes.get_errno()))
    for command in (["mount", "--make-rprivate", "/"],
                    ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
                    ["ip", "link", "set", "lo", "up"]):
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            raise unittest.SkipTest("cannot: " + " ".join(command))


def registered(number):
    """What rpcinfo -p shows of a program: (version, protocol, port)."""
    shown = subprocess.run([harness.program("rpcinfo"), "-p", "127.0.0.1"], text=True,
                           capture_output=True, check=False).stdout
    return sorted((int(m[1]), m[2], int(m[3])) for m in
                  re.finditer(r"^ +%d +(\d+) +(\w+) +(\d+)" % number, shown, re.M))


def registering():
    """The processes that talk to rpcbind in this namespace."""
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if (entry.isdigit() and
                    pathlib.Path("/proc", entry, "comm").read_text() == "usherd-rpc\n" and
                    os.readlink("/proc/%s/ns/net" % entry) ==
                    os.readlink("/proc/self/ns/net")):
                found.append(int(entry))
    return found


def is_waiting_for_an_answer(pid):
    """It sleeps, with a connection: it has said what it has to say."""
    with contextlib.suppress(OSError):
        connected = any(os.readlink(each).startswith("socket:") for each in
                        pathlib.Path("/proc/%d/fd" % pid).iterdir())
        return connected and ") S " in pathlib.Path("/proc/%d/stat" % pid).read_text()
    return False


def answers(transport, number, version):
    done = subprocess.run([harness.program("rpcinfo"), "-T", transport, "127.0.0.1",
                           str(number), str(version)], text=True, capture_output=True,
                          check=False, timeout=harness.DEADLINE)
    return done.returncode == 0 and "ready and waiting" in done.stdout


def versions(number):
    return [(version, protocol) for version, protocol, _ in registered(number)]


def rusers(more="", versions="2-3"):
    return """
service rusersd {
	type = RPC
	rpc_version = %s
	protocol = udp
	wait = yes
	user = nobody
	server = %s
	%s
}
""" % (versions, harness.program("rpc.rusersd"), more)


class Rpc(Case):
    def rpcbind(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/run/rpcbind.sock")
        process = subprocess.Popen([harness.program("rpcbind"), "-f"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        eventually(lambda: registered(100000), "rpcbind answers")
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(harness.DEADLINE)

    def stream(self, name="ours", number=OURS, version="7", more=""):
        return """
service %s {
	type = { RPC, UNLISTED }
	rpc_number = %d
	rpc_version = %s
	user = nobody
	server = %s
	%s
}
""" % (name, number, version, self.script(STREAM_SERVER), more)

    def test_a_real_server_is_found_and_answers(self):
        self.rpcbind()
        daemon = self.daemon(rusers())
        eventually(lambda: versions(RUSERS) == [(2, "udp"), (3, "udp")], "registered")
        self.assertTrue(answers("udp", RUSERS, 2))
        self.assertTrue(answers("udp", RUSERS, 3))
        daemon.stop()
        self.assertEqual(registered(RUSERS), [])

    def test_streams_of_both_families(self):
        self.rpcbind()
        self.daemon(self.stream())
        eventually(lambda: versions(OURS) == [(7, "tcp")], "registered")
        self.assertTrue(answers("tcp", OURS, 7))
        shown = subprocess.run([harness.program("rpcinfo")], text=True,
                               capture_output=True, check=False).stdout
        self.assertRegex(shown, r"%d +7 +tcp6 +::\.\d+\.\d+ .*superuser" % OURS)

    def test_a_port_that_is_given(self):
        self.rpcbind()
        port = harness.free_port()
        self.daemon(self.stream(more="port = %d bind = 127.0.0.1" % port))
        eventually(lambda: registered(OURS) == [(7, "tcp", port)], "registered")

    def test_a_reload_keeps_ports_and_removes_what_is_gone(self):
        self.rpcbind()
        daemon = self.daemon(rusers() + self.stream())
        before = eventually(lambda: registered(OURS), "registered")
        eventually(lambda: registered(RUSERS), "registered")
        daemon.reload(self.stream(version="7-8", more="nice = 1"))
        eventually(lambda: versions(OURS) == [(7, "tcp"), (8, "tcp")], "two versions")
        self.assertEqual({port for _, _, port in registered(OURS)}, {before[0][2]})
        self.assertTrue(answers("tcp", OURS, 8))
        eventually(lambda: registered(RUSERS) == [], "removed")

    def test_rpcbind_may_come_later_and_be_started_anew(self):
        daemon = self.daemon(self.stream())
        daemon.wait_for(r"cannot register services with rpcbind: .*; trying again")
        process = self.rpcbind()
        before = eventually(lambda: registered(OURS), "registered")
        self.end(process)
        self.rpcbind()
        eventually(lambda: registered(OURS) == before, "registered again")
        # Once for each time that it was not there.
        self.assertLessEqual(len(daemon.matches("cannot register")), 2)

    def test_a_stop_that_leaves_programs_alone_removes_as_well(self):
        self.rpcbind()
        daemon = self.daemon(self.stream())
        eventually(lambda: registered(OURS), "registered")
        daemon.stop(signal.SIGQUIT)
        eventually(lambda: registered(OURS) == [], "removed")

    def test_such_a_stop_removes_what_is_being_registered(self):
        rpcbind = self.rpcbind()
        rpcbind.send_signal(signal.SIGSTOP)
        self.addCleanup(rpcbind.send_signal, signal.SIGCONT)
        daemon = self.daemon(self.stream())
        # It waits for the answer to what it has sent.
        waiting = eventually(lambda: [pid for pid in registering()
                                      if is_waiting_for_an_answer(pid)], "an order")
        daemon.stop(signal.SIGQUIT)
        rpcbind.send_signal(signal.SIGCONT)
        eventually(lambda: registering() == [], "everything has been said")
        self.assertEqual(registered(OURS), [])
        self.assertEqual(len(waiting), 1)

    def test_what_an_earlier_usherd_left_behind_is_replaced(self):
        self.rpcbind()
        first = self.daemon(self.stream(), status=None)
        before = eventually(lambda: registered(OURS), "registered")
        first.stop(signal.SIGKILL)
        self.assertEqual(registered(OURS), before)
        self.daemon(self.stream())
        eventually(lambda: registered(OURS) not in ([], before), "replaced")
        self.assertTrue(answers("tcp", OURS, 7))

    @harness.needs_program("xinetd")
    def test_the_same_as_xinetd(self):
        path = self.scratch() / "xinetd.conf"
        path.write_text("service rusersd\n{\n\ttype = RPC\n\trpc_version = 2-3\n"
                        "\tsocket_type = dgram\n\tprotocol = udp\n\twait = yes\n"
                        "\tflags = NOLIBWRAP\n\tuser = nobody\n\tserver = %s\n}\n"
                        % harness.program("rpc.rusersd"))
        self.rpcbind()
        found = []
        for command in (harness.program("xinetd"), self.usherd_as_xinetd()):
            process = subprocess.Popen(
                [command, "-dontfork", "-filelog", path.with_name("log"), "-f", path,
                 "-pidfile", path.with_name("pid")], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                eventually(lambda: len(versions(RUSERS)) == 2, "registered")
                found.append((versions(RUSERS), answers("udp", RUSERS, 2),
                              answers("udp", RUSERS, 3), answers("udp", RUSERS, 4)))
            finally:
                self.end(process)
            eventually(lambda: registered(RUSERS) == [], "removed")
        self.assertEqual(found, [([(2, "udp"), (3, "udp")], True, True, False)] * 2)

    def usherd_as_xinetd(self):
        link = self.scratch() / "xinetd"
        link.symlink_to(os.path.abspath(harness.startable()))
        return link

    def order(self, text):
        """The exit status of usherd-rpc, and what it said."""
        path = os.path.join(os.path.dirname(harness.startable()), "usherd-rpc")
        done = subprocess.run([path], input=text, text=True, capture_output=True,
                              check=False, timeout=harness.DEADLINE)
        return done.returncode, done.stderr

    def test_orders_to_the_program_that_registers(self):
        self.assertEqual(self.order("+ %d 1 2 tcp 0.0.0.0.4.1\n" % OURS)[0], 69)
        self.rpcbind()
        ours = [(1, "tcp", 1025), (2, "tcp", 1025)]
        self.assertEqual(self.order("+ %d 1 2 tcp 0.0.0.0.4.1\n" % OURS), (0, ""))
        self.assertEqual(registered(OURS), ours)
        self.assertEqual(self.order("= %d 1 2 tcp 0.0.0.0.4.1\n" % OURS), (0, ""))
        self.assertEqual(self.order("= %d 2 2 tcp 0.0.0.0.4.2\n" % OURS),
                         (69, "version 2 of program %d is registered for another tcp "
                          "address\n" % OURS))
        self.assertEqual(registered(OURS), ours)
        self.assertEqual(self.order("+ %d 2 2 tcp 0.0.0.0.4.2\n" % OURS), (0, ""))
        self.assertEqual(registered(OURS), [ours[0], (2, "tcp", 1026)])
        self.assertEqual(self.order("- %d 1 2 tcp 0.0.0.0.4.1\n" % OURS), (0, ""))
        self.assertEqual(registered(OURS), [(2, "tcp", 1026)])
        self.assertEqual(self.order("- %d 2 2 tcp 0.0.0.0.4.2\n" % OURS), (0, ""))
        self.assertEqual(registered(OURS), [])
        self.assertEqual(self.order("- %d 1 2 tcp 0.0.0.0.4.1\n" % OURS), (0, ""))
        self.assertEqual(self.order("nonsense\n"), (69, "not an order\n"))

    @harness.needs_program("xinetd")
    def test_beside_xinetd(self):
        entry = """service rusersd
{
	type = RPC
	rpc_version = 2-3
	socket_type = dgram
	protocol = udp
	wait = yes
	user = nobody
	server = %s
	disable = no
}
""" % harness.program("rpc.rusersd")
        self.rpcbind()
        directory = self.scratch()
        path = directory / "xinetd.conf"
        path.write_text(entry)
        theirs = subprocess.Popen([harness.program("xinetd"), "-dontfork", "-f", path,
                                   "-filelog", directory / "log", "-pidfile",
                                   directory / "pid"])
        self.addCleanup(self.end, theirs)
        expected = [(2, "udp"), (3, "udp")]
        eventually(lambda: versions(RUSERS) == expected, "registered by xinetd")
        self.assertTrue(answers("udp", RUSERS, 3))
        self.end(theirs)
        eventually(lambda: registered(RUSERS) == [], "removed by xinetd")
        daemon = self.daemon('xinetd_conf = "%s"\n' % path)
        eventually(lambda: versions(RUSERS) == expected, "registered by usherd")
        self.assertTrue(answers("udp", RUSERS, 3))
        daemon.stop()
        self.assertEqual(registered(RUSERS), [])


if __name__ == "__main__":
    harness.main()
