# SPDX-License-Identifier: ISC
"""The in-process services `services` and `servers`: which there are, and what runs, now, and
only for those who may know."""
import contextlib

import harness
from harness import (Case, connect, eventually, exchange, free_port, read_all_quietly,
                     user_line)


class Services(Case):
    def setUp(self):
        self.port, self.first, self.second = free_port(), free_port(), free_port()
        self.path = self.scratch() / "socket"
        self.config = """
defaults { bind = 127.0.0.1 cps = { 0, 1 } }
service services { port = %d internal = services }
service both { name = known protocol = { tcp, udp } port = %d bind = { 127.0.0.1, 127.0.0.2 }
               internal = echo }
service program { port = %d server = /bin/cat %s }
service local { protocol = unix bind = %s internal = echo }
service off { disable = yes port = %d internal = echo }
""" % (self.port, self.first, self.second, user_line(), self.path, self.second)
        self.expected = ["services tcp %d" % self.port, "known tcp %d" % self.first,
                         "known udp %d" % self.first, "program tcp %d" % self.second,
                         "local unix %s" % self.path]

    def listed(self):
        with contextlib.closing(connect(self.port)) as client:
            return read_all_quietly(client).decode().splitlines()

    def test_lists_each_port_once(self):
        self.daemon(self.config)
        self.assertEqual(sorted(self.listed()), sorted(self.expected))
        self.assertTrue(exchange(self.port, b"anything\r\n").endswith(b"\n"))

    def test_a_reload_makes_it_anew(self):
        daemon = self.daemon(self.config)
        self.assertEqual(len(self.listed()), 5)
        third = free_port()
        daemon.reload(self.config + "service more { port = %d internal = echo }" % third)
        # The old worker may still have been about to accept.
        eventually(lambda: "more tcp %d" % third in self.listed(), "the new one is listed")
        daemon.reload(self.config)
        eventually(lambda: sorted(self.listed()) == sorted(self.expected), "it is not")

    def test_lists_and_limits_hold(self):
        daemon = self.daemon(self.config.replace(
            "internal = services", "internal = services no_access = 127.0.0.1 "
            "log_on_failure = HOST"))
        self.assertEqual(self.listed(), [])
        daemon.wait_for(r"FAIL: services address from=127\.0\.0\.1")


class Servers(Case):
    def setUp(self):
        self.port, self.program, self.echo = free_port(), free_port(), free_port()
        self.config = """
defaults { bind = 127.0.0.1 cps = { 0, 1 } }
service servers { port = %d internal = servers %%s }
service sleeper { name = known port = %d server = /bin/cat %s }
service repeat { port = %d internal = echo }
""" % (self.port, self.program, user_line(), self.echo)

    def running(self):
        with contextlib.closing(connect(self.port)) as client:
            return read_all_quietly(client).decode()

    def test_names_programs_and_counts_sessions(self):
        daemon = self.daemon(self.config % "")
        client = self.held(self.program)
        for _ in range(2):
            self.held(self.echo)
        text = eventually(
            lambda: (lambda t: "sleeper" in t and "sessions = 2" in t and t)(
                self.running()), "both are told of")
        (pid,) = [pid for pid in daemon.children()
                  if open("/proc/%d/comm" % pid).read() == "cat\n"]
        self.assertRegex(text, r"(?m)^sleeper server\npid = %d\nstart_time = .+\n"
                         r"Connection info:\n\tservice = known\n"
                         r"\tremote_address = 127\.0\.0\.1,%d\n\n"
                         % (pid, client.getsockname()[1]))
        self.assertIn("repeat server\nsessions = 2\n\n", text)
        client.close()
        eventually(lambda: "sleeper" not in self.running(), "its end is told")

    def test_ends_with_the_last_entry_that_fits(self):
        # 64 KiB hold some hundred entries.
        self.daemon(self.config % "")
        clients = [self.held(self.program) for _ in range(700)]
        text = eventually(lambda: (lambda t: len(t) > 60000 and t)(self.running()),
                          "there are many")
        self.assertLessEqual(len(text), 65536)
        self.assertTrue(text.endswith("\n\n"))
        self.assertLess(text.count("sleeper server"), len(clients))
        self.assertEqual(text.count("sleeper server"), text.count("remote_address"))

    def test_a_reload_takes_it_away_and_brings_it_back(self):
        daemon = self.daemon(self.config % "")
        self.held(self.program)
        eventually(lambda: "sleeper" in self.running(), "it is told of")
        daemon.reload(self.config % "disable = yes")
        daemon.reload(self.config % "")
        eventually(lambda: "sleeper" in self.running(), "it is told of again")
        daemon.reload(self.config % "no_access = 127.0.0.1 log_on_failure = HOST")
        eventually(lambda: self.running() == "", "nobody may know")
        daemon.wait_for(r"FAIL: servers address from=127\.0\.0\.1")


if __name__ == "__main__":
    harness.main()
