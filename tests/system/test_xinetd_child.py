# SPDX-License-Identifier: ISC
"""What a program finds when it is started for a client: of usherd called as xinetd, and of
the real one."""
import grp
import json
import os
import pwd
import resource
import signal
import subprocess
import unittest

import harness
from harness import Case, connect, eventually, free_port, program, read_all

XINETD = program("xinetd")
PROGRAM = r"""#!/usr/bin/env python3
import json, os, resource, socket, sys
client = socket.socket(fileno=0)
status = dict(line.split(":\t", 1) for line in open("/proc/self/status"))
os.write(1, json.dumps({
    "family": client.family.name, "peer": client.getpeername()[0],
    "local": client.getsockname()[0], "blocking": os.get_blocking(0),
    "descriptors": [fd for fd in range(100) if os.path.exists("/proc/self/fd/%d" % fd) and
                    os.readlink("/proc/self/fd/%d" % fd).startswith("socket")],
    "same": len({os.fstat(fd).st_ino for fd in range(3)}) == 1,
    "directory": os.getcwd(), "leader": os.getsid(0) == os.getpid(),
    "group": os.getpgrp() == os.getpid(), "umask": os.umask(0), "nice": os.nice(0),
    "ids": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
    "groups": os.getgroups(), "blocked": status["SigBlk"].strip(),
    "limits": {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))
               for name in ("NOFILE", "AS", "CPU", "DATA", "RSS", "STACK")},
    "argv": sys.argv, "environment": {name: value for name, value in os.environ.items()
                                      if name not in ("PATH", "LC_CTYPE")}}).encode())
"""
ENTRY = """service s
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = %d
	wait = no
	user = nobody
	server = %s
	flags = NOLIBWRAP
	%s
}
"""
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/root", "TZ": "UTC"}
# What usherd says of the client beside REMOTE_HOST.
OURS = {"PROTO", "REMOTE_ADDR", "REMOTE_PORT", "TCPLOCALIP", "TCPLOCALPORT", "TCPREMOTEIP",
        "TCPREMOTEPORT"}


@harness.needs_root
class Child(Case):
    """Each test says what both do; those of what differs name it."""

    real = False

    def start(self, more="", host="127.0.0.1", flags="NOLIBWRAP"):
        port = free_port(host=host)
        directory = self.scratch()
        path, log = directory / "xinetd.conf", directory / "log"
        path.write_text((ENTRY % (port, self.script(PROGRAM), more)).replace(
            "NOLIBWRAP", flags))
        link = directory / "xinetd"
        link.symlink_to(XINETD if self.real else os.path.abspath(harness.startable()))

        def prepare():
            os.umask(0o077)
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
        process = subprocess.Popen(
            [link, "-dontfork", "-filelog", log, "-f", path, "-pidfile", directory / "pid"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=ENVIRONMENT, preexec_fn=prepare)
        self.addCleanup(process.wait, harness.DEADLINE)
        self.addCleanup(process.send_signal, signal.SIGQUIT)
        eventually(lambda: log.exists() and "Started working: 1 " in log.read_text(),
                   "it is there")
        with connect(port, host) as client:
            return json.loads(read_all(client))

    def test_its_descriptors(self):
        found = self.start()
        self.assertEqual((found["descriptors"], found["same"], found["blocking"]),
                         ([0, 1, 2], True, True))

    def test_an_ipv4_client_of_a_socket_for_both_families(self):
        found = self.start()
        self.assertEqual((found["family"], found["peer"], found["local"]),
                         ("AF_INET", "127.0.0.1", "127.0.0.1"))
        self.assertEqual(found["environment"]["REMOTE_HOST"],
                         "::ffff:127.0.0.1" if self.real else "127.0.0.1")

    def test_an_ipv6_client(self):
        found = self.start(host="::1")
        self.assertEqual((found["family"], found["peer"]), ("AF_INET6", "::1"))
        self.assertEqual(found["environment"]["REMOTE_HOST"], "::1")

    def test_an_ipv4_socket(self):
        found = self.start(flags="IPv4")
        self.assertEqual((found["family"], found["environment"]["REMOTE_HOST"]),
                         ("AF_INET", "127.0.0.1"))

    def test_its_surroundings(self):
        found = self.start()
        self.assertEqual((found["directory"], found["leader"], found["group"],
                          found["blocked"]), ("/", True, True, "0" * 16))
        self.assertEqual((found["umask"], found["nice"], found["groups"]), (0o077, 0, []))
        self.assertEqual(found["ids"], [harness.NOBODY] * 4)
        # xinetd raises what it was started with.
        self.assertEqual(found["limits"]["NOFILE"], [200 if self.real else 100, 200])

    def test_its_environment(self):
        found = self.start()["environment"]
        self.assertEqual({name: found.get(name) for name in ENVIRONMENT if name != "PATH"},
                         {"HOME": "/root", "TZ": "UTC"})
        self.assertEqual(set(found) - {"HOME", "TZ", "REMOTE_HOST"},
                         set() if self.real else OURS)

    def test_passenv_and_env(self):
        found = self.start("passenv = PATH TZ\n\tenv = A=1 TZ=CET\n\tenv += B=\n")
        self.assertEqual({name: value for name, value in found["environment"].items()
                          if name not in OURS | {"REMOTE_HOST"}},
                         {"A": "1", "B": "", "TZ": "CET"})

    def test_its_arguments(self):
        self.assertEqual(self.start("server_args = -a b\\ \"c d\"")["argv"][1:],
                         ["-a", "b\\", '"c', 'd"'])

    def test_limits(self):
        found = self.start("rlimit_as = 2000M\n\trlimit_cpu = 20\n\trlimit_data = 1000m\n\t"
                           "rlimit_rss = 300K\n\trlimit_stack = UNLIMITED\n\t"
                           "rlimit_files = 77")["limits"]
        self.assertEqual(found, {
            "NOFILE": [77, 77], "AS": [2000 << 20] * 2, "CPU": [20, 20],
            "DATA": [1000 << 20] * 2, "RSS": [300 << 10] * 2, "STACK": [-1, -1]})

    def test_umask_nice_group_groups(self):
        found = self.start("umask = 027\n\tnice = 5\n\tgroup = daemon\n\tgroups = yes")
        self.assertEqual((found["umask"], found["nice"]), (0o027, 5))
        self.assertEqual(found["ids"], [harness.NOBODY] * 2 +
                         [grp.getgrnam("daemon").gr_gid] * 2)
        self.assertEqual(found["groups"], [pwd.getpwnam("nobody").pw_gid])

    def test_less_than_nothing_of_nice(self):
        """xinetd has given up root's rights by then."""
        self.assertEqual(self.start("nice = -5")["nice"], 0 if self.real else -5)


@unittest.skipIf(XINETD is None, "xinetd is not installed")
class RealChild(Child):
    """The same of xinetd itself."""

    real = True


if __name__ == "__main__":
    harness.main()
