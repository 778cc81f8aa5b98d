# SPDX-License-Identifier: ISC
"""The texts of xinetd_texts.py, one by one: what usherd serves of each and what it says.
Where the real xinetd is installed it reads them as well, and both must serve the same, with
the same settings, but for what usherd-xinetd(7) lists."""
import contextlib
import ipaddress
import os
import pathlib
import re
import shutil
import signal
import subprocess

import harness
import xinetd
import xinetd_texts
from harness import eventually

DUMP = pathlib.Path("/run/xinetd.dump")
MANUAL = harness.SOURCE / "packaging/man/usherd-xinetd.7"


def manual():
    """The words of the page, without its macros."""
    text = re.sub(r"^\.\\\".*$", "", MANUAL.read_text(), flags=re.M)
    text = re.sub(r"^\.(?:Ql|Ic|Fl|Nm|Xr|Pa|Ev|Ar|Dv|Pq|It|Sh|Ss|No)\b", "", text, flags=re.M)
    return re.sub(r"[\s'`]+", " ", text).lower()


def write(directory, row):
    for name, text in row.files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("@DIR@", str(directory)))
    path = directory / "xinetd.conf"
    path.write_bytes(row.text.replace("@DIR@", str(directory)).encode())
    return path


class Texts(harness.Case):
    """What usherd makes of each."""

    def convert(self, row):
        path = write(self.scratch(), row)
        return subprocess.run([harness.USHERD, "-T", "-x", path], text=True, check=False,
                              capture_output=True, timeout=harness.DEADLINE)

    def check(self, row):
        result = self.convert(row)
        served = [name for name, body in re.findall(
            r"^service (\S+) \{\n((?:\t.*\n)*)\}", result.stdout, re.M)
            if "\tdisable = yes\n" not in body]
        lines = [line for line in result.stderr.splitlines() if ": " in line]
        self.assertEqual(sorted(name.strip('"') for name in served), sorted(row.served),
                         result.stderr)
        for level, fragment in row.says:
            found = [line for line in lines if "%s: " % level.lower() in line and
                     fragment in line]
            self.assertTrue(found, "%s %r in:\n%s" % (level, fragment, result.stderr))
            for line in found:
                lines.remove(line)
        self.assertEqual(lines, [])
        wrong = any(level == "ERROR" for level, _ in row.says)
        self.assertEqual(result.returncode, 78 if wrong else 0)

    @harness.needs_root
    def test_every_text(self):
        for row in xinetd_texts.ROWS:
            if not row.names:
                with self.subTest(row.about):
                    self.check(row)

    def test_every_difference_is_in_the_manual(self):
        words = manual()
        for row in xinetd_texts.ROWS:
            same = (sorted(row.xinetd) == sorted(row.served) and not row.differs and
                    row.quiet == (not row.says))
            with self.subTest(row.about):
                self.assertEqual(row.why is None, same, "a difference has a reason")
                self.assertIn(re.sub(r"[\s'`]+", " ", row.why or "").lower(), words)


def network(text):
    """An element of a list; xinetd's numbers may end in zeros that stand for all."""
    word, form = text.rstrip(")").rsplit("(", 1)
    if form == "HOST":
        return word.lower()
    if form == "NET":
        base, mask = word.split("/")
        if ":" in mask:
            mask = bin(int(ipaddress.ip_address(mask))).count("1")
        return str(ipaddress.ip_network("%s/%s" % (base, mask), strict=False))
    address = ipaddress.ip_address(word)
    zeros = len(address.packed) - len(address.packed.rstrip(b"\0"))
    bits = address.max_prefixlen - (8 * zeros if address.version == 4 else 0)
    return str(ipaddress.ip_network("%s/%d" % (word, bits)))


FLAGS = {"NODELAY", "KEEPALIVE", "NORETRY", "IDONLY", "SENSOR", "NOLIBWRAP"}
# Settings as both dumps show them; what is at its default is not looked at.
COMPARED = {
    "flags": lambda value: sorted(FLAGS & set(value.split())),
    "socket_type": str,
    "Protocol (name,number)": str.lower,
    "port": str,
    "Instances": lambda value: "" if value == "UNLIMITED" else value,
    "wait": lambda value: "" if value == "no" else value,
    "user": str,
    "Groups": lambda value: "" if value == "no" else value,
    "umask": lambda value: value.lstrip("0"),
    "Nice": lambda value: "" if value == "0" else value,
    "CPS": str,
    "PER_SOURCE": str,
    # xinetd looks the name of the target up once more.
    "Redirect": lambda value: value.rpartition(":")[2],
    "Environment": str,
    "Server": str,
    "Server argv": str,
    "Only from": lambda value: sorted(map(network, value.split())) if "(" in value else "",
    "No access": lambda value: sorted(map(network, value.split())) if "(" in value else "",
    "Logging": str,
    "Log_on_success flags": lambda value: sorted(value.split()),
    "Log_on_failure flags": lambda value: sorted(value.split()),
    "Access times": lambda value: re.sub(r"\b0(\d:)", r"\1", value),
    "Passenv": str,
}
OF_PROGRAMS = {"user", "Groups", "wait", "Server", "Server argv", "Nice", "umask", "Passenv"}


