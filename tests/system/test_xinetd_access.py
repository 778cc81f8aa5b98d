# SPDX-License-Identifier: ISC
"""Who is let in by each form of address in only_from and no_access: usherd and the real
xinetd serve the same file, and clients of several addresses come to both, over sockets for
IPv4 and for both families."""
import os
import signal
import subprocess

import harness
import xinetd
from harness import Case, connect, eventually, read_all_quietly

SOURCES = ("127.0.0.1", "127.0.0.3", "127.0.0.5", "127.0.1.1", "127.1.2.3", "127.2.0.1", "::1")
SAME = (
    "", "127.0.0.1", "127.0.0.0", "127.0.1.0", "127.0.5.1", "127.1.0.0", "0.0.0.0",
    "127.0.0.0/24", "127.0.0.9/24", "127.0.0.1/32", "127.0.0.1/0", "0.0.0.0/0",
    "127.0.0.{1,5}", "127.{0,1}", "127.0.{0,1}", "127.0.0.{5}", "127.{2}", "127.1",
    "2130706433", "0177.0.0.1", "::1", "::", "::1 127.0.0.5",
    "10.0.0.1 127.0.1.1", "fe80::/10", "::1/100",
)
# Of these usherd-xinetd(7) says what is different.
OTHER = ("127.0.0.1/255.0.0.0", "127.0.0.0/255.255.255.0", "::1/128", "::ffff:127.0.0.1",
         "::ffff:0:0/96", "loopback", "::/0", "::1/64")
ENTRY = """service %s
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = %d
	wait = no
	user = nobody
	server = /bin/echo
	server_args = in
	cps = 0 1
	flags = NOLIBWRAP %s
	%s
}
"""


