# SPDX-License-Identifier: ISC
"""log_type: lines about clients in files of their own, with xinetd's format and limits;
where xinetd is installed, line by line beside it."""
import contextlib
import getpass
import os
import re
import signal
import socket
import subprocess

import harness
from harness import (Case, answer, connect, eventually, exchange, free_port, needs_program,
                     program, read_all, user_line)

ALL = "log_on_success = { PID, HOST, EXIT, DURATION } log_on_failure = HOST cps = { 0, 1 }"
STAMP = r"^\d\d/[1-9]\d?/[1-9]\d?@\d\d:\d\d:\d\d: "


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def wait_for_lines(path, count, pattern=""):
    def there():
        found = [line for line in lines_of(path) if re.search(pattern, line)]
        return found if len(found) >= count else None
    return eventually(there, "%d lines %r in %s" % (count, pattern, path))


def normal(line):
    """Without what differs from run to run."""
    assert re.match(STAMP, line), line
    line = re.sub(STAMP, "", line)
    line = re.sub(r"pid=\d+", "pid=N", line)
    return re.sub(r"duration=\d+\(sec\)", "duration=N(sec)", line)


class Places(Case):
    def test_each_service_writes_where_it_says(self):
        ports = {name: free_port() for name in "abcd"}
        folder = self.scratch()
        daemon = self.daemon("""
defaults { log_type = { FILE, %s/all } bind = 127.0.0.1 %s }
service a { port = %d server = /bin/cat %s }
service b { port = %d internal = daytime log_type = { FILE, %s/b, 1M, 2M } }
service c { port = %d internal = daytime log_type = none }
service d { port = %d internal = daytime log_type = main }
""" % (folder, ALL, ports["a"], user_line(), ports["b"], folder, ports["c"], ports["d"]))
        for name in "abcd":
            exchange(ports[name])
        daemon.wait_for(r"^EXIT: d ")
        start, end = wait_for_lines(folder / "all", 2)
        self.assertRegex(start, STAMP + r"START: a pid=\d+ from=127\.0\.0\.1$")
        self.assertRegex(end, STAMP + r"EXIT: a status=0 pid=\d+ duration=\d+\(sec\)$")
        self.assertRegex(wait_for_lines(folder / "b", 2)[0], "START: b ")
        self.assertEqual(daemon.matches(r": [abc] "), [])
        self.assertEqual((folder / "all").stat().st_mode & 0o7777, 0o644)

    def test_services_with_one_file_share_it(self):
        folder = self.scratch()
        ports = [free_port() for _ in range(5)]
        daemon = self.daemon("defaults { log_type = { FILE, %s/log } bind = 127.0.0.1 %s }\n"
                             % (folder, ALL) + "\n".join(
                                 "service s%d { port = %d internal = daytime }" % pair
                                 for pair in enumerate(ports)))
        for port in ports:
            exchange(port)
        self.assertEqual(len(wait_for_lines(folder / "log", 10)), 10)
        path = str(folder / "log")
        opened = [fd for fd in daemon.descriptors()
                  if os.path.lexists(fd) and os.readlink(fd) == path]
        self.assertEqual(len(opened), 1, opened)
        for child in daemon.children():
            self.assertNotIn(path, map(os.readlink, daemon.descriptors(child)))

    def test_redirect_and_tcpmux_write_to_the_file_as_well(self):
        folder = self.scratch()
        target, relay, mux = free_port(), free_port(), free_port()
        self.daemon("""
defaults { log_type = { FILE, %s/log } bind = 127.0.0.1 %s }
service echo { port = %d internal = echo log_type = none }
service relay { port = %d redirect = { 127.0.0.1, %d } log_on_success += TRAFFIC }
service tcpmux { port = %d internal = tcpmux log_type = none }
service named { type = TCPMUXPLUS protocol = tcp server = /bin/cat %s }
""" % (folder, ALL, target, relay, target, mux, user_line()))
        self.assertEqual(exchange(relay, b"12345678"), b"12345678")
        self.assertEqual(exchange(mux, b"named\r\nabc"), b"+Go\r\nabc")
        wait_for_lines(folder / "log", 2, "EXIT")
        found = sorted(normal(line) for line in lines_of(folder / "log"))
        self.assertEqual(found, [
            "EXIT: named status=0 pid=N duration=N(sec)",
            "EXIT: relay status=0 pid=N duration=N(sec)",
            "START: named pid=N from=127.0.0.1",
            "START: relay pid=N from=127.0.0.1",
            "TRAFFIC: relay in=8(bytes) out=8(bytes)"])

    def test_attempt_alone_is_enough_for_a_line(self):
        folder = self.scratch()
        port = free_port()
        self.daemon("service s { port = %d bind = 127.0.0.1 internal = echo only_from = {} "
                    "log_type = { FILE, %s/log } log_on_failure = ATTEMPT }" %
                    (port, folder))
        answer(port)
        self.assertEqual(normal(wait_for_lines(folder / "log", 1)[0]), "FAIL: s address")


