# SPDX-License-Identifier: ISC
"""Programs started per client: many of them, failing ones, and what the log says."""
import concurrent.futures
import os
import signal
import socket
import stat
import threading

import harness
from harness import Case, connect, exchange, read_all, user_line

SERVICE = """
service {id} {{
    bind = 127.0.0.1
    port = {port}
    server = {server}
    {more}
    {user}
    cps = {{ 0, 1 }}
    log_on_success = {{ PID, HOST, EXIT, DURATION }}
    log_on_failure = {{ HOST }}
}}
"""


def service(port, server, more="", id="prog"):
    return SERVICE.format(id=id, port=port, server=server, more=more, user=user_line())


class Programs(Case):
    def test_a_program_reads_and_writes_the_connection(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, "/bin/cat"))
        data = os.urandom(500000)
        result = []
        with connect(port) as client:
            reader = threading.Thread(target=lambda: result.append(read_all(client)))
            reader.start()
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            reader.join()
        self.assertEqual(result, [data])
        start = daemon.wait_for(r"START: prog pid=(\d+) from=127\.0\.0\.1$")
        daemon.wait_for(r"EXIT: prog status=0 pid=%s duration=\d+\(sec\)$"
                        % start.group(1))

    def test_exit_status_and_signal_are_recorded(self):
        port, other = harness.free_port(), harness.free_port()
        daemon = self.daemon(
            service(port, "/bin/sh", 'server_args = { "-c", "exit 7" }') +
            service(other, "/bin/sh", 'server_args = { "-c", "kill -9 $$" }', "killed"))
        exchange(port)
        daemon.wait_for(r"EXIT: prog status=7 pid=\d+ duration=0\(sec\)")
        exchange(other)
        daemon.wait_for(r"EXIT: killed signal=9 pid=\d+ duration=0\(sec\)")

    def test_a_thousand_clients_in_a_row_are_all_answered(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, "/bin/cat"))
        for number in range(1000):
            data = b"%d" % number
            self.assertEqual(exchange(port, data), data)
        daemon.wait_for(r"EXIT: prog status=0", count=1000)
        self.assertEqual(len(daemon.matches(r"FAIL: ")), 0)

    def test_two_thousand_clients_32_at_a_time_are_all_answered(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, "/bin/cat"))

        def one(number):
            data = b"%d\n" % number * 100
            return exchange(port, data) == data

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            self.assertTrue(all(pool.map(one, range(2000))))
        daemon.wait_for(r"EXIT: prog status=0", count=2000)
        harness.eventually(lambda: not daemon.children(), "all children reaped")

    def test_a_program_that_cannot_start_is_named_with_the_step(self):
        port = harness.free_port()
        path = self.script("#!/no/such/interpreter\n")
        daemon = self.daemon(service(port, path))
        self.assertEqual(exchange(port), b"")
        daemon.wait_for(r"service 'prog': cannot start '%s': .*exec.*No such file" % path)
        daemon.wait_for(r"FAIL: prog fork from=127\.0\.0\.1")
        path.write_text("#!/bin/sh\necho back\n")
        self.assertEqual(exchange(port), b"back\n")

    def test_failing_starts_do_not_flood_the_log(self):
        port = harness.free_port()
        path = self.script("#!/no/such/interpreter\n")
        daemon = self.daemon(service(port, path))
        for _ in range(300):
            exchange(port)
        self.assertEqual(len(daemon.matches(r"cannot start")), 1)
        self.assertLessEqual(len(daemon.matches(r"FAIL: prog fork")), 250)

    def test_stderr_goes_where_it_was_told(self):
        ports = [harness.free_port() for _ in range(3)]
        more = 'server_args = { "-c", "echo to-stderr >&2" } stderr = %s'
        daemon = self.daemon("".join(
            service(port, "/bin/sh", more % target, target)
            for port, target in zip(ports, ("connection", "log", "null"))))
        self.assertEqual(exchange(ports[0]), b"to-stderr\n")
        self.assertEqual(exchange(ports[1]), b"")
        daemon.wait_for(r"service 'log': to-stderr$")
        self.assertEqual(exchange(ports[2]), b"")
        self.assertEqual(len(daemon.matches(r"to-stderr")), 1)

    def test_what_a_program_says_cannot_forge_log_lines(self):
        port = harness.free_port()
        daemon = self.daemon(service(
            port, "/bin/sh",
            'server_args = { "-c", "printf \'a\\\\033[2J\\\\rSTART: x\\\\n\' >&2" } stderr = log'))
        exchange(port)
        daemon.wait_for(r"service 'prog': a\\x1b\[2J\\x0dSTART: x$")

    def test_a_client_that_resets_or_says_nothing_costs_nothing_lasting(self):
        port = harness.free_port()
        daemon = self.daemon(service(port, "/bin/cat"))
        exchange(port, b"warm")
        harness.eventually(lambda: not daemon.children(), "child gone")
        before = len(daemon.descriptors())
        silent = [connect(port) for _ in range(30)]
        for client in silent:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\x01\x00\x00\x00\x00\x00\x00\x00")
            client.close()
        harness.eventually(lambda: not daemon.children() and
                           len(daemon.descriptors()) == before, "all is gone")
        self.assertEqual(exchange(port, b"alive"), b"alive")

    def test_unix_stream_with_owner_and_mode(self):
        directory = self.scratch()
        path = directory / "sock"
        daemon = self.daemon("""
            service unix {
                protocol = unix
                bind = { "%s", "@usherd-test-%d" }
                server = /bin/cat
                socket_mode = 0600
                %s
                log_on_success = { HOST }
            }""" % (path, os.getpid(), user_line()))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        for address in str(path), "\0usherd-test-%d" % os.getpid():
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(address)
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(read_all(client), b"hello")
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(path.exists())

    def test_dual_stack_and_v6only(self):
        both, six = harness.free_port(), harness.free_port()
        self.daemon("""
            service both { bind = "::" port = %d server = /bin/sh
                           server_args = { "-c", "echo $REMOTE_ADDR" } %s }
            service six { bind = "::" v6only = yes port = %d server = /bin/cat %s }
            """ % (both, user_line(), six, user_line()))
        self.assertEqual(exchange(both), b"127.0.0.1\n")
        self.assertEqual(exchange(both, host="::1"), b"::1\n")
        self.assertEqual(exchange(six, b"x", host="::1"), b"x")
        with self.assertRaises(ConnectionRefusedError):
            connect(six)

    def test_port_ranges_and_lists(self):
        config = """
            service range { bind = 127.0.0.1 port = { %d-%d }
                server = /bin/sh server_args = { "-c", "echo $TCPLOCALPORT" } %s }"""
        # Below the ports that the kernel hands out to clients.
        first = 20000 + os.getpid() % 10000
        daemon = self.daemon(config % (first, first + 3, user_line()))
        daemon.wait_for(r"4 of 4 sockets bound")
        for port in range(first, first + 4):
            self.assertEqual(exchange(port), b"%d\n" % port)

    def test_bind_to_an_interface_by_name(self):
        port = harness.free_port()
        self.daemon(service(port, "/bin/cat", "interface = lo"))
        self.assertEqual(exchange(port, b"x"), b"x")


if __name__ == "__main__":
    harness.main()
