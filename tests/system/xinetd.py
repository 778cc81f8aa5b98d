# SPDX-License-Identifier: ISC
"""The real xinetd, where it is installed, for tests that ask both."""
import ctypes
import os
import re
import subprocess
import unittest

import harness

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000

ENTRY = """
service %(name)s
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = %(port)d
	bind = 127.0.0.1
	flags = IPv4
	wait = no
	user = nobody
	server = /bin/cat
	cps = 0 1
	log_on_failure = HOST
	%(more)s
}
"""


def why_not():
    if not harness.is_root():
        return "needs root"
    missing = [name for name in ("xinetd", "ip", "mount") if harness.program(name) is None]
    return "not installed: " + ", ".join(missing) if missing else None


def take_namespaces():
    """From now on this process has a network and a /run of its own, and knows localhost, by
    both its addresses, and 127.0.0.3, which is three. Skips where it cannot."""
    reason = why_not()
    if reason:
        raise unittest.SkipTest(reason)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise unittest.SkipTest("no namespaces: " + os.strerror(ctypes.get_errno()))
    directory = harness.open_directory()
    nsswitch, hosts = directory / "nsswitch.conf", directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.0.3 three\n")
    nsswitch.write_text("passwd: files\ngroup: files\nhosts: files\nnetworks: files\n")
    for command in (["mount", "--make-rprivate", "/"],
                    ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
                    ["mount", "--bind", str(nsswitch), "/etc/nsswitch.conf"],
                    ["mount", "--bind", str(hosts), "/etc/hosts"],
                    ["ip", "link", "set", "lo", "up"]):
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            raise unittest.SkipTest("cannot: " + " ".join(command))


def configuration(entries, defaults=""):
    """/bin/cat for TCP clients, as @entries (name, port, more) and @defaults say."""
    return "defaults\n{\n%s\n}\n%s" % (
        defaults, "".join(ENTRY % entry for entry in entries))


def usherd(case, text):
    """usherd with the same file, but that the lines about clients go to its main log."""
    path = case.scratch() / "xinetd.conf"
    path.write_text(text.replace("{", "{\nlog_type = main", 1))
    return case.daemon("", options=["-x", str(path)])


class Xinetd:
    """It runs until the test ends, at the latest."""

    def __init__(self, case, text):
        directory = case.scratch()
        self.log = directory / "log"
        self.service_log = directory / "services.log"
        path = directory / "xinetd.conf"
        path.write_text(text.replace("{", "{\nlog_type = FILE %s" % self.service_log, 1))
        self.process = subprocess.Popen(
            [harness.program("xinetd"), "-dontfork", "-filelog", str(self.log), "-f",
             str(path), "-pidfile", str(directory / "pid")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        case.addCleanup(self.stop)
        self.wait_for(r"\d+ available services?")

    def wait_for(self, pattern):
        harness.eventually(
            lambda: any(re.search(pattern, each.read_text())
                        for each in (self.log, self.service_log) if each.exists()),
            "xinetd says " + pattern)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(harness.DEADLINE)
