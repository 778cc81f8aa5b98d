# SPDX-License-Identifier: ISC
"""What USR1 reports of each service since the start: exact, whatever became of the workers
that counted it, and the same as what the log and the clients say."""
import collections
import contextlib
import os
import re
import signal
import unittest

import harness
from harness import Case, answer, connect, datagram_socket, exchange, user_line
from load import SOURCES, Load, needs_load

HEAD = """
    defaults { bind = 127.0.0.1 cps = { 0, 1 } instances = 10000
               log_on_success = { PID, EXIT } log_on_failure = { HOST } }
"""
STATUS = re.compile(
    r"service '(\w+)': (?:in-process|program), \d+ sockets, (\d+) active(?:, resting)?; "
    r"in total (\d+) started, (\d+) ended(?:, (\d+) lost)?, "
    r"(\d+) refused(?: \((.*?)\))?(?:, (\d+) datagrams)?"
    r"(?:, (\d+) bytes in, (\d+) bytes out)?$")


class Status:
    """The line of one service."""

    def __init__(self, match):
        self.name, _, *_ = match.groups()
        (self.active, self.started, self.ended, self.lost,
         self.refused) = (int(number or 0) for number in match.groups()[1:6])
        self.reasons = {}
        for part in filter(None, (match.group(7) or "").split(", ")):
            word, _, number = part.rpartition(" ")
            self.reasons[word] = int(number)
        self.datagrams, self.bytes_in, self.bytes_out = (
            int(number or 0) for number in match.groups()[7:])


def service(name, port, more):
    return "service %s { port = %d %s }\n" % (name, port, more)


class CountersCase(Case):
    def lines(self):
        """All of the log there is now."""
        return self.log.lines

    def status(self):
        """The services by name, in one report."""
        mark = len(self.lines())
        self.log.send(signal.SIGUSR1)

        def report():
            found = [STATUS.search(line) for line in self.lines()[mark:]]
            found = [Status(match) for match in found if match]
            return found if len(found) == self.services else None

        return {each.name: each for each in harness.eventually(report, "a report")}

    def settled(self):
        """The report when nothing runs any more."""
        return harness.eventually(
            lambda: (lambda all: all if not any(each.active for each in all.values())
                     else None)(self.status()), "nothing is active")

    def serve(self, config, services, **arguments):
        self.services = services
        self.log = self.daemon(HEAD + config, **arguments)

    def kill_worker(self):
        worker, = harness.eventually(
            lambda: (lambda all: all if len(all) == 1 else None)(self.log.children()),
            "one worker and nothing else")
        os.kill(worker, signal.SIGKILL)
        self.log.wait_for(r"worker %d was ended by signal 9" % worker)

    def held(self, port):
        client = connect(port)
        self.addCleanup(client.close)
        client.settimeout(harness.DEADLINE)
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")
        return client


class Counters(CountersCase):
    def test_they_outlive_reloads_drains_and_kills(self):
        port, stranger = harness.free_port(), harness.free_port()
        config = (service("echo", port, "internal = echo protocol = { tcp, udp }") +
                  service("closed", stranger, "internal = echo only_from = {}"))
        self.serve(config, 2)
        lost = 0
        for number in range(5):
            kept = self.held(port)
            for _ in range(10):
                self.assertEqual(exchange(port, b"abc"), b"abc")
            for _ in range(3):
                self.assertEqual(answer(stranger), b"")
            with datagram_socket() as client:
                client.sendto(b"ping", ("127.0.0.1", port))
                self.assertEqual(client.recv(10), b"ping")
            # A client may know of its end before it is counted.
            ended = 11 * number + 10 - lost
            harness.eventually(lambda: self.status()["echo"].ended == ended, "its end")
            if number % 2 == 0:
                self.kill_worker()
                lost += 1
            else:
                # The other service is changed, too: its counts are its own all the same.
                self.log.reload(HEAD + config.replace("only_from", "idle_timeout = %dm only_from"
                                                % (number + 1)))
                kept.sendall(b"y")
                self.assertEqual(kept.recv(1), b"y")
                kept.close()
            status = self.settled()
            clients = 11 * (number + 1)
            self.assertEqual((status["echo"].started, status["echo"].lost), (clients, lost))
            self.assertEqual(status["echo"].ended, clients - lost)
            self.assertEqual(status["echo"].datagrams, number + 1)
            self.assertEqual(status["closed"].reasons, {"address": 3 * (number + 1)})
            self.assertEqual(status["closed"].started, 0)

    def test_bytes_and_programs_are_counted(self):
        ports = [harness.free_port() for _ in range(3)]
        self.serve(service("echo", ports[0], "internal = echo") +
                   service("cat", ports[1], "server = /bin/cat " + user_line()) +
                   service("full", ports[2], "server = /bin/cat instances = 0 " +
                           user_line()), 3)
        for _ in range(3):
            self.assertEqual(exchange(ports[0], b"12345"), b"12345")
            self.assertEqual(exchange(ports[1], b"12345"), b"12345")
            self.assertEqual(answer(ports[2]), b"")
        self.settled()
        self.kill_worker()
        status = self.settled()
        self.assertEqual((status["echo"].bytes_in, status["echo"].bytes_out), (15, 15))
        for name in "echo", "cat":
            self.assertEqual((status[name].started, status[name].ended,
                              status[name].refused), (3, 3, 0))
        self.assertEqual(status["full"].reasons, {"service_limit": 3})

    @needs_load
    def test_several_workers_add_up_and_outlive_each_other(self):
        port = harness.free_port()
        config = service("echo", port, "internal = echo no_access = %s" % SOURCES[0])
        self.serve("workers = 3\n" + config, 1)
        with Load("churn", port=port, count=6400, concurrency=16, half_close=1) as load:
            found = load.line()
        self.assertEqual((found["total"], found["failed"], found["hanging"]), (6300, 0, 0))

        def check():
            status = self.settled()["echo"]
            self.assertEqual((status.started, status.ended, status.lost), (6300, 6300, 0))
            self.assertEqual(status.reasons, {"address": 100})

        check()
        for worker in self.log.children():
            os.kill(worker, signal.SIGKILL)
            self.log.wait_for(r"worker %d was ended by signal 9" % worker)
            check()
        self.log.reload(HEAD + "workers = 2\n" + config)
        check()

    def test_a_service_that_is_gone_is_forgotten(self):
        port, other = harness.free_port(), harness.free_port()
        config = service("stays", port, "internal = echo")
        self.serve(config + service("goes", other, "internal = echo"), 2)
        exchange(port, b"x")
        exchange(other, b"x")
        self.log.reload(HEAD + config)
        self.services = 1
        self.assertEqual(self.settled()["stays"].started, 1)
        self.log.reload(HEAD + config + service("goes", other, "internal = echo"))
        self.services = 2
        status = self.settled()
        self.assertEqual((status["stays"].started, status["goes"].started), (1, 0))