class Failures(Case):
    CONFIG = """
defaults { bind = 127.0.0.1 %s }
service good { port = %d internal = daytime log_type = { FILE, %s } }
service bad { port = %d internal = daytime log_type = { FILE, %s } }
"""

    def test_a_log_that_cannot_be_opened_costs_its_service_alone(self):
        folder = self.scratch()
        good, bad = free_port(), free_port()
        log, missing = folder / "log", folder / "missing"
        daemon = self.daemon(self.CONFIG % (ALL, good, log, bad, missing / "log"))
        daemon.wait_for(r"error: service 'bad': cannot open log file '.*/missing/log': No "
                        r"such file or directory; it is not started")
        exchange(good)
        wait_for_lines(log, 2)
        with self.assertRaises(ConnectionRefusedError):
            connect(bad)
        missing.mkdir()
        daemon.reload(expect=r"reloaded: 1 added, 0 changed, 0 removed, 1 kept")
        exchange(bad)
        wait_for_lines(missing / "log", 2)
        # The old one goes on as it was.
        mark = daemon.mark()
        daemon.reload(self.CONFIG % (ALL, good, log, bad, folder / "gone" / "log"),
                      expect=r"reloaded: 0 added, 0 changed, 0 removed, 2 kept")
        daemon.wait_for(r"error: service 'bad': .*; it stays as it was", since=mark)
        exchange(bad)
        wait_for_lines(missing / "log", 4)

    def test_a_reload_that_fails_opens_the_files_anew_all_the_same(self):
        log = self.scratch() / "log"
        port = free_port()
        daemon = self.daemon("service s { port = %d bind = 127.0.0.1 internal = daytime "
                             "log_type = { FILE, %s } %s }" % (port, log, ALL))
        log.rename(log.with_suffix(".1"))
        daemon.reload("nonsense", expect=r"cannot reload: \d+ errors")
        exchange(port)
        wait_for_lines(log, 2)

    def test_a_removed_service_writes_on_where_it_wrote(self):
        folder = self.scratch()
        good, bad = free_port(), free_port()
        log = folder / "log"
        config = ("service cat { port = %d bind = 127.0.0.1 server = /bin/cat %s "
                  "log_type = { FILE, %s } %s }" % (bad, user_line(), log, ALL))
        other = "service other { port = %d bind = 127.0.0.1 internal = echo }" % good
        daemon = self.daemon(config + other)
        client = self.held(bad)
        daemon.reload(other)
        client.close()
        wait_for_lines(log, 1, "EXIT: cat")
        self.assertEqual(daemon.matches("EXIT: cat"), [])


