# SPDX-License-Identifier: ISC
"""access_times and max_load: when clients are taken. Where the real xinetd is installed it
is asked as well, with the same lines."""
import datetime
import os

import harness
import xinetd
from harness import Case, answer, exchange, user_line

OFF = "cps = { 0, 1 } "
KINDS = "server = /bin/cat", "internal = echo"


def span(begin, end):
    """From now on so many minutes to so many, as H:M-H:M."""
    now = datetime.datetime.now()
    return "-".join("%d:%02d" % (t.hour, t.minute) for t in (
        now + datetime.timedelta(minutes=begin), now + datetime.timedelta(minutes=end)))


def same_day(begin, end):
    """The same, by which xinetd can be asked: nothing goes on after midnight."""
    now = datetime.datetime.now()
    minute = now.hour * 60 + now.minute
    return 0 <= minute + begin and minute + end < 24 * 60


class Hours(Case):
    def service(self, name, port, kind, more):
        return """
            service %s { bind = 127.0.0.1 port = %d %s %s %s %s
                         log_on_success = { PID } log_on_failure = { HOST } }""" % (
                             name, port, kind, user_line() if "server" in kind else "",
                             OFF, more)

    def both_kinds(self, more):
        for kind in KINDS:
            with self.subTest(kind=kind):
                port = harness.free_port()
                yield port, self.daemon(self.service("timed", port, kind, more))

    def test_only_at_that_time(self):
        for port, daemon in self.both_kinds("access_times = { %s }" % span(60, 180)):
            self.assertEqual(answer(port, b"x"), b"")
            daemon.wait_for(r"FAIL: timed time from=127\.0\.0\.1$")
            text = daemon.config_path.read_text()
            daemon.reload(text.replace("access_times = {",
                                       "access_times = { %s," % span(-120, 120)))
            harness.eventually(lambda: answer(port, b"x") == b"x", "it is open")

    def test_spans_may_cross_midnight_and_end_with_the_day(self):
        # Whatever the time is now, one of the two is open.
        for port, _ in self.both_kinds("access_times = { 0:00-12:00, 12:01-24:00 }"):
            self.assertEqual(exchange(port, b"x"), b"x")
        # From a moment ago, over midnight, to an hour ago.
        for port, _ in self.both_kinds("access_times = { %s }" % span(-5, -60)):
            self.assertEqual(exchange(port, b"x"), b"x")
        # Over midnight as well, for most of the day, but not now.
        for port, _ in self.both_kinds("access_times = { %s }" % span(60, -60)):
            self.assertEqual(answer(port, b"x"), b"")

    def test_local_time(self):
        zone = "EST+5" if datetime.datetime.now().hour % 2 else "XYZ-7"
        env = dict(os.environ, TZ=zone)
        hours = -5 if zone.startswith("EST") else 7
        there = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
        times = "%d:%02d-%d:%02d" % ((there.hour + 23) % 24, there.minute,
                                     (there.hour + 1) % 24, there.minute)
        for kind in KINDS:
            port, closed = harness.free_port(), harness.free_port()
            away = "%d:00-%d:00" % ((there.hour + 4) % 24, (there.hour + 8) % 24)
            self.daemon(self.service("here", port, kind, "access_times = " + times) +
                        self.service("away", closed, kind, "access_times = " + away),
                        env=env)
            self.assertEqual(exchange(port, b"x"), b"x")
            self.assertEqual(answer(closed, b"x"), b"")

    def test_out_of_hours_counts_against_nothing(self):
        for kind in KINDS:
            port = harness.free_port()
            daemon = self.daemon(self.service(
                "timed", port, kind, "access_times = " + span(60, 180)).replace(
                    OFF, "cps = { 1, 1h } "))
            for _ in range(20):
                self.assertEqual(answer(port, b"x"), b"")
            daemon.wait_for(r"FAIL: timed time", count=20)
            self.assertEqual(daemon.matches(r"rests"), [])

    def test_too_high_a_load(self):
        if os.getloadavg()[0] < 0.02:
            self.skipTest("there is no load at all")
        for port, daemon in self.both_kinds("max_load = 0.000001"):
            self.assertEqual(answer(port, b"x"), b"")
            daemon.wait_for(r"FAIL: timed load from=127\.0\.0\.1$")
            daemon.wait_for(r"service 'timed': refusing clients at a load average of \d")

    def test_a_load_that_is_low_enough(self):
        for port, _ in self.both_kinds("max_load = 1000000"):
            self.assertEqual(exchange(port, b"x"), b"x")

    def test_wait_services_are_asked_again_and_not_deaf(self):
        """xinetd forgets such a service for ever."""
        port = harness.free_port()
        config = """
            service timed { bind = 127.0.0.1 port = %d protocol = udp wait = yes
                            server = %s %s %s log_on_failure = { HOST }
                            access_times = %s }"""
        script = self.script("#!/bin/sh\nhead -c 1 >/dev/null\necho got >&2\n")
        arguments = [port, script, user_line() + " stderr = log", OFF]
        daemon = self.daemon(config % (*arguments, span(60, 180)))
        client = harness.datagram_socket()
        self.addCleanup(client.close)
        client.sendto(b"x\n", ("127.0.0.1", port))
        daemon.wait_for(r"FAIL: timed time from=127\.0\.0\.1")
        daemon.reload(config % (*arguments, span(-60, 180)))
        client.sendto(b"x\n", ("127.0.0.1", port))
        daemon.wait_for(r"got")

    @harness.needs_root
    @harness.needs_program("xinetd")
    def test_the_same_as_xinetd(self):
        ports = [harness.free_port() for _ in range(3)]
        begin, end = (60, 120) if same_day(60, 120) else (-120, -60)
        now = (-60, 60) if same_day(-60, 60) else (-60, 0) if same_day(-60, 0) else (0, 60)
        times = [span(*now)], [span(begin, end)], [span(begin, end), span(*now)]
        text = xinetd.configuration([
            dict(name="s%d" % i, port=port, more="access_times = " + " ".join(times[i]))
            for i, port in enumerate(ports)])
        real = xinetd.Xinetd(self, text)
        answers = [answer(port, b"x") for port in ports]
        real.wait_for(r"FAIL: s1 time from=127\.0\.0\.1")
        real.stop()
        daemon = xinetd.usherd(self, text)
        self.assertEqual([answer(port, b"x") for port in ports], answers)
        self.assertEqual(answers, [b"x", b"", b"x"])
        daemon.wait_for(r"FAIL: s1 time from=127\.0\.0\.1")


if __name__ == "__main__":
    harness.main()