def settings(body, defaults):
    """The part of one service in a dump, as {name: what it says}."""
    found = dict(re.findall(r"^\t\t([\w (),]+?) ?[=:] ?(.*)$", body, re.M))
    for name in "Instances", "CPS":
        found.setdefault(name, defaults.get(name, ""))
    if found["CPS"] in ("", "max conn:0 wait:1"):
        found["CPS"] = defaults["no CPS"] if found["CPS"] == "" else "off"
    additions = re.search(r"^\t\tEnvironment additions:\n((?:\t{3}.*\n)*)", body, re.M)
    found["Environment"] = additions.group(1) if additions else ""
    logging = re.search(r"^\t\t((?:No logging|Logging to).*)$", body, re.M)
    found["Logging"] = logging.group(1) if logging else "No logging"
    result = {}
    for name, compared in COMPARED.items():
        value = compared(found.get(name, "").strip())
        if value not in ("", []) and ("Server" in found or name not in OF_PROGRAMS):
            result[name] = value
    return result


def services(dump):
    """What a dump says of those that are served. xinetd's leaves out what it has from
    defaults, and its own default; usherd's that there is no limit."""
    found = []
    defaults = {"no CPS": "off"}
    if "INTERNAL STATE DUMP: 2" in dump:
        text = dump.partition("Service defaults\n")[2].partition("Service = ")[0]
        defaults = dict(re.findall(r"^\t([\w ]+?) = (.*)$", text, re.M))
        defaults["no CPS"] = "max conn:50 wait:10"
    for body in re.findall(r"^Service = \S+\n((?:[ \t].*\n)*)", dump, re.M):
        # A service of tcpmux has no socket to be active with.
        if "State = Active" in body or re.search("^\t\ttype = .*TCPMUX", body, re.M):
            name = re.search(r"^\t\tid = (\S+)$", body, re.M).group(1)
            found.append((name, settings(body, defaults)))
    return sorted(found, key=lambda each: each[0])


def sockets():
    """Where this namespace is listened: (protocol, address, port)."""
    found = set()
    for protocol in "tcp", "udp", "tcp6", "udp6":
        for line in pathlib.Path("/proc/self/net", protocol).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if state in ("0A", "07"):
                address, port = local.split(":")
                found.add((protocol, address, int(port, 16)))
    return found


class Reader:
    """A daemon that reads one text, says what it thinks of it and what it serves."""

    def __init__(self, case, command, row):
        directory = case.scratch()
        self.log = directory / "log"
        pidfile = directory / "pid"
        with contextlib.suppress(FileNotFoundError):
            DUMP.unlink()
        self.process = subprocess.Popen(
            [command, "-dontfork", "-filelog", self.log, "-f", write(directory, row),
             "-pidfile", pidfile], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: "Started working" in self.text() or self.is_gone(),
                       "it is there")
            self.sockets = set()
            self.services = [] if self.is_gone() else self.ask()
        finally:
            if not self.is_gone():
                self.process.send_signal(signal.SIGQUIT)
            self.process.wait(harness.DEADLINE)
        self.says = re.findall(r"\]: (?:ERROR|WARNING|CRITICAL): (?!Exiting).*", self.text())

    def ask(self):
        self.sockets = sockets()
        self.process.send_signal(signal.SIGUSR1)
        eventually(lambda: self.is_gone() or DUMP.exists() and "END OF DUMP" in
                   DUMP.read_text(), "a dump")
        return services(DUMP.read_text()) if DUMP.exists() else []

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    def is_gone(self):
        return self.process.poll() is not None


class SideBySide(harness.Case):
    @classmethod
    def setUpClass(cls):
        xinetd.take_namespaces()
        directory = harness.open_directory()
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.usherd = directory / "xinetd"
        cls.usherd.symlink_to(os.path.abspath(harness.startable()))

    def check(self, row):
        ours = Reader(self, self.usherd, row)
        theirs = Reader(self, harness.program("xinetd"), row)
        both = "\n".join(["usherd:", *ours.says, "xinetd:", *theirs.says])
        self.assertEqual([name for name, _ in ours.services], sorted(row.served), both)
        self.assertEqual([name for name, _ in theirs.services], sorted(row.xinetd), both)
        self.assertEqual(bool(ours.says), bool(row.says), both)
        self.assertEqual(not theirs.says, row.quiet, both)
        if "sockets" in row.differs:
            self.assertNotEqual(ours.sockets, theirs.sockets)
        elif row.xinetd == row.served and row.why is None:
            self.assertEqual(ours.sockets, theirs.sockets)
        # What is served by one alone has been looked at.
        for name, one in ours.services:
            other = dict(theirs.services).get(name, one)
            different = [each for each in sorted(set(one) | set(other))
                         if one.get(each) != other.get(each)]
            self.assertEqual(different, sorted(set(row.differs) - {"sockets"}),
                             "%s\nusherd: %s\nxinetd: %s" % (name, one, other))

    def test_every_text(self):
        for row in xinetd_texts.ROWS:
            with self.subTest(row.about):
                self.check(row)


if __name__ == "__main__":
    harness.main()
