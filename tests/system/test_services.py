# SPDX-License-Identifier: ISC
"""The in-process service `services`: which there are, now, and only for those who may
know."""
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


if __name__ == "__main__":
    harness.main()
