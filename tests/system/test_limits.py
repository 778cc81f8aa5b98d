# SPDX-License-Identifier: ISC
"""The guard in front of real clients: access lists, limits, and how they heal."""
import contextlib
import os
import time

import harness
from harness import Case, connect, exchange, read_all, user_line


def service(port, more, server='server = /bin/cat', bind="127.0.0.1"):
    return """
        service limited {
            bind = %s
            port = %d
            %s
            %s
            %s
            log_on_success = { PID, HOST, EXIT }
            log_on_failure = { HOST }
        }""" % (bind, port, server, user_line() if "server" in server else "", more)


IN_PROCESS = "internal = echo"
OFF = "cps = { 0, 1 } "


class Limits(Case):
    def both_kinds(self, more, **arguments):
        """The same limit on a program and on an in-process service."""
        for kind in "server = /bin/cat", IN_PROCESS:
            with self.subTest(kind=kind):
                port = harness.free_port()
                yield port, self.daemon(service(port, more, kind, **arguments))

    def refused(self, port, source=None):
        with contextlib.closing(connect(port, source=source)) as client:
            try:
                return read_all(client) == b""
            except ConnectionResetError:
                return True

    def test_only_from_and_no_access(self):
        more = OFF + "only_from = { 127.0.0.0/28, 127.0.1.1 } no_access = 127.0.0.7"
        for port, daemon in self.both_kinds(more):
            for source in "127.0.0.1", "127.0.0.15", "127.0.1.1":
                self.assertEqual(exchange(port, b"x", source=source), b"x")
            for source in "127.0.0.7", "127.0.0.16", "127.0.1.2":
                self.assertTrue(self.refused(port, source))
                daemon.wait_for(r"FAIL: limited address from=%s$" % source)

    def test_an_empty_only_from_lets_nobody_in(self):
        for port, daemon in self.both_kinds(OFF + "only_from = {}"):
            self.assertTrue(self.refused(port))
            daemon.wait_for(r"FAIL: limited address from=127\.0\.0\.1")

    def test_ipv6_rules_on_a_dual_stack_socket(self):
        more = OFF + 'only_from = { "::1", 127.0.0.2 }'
        for port, daemon in self.both_kinds(more, bind='"::"'):
            self.assertEqual(exchange(port, b"6", host="::1"), b"6")
            self.assertEqual(exchange(port, b"4", source="127.0.0.2"), b"4")
            self.assertTrue(self.refused(port, "127.0.0.3"))
            daemon.wait_for(r"FAIL: limited address from=127\.0\.0\.3$")

    def test_instances_heal_when_one_ends(self):
        for port, daemon in self.both_kinds(OFF + "instances = 2"):
            first, second = self.held(port), self.held(port)
            self.assertTrue(self.refused(port))
            daemon.wait_for(r"FAIL: limited service_limit from=127\.0\.0\.1")
            first.close()
            daemon.wait_for(r"EXIT: limited status=0")
            self.held(port)

    def test_per_source_counts_each_source_alone(self):
        for port, daemon in self.both_kinds(OFF + "per_source = 1"):
            first = self.held(port, "127.0.0.2")
            self.held(port, "127.0.0.3")
            self.assertTrue(self.refused(port, "127.0.0.2"))
            daemon.wait_for(r"FAIL: limited per_source_limit from=127\.0\.0\.2$")
            first.close()
            daemon.wait_for(r"EXIT: limited status=0")
            self.held(port, "127.0.0.2")

    def test_per_source_counts_by_prefix(self):
        more = OFF + "per_source = 1 source_prefix = { 24, 64 }"
        for port, daemon in self.both_kinds(more):
            self.held(port, "127.0.0.2")
            self.assertTrue(self.refused(port, "127.0.0.200"))
            self.held(port, "127.0.1.2")

    def assert_taken(self, port, source, count, tries):
        taken = [harness.answer(port, b"x", source) for _ in range(tries)]
        self.assertEqual(taken, [b"x"] * count + [b""] * (tries - count))

    def test_per_source_cpm_counts_each_source_alone(self):
        # Another place is free after 20 s; who is slower sees no harm but no refusal, too.
        for port, daemon in self.both_kinds("cps = { 7, 300 } per_source_cpm = 3"):
            begin = time.monotonic()
            self.assert_taken(port, "127.0.0.2", 3, 5)
            self.assert_taken(port, "127.0.0.3", 3, 3)
            if time.monotonic() - begin > 20:
                self.skipTest("this machine is too slow for 8 clients in 20 seconds")
            daemon.wait_for(r"FAIL: limited per_source_cpm from=127\.0\.0\.2$", count=2)
            self.assertEqual(daemon.matches("per_source_cpm from=127.0.0.3"), [])
            # Of the connections per second those that were refused took nothing.
            self.assertEqual(daemon.matches("rests for"), [])

    def test_per_source_cpm_counts_by_prefix(self):
        more = OFF + "per_source_cpm = 2 source_prefix = { 24, 64 }"
        for port, _daemon in self.both_kinds(more):
            for source, count in (("127.0.0.2", 1), ("127.0.0.200", 1), ("127.0.0.3", 0),
                                  ("127.0.1.2", 1)):
                self.assert_taken(port, source, count, 1)

    def test_per_source_cpm_of_ipv6(self):
        for port, daemon in self.both_kinds(OFF + "per_source_cpm = 1", bind='"::1"'):
            self.assertEqual(exchange(port, b"x", "::1"), b"x")
            with contextlib.closing(connect(port, "::1")) as client:
                self.assertEqual(harness.read_all_quietly(client), b"")
            daemon.wait_for(r"FAIL: limited per_source_cpm from=::1$")

    def test_per_source_cpm_is_exact_over_several_workers(self):
        port = harness.free_port()
        daemon = self.daemon("workers = 4\n" + service(
            port, OFF + "per_source_cpm = 5", IN_PROCESS))
        begin = time.monotonic()
        answers = [harness.answer(port, b"x", "127.0.0.%d" % (2 + number % 2))
                   for number in range(40)]
        if time.monotonic() - begin > 12:
            self.skipTest("this machine is too slow for 40 clients in 12 seconds")
        self.assertEqual(answers, [b"x"] * 10 + [b""] * 30)
        daemon.wait_for(r"FAIL: limited per_source_cpm from=127\.0\.0\.2$")

    def test_per_source_cpm_of_datagrams(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, OFF + "per_source_cpm = 2 protocol = udp",
                                     IN_PROCESS))
        with harness.datagram_socket("127.0.0.2") as one, \
                harness.datagram_socket("127.0.0.3") as other:
            for client, text in ((one, b"1"), (one, b"2"), (other, b"4")):
                client.sendto(text, ("127.0.0.1", port))
                self.assertEqual(client.recv(10), text)
            one.sendto(b"3", ("127.0.0.1", port))
            daemon.wait_for(r"FAIL: limited per_source_cpm from=127\.0\.0\.2$")

    def test_per_source_cpm_of_a_worker_that_is_another_program(self):
        if not any(each.name == "usherd-http" for each in harness.worker_programs()):
            self.skipTest("built without http")
        port = harness.free_port()
        self.daemon("workers = 2\n" + service(
            port, OFF + "per_source_cpm = 2",
            'internal = http document_root = "%s"' % self.scratch()))
        said = [harness.answer(port, b"GET / HTTP/1.0\r\n\r\n", source)[:5]
                for source in ("127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.3")]
        self.assertEqual(said, [b"HTTP/", b"HTTP/", b"", b"HTTP/"])

    def test_a_worker_that_dies_leaves_what_it_counted_by_source(self):
        port = harness.free_port()
        daemon = self.daemon("workers = 2\n" + service(
            port, OFF + "per_source_cpm = 2", IN_PROCESS))
        self.assert_taken(port, "127.0.0.2", 2, 3)
        os.kill(daemon.children()[0], 9)
        daemon.wait_for(r"starting another")
        self.assert_taken(port, "127.0.0.2", 0, 1)
        self.assert_taken(port, "127.0.0.3", 2, 3)

    def test_a_reload_forgives_no_source(self):
        port = harness.free_port()
        config = service(port, OFF + "per_source_cpm = 2")
        daemon = self.daemon(config)
        self.assert_taken(port, "127.0.0.2", 2, 3)
        daemon.reload(config.replace("PID, HOST", "HOST"))
        self.assert_taken(port, "127.0.0.2", 0, 1)

    def test_cps_refuses_at_once_and_recovers_by_itself(self):
        for port, daemon in self.both_kinds("cps = { 3, 1 }"):
            begin = time.monotonic()
            for _ in range(3):
                exchange(port, b"x")
            if time.monotonic() - begin > 1:
                self.skipTest("this machine is too slow for 4 clients in a second")
            self.assertTrue(self.refused(port))
            daemon.wait_for(r"FAIL: limited connections per second from=")
            daemon.wait_for(r"service 'limited' rests for 1 seconds")
            with self.assertRaises(ConnectionRefusedError):
                connect(port)
            daemon.wait_for(r"service 'limited' accepts connections again")
            self.assertEqual(exchange(port, b"again"), b"again")

    def test_a_reload_ends_a_pause(self):
        for kind in "server = /bin/cat", IN_PROCESS:
            port = harness.free_port()
            config = service(port, "cps = { 1, 300 }", kind)
            daemon = self.daemon(config)
            exchange(port)
            self.refused(port)
            daemon.wait_for(r"rests for 300 seconds")
            daemon.reload(config.replace("300", "301"))
            self.assertEqual(exchange(port, b"x"), b"x")
            self.refused(port)
            daemon.wait_for(r"rests for 301 seconds")
            # The socket goes to another service: that one is not at rest.
            daemon.reload(config.replace("service limited", "service other"))
            self.assertEqual(exchange(port, b"y"), b"y")

    def test_strangers_do_not_use_up_the_connections_of_others(self):
        for port, daemon in self.both_kinds("cps = { 2, 300 } only_from = 127.0.0.2"):
            for _ in range(10):
                self.assertTrue(self.refused(port, "127.0.0.3"))
            self.assertEqual(exchange(port, b"x", source="127.0.0.2"), b"x")
            self.assertEqual(len(daemon.matches("rests for")), 0)

    def test_running_sessions_outlive_a_pause(self):
        for port, daemon in self.both_kinds("cps = { 2, 1 }"):
            session = self.held(port)
            exchange(port)
            self.refused(port)
            daemon.wait_for(r"rests for 1 seconds")
            session.sendall(b"y")
            self.assertEqual(session.recv(1), b"y")
            daemon.wait_for(r"accepts connections again")

    def test_process_limit_is_for_all_programs_together(self):
        ports = harness.free_port(), harness.free_port()
        daemon = self.daemon("max_children = 1\n" + "".join(
            service(port, OFF).replace("service limited", "service s%d" % number)
            for number, port in enumerate(ports)))
        first = self.held(ports[0])
        self.assertTrue(self.refused(ports[1]))
        daemon.wait_for(r"FAIL: s1 process_limit from=127\.0\.0\.1")
        first.close()
        daemon.wait_for(r"EXIT: s0 status=0")
        self.held(ports[1])

    def test_limits_stay_exact_over_a_reload(self):
        port = harness.free_port()
        config = service(port, OFF + "instances = 2")
        daemon = self.daemon(config)
        first, second = self.held(port), self.held(port)
        daemon.reload(config.replace("PID, HOST", "HOST"))
        self.assertTrue(self.refused(port))
        first.close()
        daemon.wait_for(r"EXIT: limited status=0")
        third = self.held(port)
        daemon.reload(config.replace("instances = 2", "instances = 1"))
        second.close()
        daemon.wait_for(r"EXIT: limited status=0", count=2)
        self.assertTrue(self.refused(port))
        third.close()
        daemon.wait_for(r"EXIT: limited status=0", count=3)
        self.held(port)

    def test_limits_of_in_process_services_hold_over_reloads(self):
        port = harness.free_port()
        config = service(port, OFF + "instances = 3 per_source = 2", IN_PROCESS)
        daemon = self.daemon(config)
        self.held(port, "127.0.0.2")
        first = self.held(port, "127.0.0.3")
        for number in range(4):
            daemon.reload(config.replace("instances = 3",
                                         "instances = 3 idle_timeout = %dm" % (number + 5)))
        second = self.held(port, "127.0.0.3")
        # Two of the three are counted by workers that are draining.
        self.assertTrue(self.refused(port, "127.0.0.4"))
        daemon.wait_for(r"FAIL: limited service_limit from=127\.0\.0\.4")
        first.close()
        daemon.wait_for(r"EXIT: limited status=0")
        self.held(port, "127.0.0.2")
        second.close()
        daemon.wait_for(r"EXIT: limited status=0", count=2)
        self.assertTrue(self.refused(port, "127.0.0.2"))
        daemon.wait_for(r"FAIL: limited per_source_limit from=127\.0\.0\.2")

    def test_the_dead_do_not_count(self):
        port = harness.free_port()
        config = service(port, OFF + "instances = 2", IN_PROCESS)
        daemon = self.daemon(config)
        self.held(port)
        old = int(daemon.wait_for(r"START: limited pid=(\d+)").group(1))
        daemon.reload(config.replace("instances = 2", "instances = 2 idle_timeout = 5m"))
        self.held(port)
        self.assertTrue(self.refused(port))
        os.kill(old, 9)
        harness.eventually(lambda: old not in daemon.children(), "the old worker is gone")
        self.held(port)

    def test_a_stricter_list_holds_although_another_worker_rests(self):
        a, b = harness.free_port(), harness.free_port()
        if not harness.is_root():
            self.skipTest("needs root: workers of two users")
        config = service(a, OFF, IN_PROCESS).replace("limited", "a") + \
            service(b, OFF + "user = 54331", IN_PROCESS).replace("limited", "b")
        daemon = self.daemon(config)
        exchange(a, b"x")
        for number in range(6):
            mark = daemon.mark()
            exchange(b, b"x")
            os.kill(int(daemon.wait_for(r"START: b pid=(\d+)", since=mark).group(1)), 9)
            daemon.wait_for(r"starting another", since=mark)
        daemon.reload(config.replace("service a {", "service a { only_from = 127.0.0.9"))
        # The old worker may take clients until it has read its order, not longer.
        harness.eventually(lambda: harness.answer(a, b"x") == b"", "the list holds", 1.5)

    def test_a_flood_of_refusals_is_summed_up(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, OFF + "no_access = 127.0.0.1"))
        for _ in range(400):
            self.refused(port)
        mark = time.monotonic()
        while time.monotonic() - mark < 1.1:
            self.refused(port)
        daemon.wait_for(r"service 'limited': \d+ refusals not logged")

    def test_a_crowd_at_a_full_service_is_turned_away_and_others_are_served(self):
        for port, daemon in self.both_kinds(OFF + "instances = 1"):
            other = harness.free_port()
            daemon.reload(daemon.config_path.read_text() + """
                service other { bind = 127.0.0.1 port = %d %s internal = echo }""" % (
                    other, OFF))
            self.held(port)
            crowd = []
            for _ in range(500):
                # From some number on the kernel does it.
                with contextlib.suppress(ConnectionError):
                    crowd.append(connect(port))
                    self.addCleanup(crowd[-1].close)
            self.assertEqual(exchange(other, b"x"), b"x")
            for client in crowd:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(read_all(client), b"")

    def test_a_door_closed_to_a_crowd_opens_when_a_place_is_free(self):
        for port, daemon in self.both_kinds(OFF + "instances = 1"):
            inside = self.held(port)
            end = time.monotonic() + 60
            while not daemon.matches("a crowd comes") and time.monotonic() < end:
                crowd = contextlib.ExitStack()
                with crowd, contextlib.suppress(ConnectionError):
                    for _ in range(1000):
                        crowd.enter_context(connect(port))
            daemon.wait_for(r"service 'limited' is full, and a crowd comes")
            inside.close()
            daemon.wait_for(r"EXIT: limited status=0")
            self.held(port)
            self.assertEqual(len(daemon.matches("shut down")), 0)

    def test_memory_does_not_grow_with_refused_clients(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, OFF + "no_access = 127.0.0.0/8 per_source = 5"))
        for _ in range(500):
            self.refused(port)
        before = daemon.resident_kb()
        for number in range(3000):
            self.refused(port, "127.%d.%d.1" % (number // 200, number % 200 + 1))
        daemon.assert_memory_grew_less_kb(before, 512)


if __name__ == "__main__":
    harness.main()
