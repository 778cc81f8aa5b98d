# SPDX-License-Identifier: ISC
"""What a check says of services of other programs' files that will be served in another
way: a note each, at their place, and nothing of those that will not."""
import re
import subprocess
import unittest

import harness
from harness import Case

XINETD = {"type": "UNLISTED", "socket_type": "stream", "protocol": "tcp", "wait": "no",
          "user": "nobody", "bind": "127.0.0.1", "port": "7001", "server": "/bin/cat"}
IN_PROCESS = {"type": "INTERNAL UNLISTED", "server": None, "user": "root"}
DATAGRAMS = {"socket_type": "dgram", "protocol": "udp"}

# What the entry says besides, and a part of the note; None: there is none.
XINETD_NOTES = (
    ({}, None),
    ({"cps": "50 10"}, None),
    ({"cps": "25 30"}, "cps counts the connections of one second"),
    ({"per_source": "3"}, None),
    ({"per_source": "3", "bind": "::1", "flags": "IPv6"}, "per_source counts IPv6 clients"),
    ({"only_from": "localhost"}, "counts only if it leads back"),
    ({"log_on_success": "TRAFFIC"}, "TRAFFIC is accepted without redirect"),
    ({"log_type": "FILE /tmp/log"}, None),
    ({"log_type": "FILE /tmp/log 10000"}, "as soon as it has been emptied"),
    (dict(DATAGRAMS, wait="yes"), None),
    (dict(DATAGRAMS, wait="yes", log_on_success="USERID"), "USERID has no line"),
    (dict(DATAGRAMS, wait="yes", flags="INTERCEPT", only_from="127.0.0.1"),
     "INTERCEPT is a packet filter"),
    (DATAGRAMS, "a connected socket for each peer"),
    (dict(IN_PROCESS, flags="SENSOR", deny_time="5"), "for exactly deny_time"),
    (dict(IN_PROCESS, user="nobody"), None),
    (IN_PROCESS, "with the rights of worker_user"),
    (dict(IN_PROCESS, disable="yes"), None),
)
INETD_NOTES = (
    ("7001 stream tcp nowait nobody /bin/cat cat", None),
    ("7001 stream tcp nowait.40 nobody /bin/cat cat", "rests for seconds"),
    ("7001 stream tcp nowait/40 nobody /bin/cat cat", "refuses connections while"),
    ("7001 dgram udp wait nobody /bin/cat cat", None),
    ("7001 dgram udp nowait nobody /bin/cat cat", "a connected socket for each peer"),
    ("echo stream tcp nowait root internal", "with the rights of worker_user"),
    ("#<off># echo stream tcp nowait root internal", None),
)


def entry(changes):
    lines = ["\t%s = %s" % (name, value)
             for name, value in dict(XINETD, **changes).items() if value is not None]
    return "service echo\n{\n%s\n}\n" % "\n".join(lines)


class Differences(Case):
    def check(self, option, text):
        path = self.scratch() / "file"
        path.write_text(text)
        done = subprocess.run([harness.USHERD, "-t", option, path], capture_output=True,
                              text=True, check=False, timeout=harness.DEADLINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path, done

    def notes(self, option, text):
        path, done = self.check(option, text)
        found = re.findall(r"^%s:1: note: service '[^']+': (.*)$" % re.escape(str(path)),
                           done.stderr, re.M)
        self.assertEqual("differently" in done.stdout, bool(found), done.stdout)
        return found

    def expect(self, option, text, part):
        found = self.notes(option, text)
        self.assertEqual([part in note for note in found], [True] if part else [],
                         (text, found))

    @unittest.skipUnless(harness.is_root(), "needs root: users are looked up and taken")
    def test_of_services_of_xinetd(self):
        for changes, part in XINETD_NOTES:
            with self.subTest(**changes):
                self.expect("-x", entry(changes), part)

    @unittest.skipUnless(harness.is_root(), "needs root: users are looked up and taken")
    def test_of_services_of_inetd(self):
        for line, part in INETD_NOTES:
            with self.subTest(line=line):
                self.expect("-i", line + "\n", part)

    @unittest.skipUnless(harness.is_root(), "needs root: users are looked up and taken")
    def test_the_summary_counts_services(self):
        text = entry({"cps": "25 30", "log_on_success": "TRAFFIC"}) + entry(
            {"id": "other", "port": "7002"})
        _, done = self.check("-x", text)
        self.assertEqual(done.stdout, "configuration ok: 2 services; 1 of them differently "
                         "than before: see the notes\n")

    def test_not_of_native_services(self):
        path = self.scratch() / "file"
        path.write_text("service echo { bind = 127.0.0.1 port = 7001 internal = echo "
                        "cps = { 25, 30s } }\n")
        done = subprocess.run([harness.USHERD, "-t", "-f", path], capture_output=True,
                              text=True, check=False, timeout=harness.DEADLINE)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    harness.main()