class Access(Case):
    @classmethod
    def setUpClass(cls):
        xinetd.take_namespaces()

    def services(self, lists):
        """(name, port, family) of a service for each list, and their file."""
        found, text = [], ""
        for number, line in enumerate(lists):
            for family in "IPv4", "":
                name = "s%d%s" % (number, family)
                found.append((name, 2000 + len(found), family))
                text += ENTRY % (name, found[-1][1], family, line)
        return found, text

    def serve(self, command, text):
        directory = self.scratch()
        path, log = directory / "xinetd.conf", directory / "log"
        path.write_text(text)
        process = subprocess.Popen(
            [command, "-dontfork", "-filelog", log, "-f", path, "-pidfile",
             directory / "pid"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        eventually(lambda: log.exists() and "Started working" in log.read_text(),
                   "it is there")
        self.assertIn(": %d available" % text.count("service "), log.read_text())
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGQUIT)
        process.wait(harness.DEADLINE)

    def ask(self, command, lists):
        """Who is let in where: {(list, family): [source]}."""
        services, text = self.services(lists)
        process = self.serve(command, text)
        answers = {}
        for index, (_, port, family) in enumerate(services):
            answers[lists[index // 2], family or "both"] = [
                source for source in SOURCES if ":" not in source or not family
                if read_all_quietly(connect(port, "::1" if ":" in source else "127.0.0.1",
                                            source)) == b"in\n"]
        self.end(process)
        return answers

    def usherd(self):
        link = self.scratch() / "xinetd"
        link.symlink_to(os.path.abspath(harness.startable()))
        return link

    def compare(self, lists):
        ours = self.ask(self.usherd(), lists)
        theirs = self.ask(harness.program("xinetd"), lists)
        for each in ours:
            with self.subTest(each):
                self.assertEqual(ours[each], theirs[each])
        return ours

    def test_only_from(self):
        found = self.compare(["only_from = " + form for form in SAME])
        self.assertEqual(found["only_from = 127.0.0.0/24", "IPv4"],
                         ["127.0.0.1", "127.0.0.3", "127.0.0.5"])

    def test_no_access(self):
        found = self.compare(["no_access = " + form for form in SAME])
        self.assertEqual(found["no_access = 127.0.0.0/24", "both"],
                         ["127.0.1.1", "127.1.2.3", "127.2.0.1", "::1"])

    def test_both_lists(self):
        self.compare(["only_from = %s\n\tno_access = %s" % lists for lists in (
            ("127.0.0.0/8", "127.0.0.5"), ("127.0.0.5", "127.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1"), ("127.0.0.1 ::1", "127.0.0.5"),
            ("", "127.0.0.1"), ("0.0.0.0", ""), ("127.0.0.0/8 ::1", "::1 127.1.0.0"))])

    def test_operators(self):
        self.compare(["\n\t".join("only_from " + line for line in lines) for lines in (
            ("= 127.0.0.1", "= 127.0.0.5"), ("= 127.0.0.1", "+= 127.0.0.5"),
            ("= 127.0.0.1 127.0.0.5", "-= 127.0.0.1"), ("+= 127.0.0.1",),
            ("= 127.0.0.1", "-= 127.0.0.1"), ("= 127.0.0.0/8", "-= 127.0.0.1"),
            ("= 127.0.0.0", "-= 127.0.0.0"), ("= 127.0.0.1", "=", "+= 127.0.0.5"))])

    def test_what_xinetd_takes_otherwise(self):
        found = self.ask(self.usherd(), ["only_from = " + form for form in OTHER])
        ipv4 = list(SOURCES[:-1])
        self.assertEqual([found["only_from = " + form, "both"] for form in OTHER], [
            ipv4, ipv4[:3], ["::1"], ["127.0.0.1"], ipv4, ipv4, ["::1"], ["::1"]])

    def test_families(self):
        """Which clients reach the socket at all. v6only = no is not among these, for xinetd
        takes it for yes."""
        cases = [(flags, "") for flags in ("", "IPv4", "IPv6", "IPv4 IPv6")]
        cases += [("", "bind = 127.0.0.1"), ("IPv4", "bind = localhost"),
                  ("IPv6", "bind = localhost"),
                  ("IPv4", "bind = 127.0.0.5"), ("", "bind = ::1"),
                  ("IPv6", "interface = ::1"), ("IPv6", "v6only = yes"), ("", "v6only = yes")]

        def reached(command):
            process = self.serve(command, "".join(
                ENTRY % ("s%d" % number, 2000 + number, *case)
                for number, case in enumerate(cases)))
            found = []
            for number in range(len(cases)):
                for host in "127.0.0.1", "127.0.0.5", "::1":
                    try:
                        found.append(read_all_quietly(connect(2000 + number, host)))
                    except ConnectionRefusedError:
                        found.append(None)
            self.end(process)
            return {case: found[3 * i:3 * i + 3] for i, case in enumerate(cases)}
        ours = reached(self.usherd())
        theirs = reached(harness.program("xinetd"))
        for case in cases:
            with self.subTest(case):
                self.assertEqual(ours[case], theirs[case])
        self.assertEqual(ours["", ""], [b"in\n"] * 3)
        self.assertEqual(ours["IPv4", ""], [b"in\n", b"in\n", None])

    def test_names(self):
        """With one socket for both families xinetd finds no names of IPv4 clients."""
        lists = ["%s = %s" % (name, value) for name in ("only_from", "no_access")
                 for value in ("three", "localhost", "THREE", "127.0.0.5 three")]
        ours = self.ask(self.usherd(), lists)
        theirs = self.ask(harness.program("xinetd"), lists)
        for each in lists:
            with self.subTest(each):
                self.assertEqual(ours[each, "IPv4"], theirs[each, "IPv4"])
        self.assertEqual(ours["only_from = three", "both"], ["127.0.0.3"])
        self.assertNotIn("127.0.0.3", ours["no_access = three", "both"])

    def test_domains(self):
        """Nobody has a name with a domain here."""
        lists = ["only_from = .example.org", "only_from = 127.0.0.5 .example.org",
                 "no_access = .example.org"]
        ours = self.ask(self.usherd(), lists)
        theirs = self.ask(harness.program("xinetd"), lists)
        for each in ours:
            if each[0] == lists[-1]:
                self.assertEqual(theirs[each], [source for source in SOURCES if each[1] ==
                                                "both" or ":" not in source])
                self.assertLessEqual(set(ours[each]), {"127.0.0.1", "127.0.0.3", "::1"})
            else:
                self.assertEqual(ours[each], theirs[each], each)


if __name__ == "__main__":
    harness.main()