@needs_load
class ManyClients(CountersCase):
    """A hundred thousand, in several services at once; the log goes to a file."""

    def lines(self):
        return self.path.read_text().splitlines()

    def ran(self, loads):
        """What each found, when all have come to their end."""
        found = [load.line() for load in loads]
        for each in found:
            self.assertEqual((each["failed"], each["hanging"]), (0, 0))
        return found

    def log_lines(self):
        """START, EXIT and FAIL lines of each service, those included that were left out."""
        counted = collections.Counter()
        for line in self.lines():
            if match := re.search(r"(START|EXIT|FAIL): (\w+)", line):
                counted[match.groups()] += 1
            elif match := re.search(r"service '(\w+)': (\d+) refusals not logged", line):
                counted["FAIL", match.group(1)] += int(match.group(2))
        return counted

    def test_a_hundred_thousand_clients_are_counted_exactly(self):
        slow = harness.is_sanitized() or harness.is_counting()
        total = int(os.environ.get("USHERD_TEST_CLIENTS", 5000 if slow else 100000))
        ports = {name: harness.free_port() for name in ("open", "part", "full", "cat")}
        self.path = self.scratch() / "log"
        self.path.touch()
        strangers = ", ".join(SOURCES[:16])
        config = (service("open", ports["open"], "internal = echo") +
                  service("part", ports["part"], "internal = echo no_access = { %s }"
                          % strangers) +
                  service("full", ports["full"], "internal = echo instances = 2") +
                  service("cat", ports["cat"], "server = /bin/cat " + user_line()))
        self.serve(config, 4, options=["-l", "file:%s" % self.path],
                   log_to_stderr=False, wait_ready=False)
        harness.eventually(lambda: "ready:" in self.path.read_text(), "ready")
        share = {"open": total * 46 // 100, "part": total * 32 // 100,
                 "full": total * 20 // 100, "cat": total * 2 // 100}
        with contextlib.ExitStack() as stack:
            loads = [stack.enter_context(Load("churn", port=ports[name], count=count,
                                              concurrency=16, half_close=1,
                                              timeout_ms=60000))
                     for name, count in share.items()]
            found = dict(zip(share, self.ran(loads)))
        status = self.settled()
        for name, each in status.items():
            with self.subTest(service=name):
                gone = found[name]["refused"] + found[name]["reset"]
                self.assertEqual(found[name]["total"] + gone, share[name])
                self.assertEqual((each.started, each.ended, each.lost),
                                 (found[name]["total"], found[name]["total"], 0))
                self.assertEqual(each.refused, gone)
        self.assertEqual(status["open"].refused, 0)
        self.assertEqual(status["part"].reasons, {"address": share["part"] // 4})
        self.assertEqual(list(status["full"].reasons), ["service_limit"])
        self.check_log(ports, status)

    def check_log(self, ports, status):
        # Workers send their lines a moment later, some at a time.
        def agrees():
            counted = self.log_lines()
            return all((counted["START", name], counted["EXIT", name]) ==
                       (each.started, each.ended) for name, each in status.items())

        harness.eventually(agrees, "the same numbers in the log")
        for _ in range(2):
            self.held(ports["full"])
        for name, source in ("part", SOURCES[0]), ("full", None):
            self.check_refusals(name, ports[name], source, status[name].refused)

    def check_refusals(self, name, port, source, refused):
        """Those that were left out are told of with the next one in another second."""
        def agree():
            return self.log_lines()["FAIL", name] == refused

        for _ in range(10):
            with connect(port, source=source) as client:
                harness.read_all_quietly(client)
            refused += 1
            with contextlib.suppress(AssertionError):
                return harness.eventually(agree, "the same number", 0.7)
        self.fail("%d refusals, %s in the log" % (refused, self.log_lines()))


if __name__ == "__main__":
    harness.main()