class Limits(Case):
    def start(self):
        self.log = self.scratch() / "log"
        self.port = free_port()
        return self.daemon("service s { port = %d bind = 127.0.0.1 internal = daytime "
                           "log_on_success = HOST cps = { 0, 1 } "
                           "log_type = { FILE, %s, 1000, 2000 } }" % (self.port, self.log))

    def fill(self, daemon, mark=0):
        """Clients until the log is full, and some more; what a worker tells comes late."""
        for _ in range(2000 // 40 + 60):
            exchange(self.port)
        daemon.wait_for(r"error: service log '.*': at its hard limit of 2000 bytes", mark)

    def test_each_limit_is_said_once(self):
        daemon = self.start()
        self.fill(daemon)
        self.assertLessEqual(self.log.stat().st_size, 2000)
        self.assertGreater(self.log.stat().st_size, 1900)
        self.assertEqual(len(daemon.matches("soft limit of 1000 bytes")), 1)
        self.assertEqual(len(daemon.matches("hard limit")), 1)
        self.assertEqual(daemon.matches("START"), [])

    def test_emptied_or_moved_it_goes_on(self):
        daemon = self.start()
        self.fill(daemon)
        mark = daemon.mark()
        os.truncate(self.log, 0)
        exchange(self.port)
        daemon.wait_for(r"notice: service log '.*': written again; "
                        r"\d+ lines? (was|were) left out")
        wait_for_lines(self.log, 1, "START: s ")
        self.fill(daemon, mark)
        self.log.rename(self.log.with_suffix(".1"))
        daemon.reload()
        exchange(self.port)
        wait_for_lines(self.log, 1, "START: s ")


class Beside:
    """One configuration in both syntaxes: every service logs to one file."""

    def __init__(self, test):
        self.test = test
        self.folder = test.scratch()
        self.theirs, self.ours = self.folder / "theirs", self.folder / "ours"
        self.services = []

    def add(self, name, server="/bin/cat", **attributes):
        attributes.setdefault("log_on_success", "PID HOST EXIT DURATION")
        attributes.setdefault("log_on_failure", "HOST")
        self.services.append((name, server, attributes, free_port(), free_port()))

    def _user(self):
        return "nobody" if harness.is_root() else getpass.getuser()

    def xinetd_config(self):
        text = "defaults\n{\n\tlog_type = FILE %s\n}\n" % self.theirs
        for name, server, attributes, port, _ in self.services:
            lines = dict(type="UNLISTED", socket_type="stream", protocol="tcp", wait="no",
                         user=self._user(), port=port, flags="IPv4", bind="127.0.0.1")
            if server is not None:
                lines["server"] = server
            lines.update(attributes)
            text += "service %s\n{\n%s}\n" % (name, "".join(
                "\t%s = %s\n" % pair for pair in lines.items()))
        return text

    def usherd_config(self):
        text = "defaults { log_type = { FILE, %s } bind = 127.0.0.1 }\n" % self.ours
        for name, server, attributes, _, port in self.services:
            lines = dict(port=port)
            if server is not None:
                lines["server"] = server
                lines["user"] = self._user()
            lines.update({key: "{ %s }" % ", ".join(str(value).split())
                          if " " in str(value) or key.startswith(("log_", "only_", "no_"))
                          else value for key, value in attributes.items() if key != "flags"})
            text += "service %s { %s }\n" % (name, " ".join(
                "%s = %s" % pair for pair in lines.items()))
        return text

    def start(self):
        (self.folder / "xinetd.conf").write_text(self.xinetd_config())
        main = self.folder / "main"
        xinetd = subprocess.Popen(
            [program("xinetd"), "-dontfork", "-filelog", str(main), "-f",
             str(self.folder / "xinetd.conf"), "-pidfile", str(self.folder / "pid")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        self.test.addCleanup(self.end, xinetd)
        eventually(lambda: main.exists() and "Started working" in main.read_text(),
                   "xinetd has started")
        self.test.daemon(self.usherd_config())

    @staticmethod
    def end(process):
        process.send_signal(signal.SIGTERM)
        process.wait(harness.DEADLINE)

    def ports(self, name):
        """Of both, with the logs that lines are to appear in."""
        service = next(s for s in self.services if s[0] == name)
        return ((service[3], self.theirs), (service[4], self.ours))

    def compare(self, name):
        theirs, ours = ([normal(line) for line in lines_of(path)
                         if re.search(r": %s\b" % name, line)]
                        for path in (self.theirs, self.ours))
        self.test.assertEqual(ours, theirs, name)
        return ours


@needs_program("xinetd")
class SideBySide(Case):
    def compare_sessions(self, name, expected, **attributes):
        pair = Beside(self)
        pair.add(name, **attributes)
        pair.start()
        for port, log in pair.ports(name):
            answer(port)
            wait_for_lines(log, len(expected))
        self.assertEqual(pair.compare(name), expected)

    def test_a_session(self):
        self.compare_sessions("cat", ["START: cat pid=N from=127.0.0.1",
                                      "EXIT: cat status=0 pid=N duration=N(sec)"])

    def test_a_program_that_fails(self):
        self.compare_sessions("bad", ["START: bad pid=N from=127.0.0.1",
                                      "EXIT: bad status=1 pid=N duration=N(sec)"],
                              server="/bin/false")

    def test_a_program_that_a_signal_ends(self):
        killed = self.script("#!/bin/sh\nkill -9 $$\n")
        self.compare_sessions("killed", ["START: killed pid=N from=127.0.0.1",
                                         "EXIT: killed signal=9 pid=N duration=N(sec)"],
                              server=killed)

    def test_parts_that_are_left_out(self):
        for fields, expected in (
                ("PID", ["START: cat pid=N"]),
                ("HOST", ["START: cat from=127.0.0.1"]),
                ("EXIT", ["START: cat", "EXIT: cat status=0"]),
                ("DURATION", ["START: cat", "EXIT: cat duration=N(sec)"]),
                ("PID DURATION", ["START: cat pid=N", "EXIT: cat pid=N duration=N(sec)"])):
            with self.subTest(fields):
                self.compare_sessions("cat", expected, log_on_success=fields)

    def compare_refusal(self, reason, success="PID HOST EXIT", **attributes):
        """The second client is refused while the first is being served."""
        for fields, end in (("HOST", " from=127.0.0.1"), ("ATTEMPT", "")):
            with self.subTest(reason + " " + fields):
                pair = Beside(self)
                pair.add("s", log_on_success=success, log_on_failure=fields, **attributes)
                pair.start()
                for port, log in pair.ports("s"):
                    with contextlib.closing(self.held(port)):
                        answer(port)
                        wait_for_lines(log, 2)
                    wait_for_lines(log, 3)
                self.assertEqual(pair.compare("s"), [
                    "START: s pid=N from=127.0.0.1", "FAIL: s %s%s" % (reason, end),
                    "EXIT: s status=0 pid=N"])

    def test_instances(self):
        self.compare_refusal("service_limit", instances=1)

    def test_per_source(self):
        self.compare_refusal("per_source_limit", per_source=1)

    def test_connections_per_second(self):
        pair = Beside(self)
        pair.add("s", log_on_success="HOST", cps="1 30")
        pair.start()
        for port, log in pair.ports("s"):
            # Both within one second: again, should the machine have been slow.
            for _ in range(30):
                with contextlib.suppress(OSError):
                    answer(port)
                if any("FAIL" in line for line in lines_of(log)):
                    break
            wait_for_lines(log, 1, "FAIL")
        both = [{normal(line) for line in lines_of(path)} for path in (pair.ours, pair.theirs)]
        self.assertEqual(both[0], both[1])
        self.assertIn("FAIL: s connections per second from=127.0.0.1", both[0])

    def test_an_address(self):
        """xinetd forks first and then asks: START and EXIT of a client never served."""
        pair = Beside(self)
        pair.add("s", no_access="127.0.0.1")
        pair.start()
        for port, log in pair.ports("s"):
            answer(port)
            wait_for_lines(log, 1, "FAIL")
        theirs = wait_for_lines(pair.theirs, 3)
        self.assertEqual([normal(line) for line in lines_of(pair.ours)],
                         ["FAIL: s address from=127.0.0.1"])
        self.assertEqual([normal(line).split(":")[0] for line in theirs],
                         ["START", "FAIL", "EXIT"])
        self.assertEqual(normal(theirs[1]), "FAIL: s address from=127.0.0.1")

    def test_a_mapped_address(self):
        """usherd unmaps the IPv4 address of an IPv6 socket's client."""
        pair = Beside(self)
        pair.add("s", log_on_success="HOST", bind="::", flags="IPv6")
        pair.start()
        for port, log in pair.ports("s"):
            answer(port)
            wait_for_lines(log, 1)
        self.assertEqual(normal(lines_of(pair.theirs)[0]), "START: s from=::ffff:127.0.0.1")
        self.assertEqual(normal(lines_of(pair.ours)[0]), "START: s from=127.0.0.1")

    def test_traffic(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
            pair = Beside(self)
            pair.add("r", server=None, log_on_success="PID HOST EXIT TRAFFIC",
                     redirect="127.0.0.1 %d" % server.getsockname()[1])
            pair.start()
            for port, log in pair.ports("r"):
                with contextlib.closing(connect(port)) as client:
                    client.sendall(b"12345678")
                    target = server.accept()[0]
                    target.settimeout(harness.DEADLINE)
                    self.assertEqual(target.recv(8, socket.MSG_WAITALL), b"12345678")
                    target.sendall(b"abc")
                    target.close()
                    self.assertEqual(read_all(client), b"abc")
                wait_for_lines(log, 3)
        self.assertEqual(pair.compare("r"), [
            "START: r pid=N from=127.0.0.1", "TRAFFIC: r in=8(bytes) out=3(bytes)",
            "EXIT: r status=0 pid=N"])


if __name__ == "__main__":
    harness.main()
