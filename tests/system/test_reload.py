# SPDX-License-Identifier: ISC
"""SIGHUP: what stays, what changes, and that nothing gets lost."""
import collections
import os
import re
import signal
import socket
import threading

import harness
from harness import Case, connect, datagram_socket, exchange, read_all, user_line


def program(id, port, text="old", more=""):
    return """
        service %s {
            bind = 127.0.0.1
            port = %d
            server = /bin/sh
            server_args = { "-c", "read x; echo %s" }
            %s
            cps = { 0, 1 }
            log_on_success = { PID, EXIT }
            %s
        }""" % (id, port, text, user_line(), more)


def echo(id, port, more=""):
    return """
        service %s { protocol = { tcp, udp } bind = 127.0.0.1 port = %d internal = echo
            cps = { 0, 1 } log_on_success = { PID, HOST } %s }""" % (id, port, more)


def count_workers(daemon):
    """How many there are in the daemon's own books: unlike /proc, these have a worker
    from the end of the reload that asks for it until its channel has been closed."""
    mark = daemon.mark()
    daemon.send(signal.SIGUSR1)
    status = daemon.wait_for(r"status: .* and (\d+) workers running", since=mark)
    return int(status.group(1))


def descriptor_kinds(daemon):
    """How many descriptors of each kind: socket, pipe, anon_inode:[signalfd], a path."""
    links = [os.readlink(fd) for fd in daemon.descriptors()]
    return collections.Counter(re.sub(r"^(socket|pipe):.*", r"\1", link)
                               for link in links)


def settled_kinds(daemon):
    """Once they stay the same: what is to be closed may be so a moment later."""
    seen = []

    def is_settled():
        seen.append(descriptor_kinds(daemon))
        return len(seen) > 3 and seen[-3:] == [seen[-1]] * 3

    harness.eventually(is_settled, "the descriptors stay as they are")
    return seen[-1]


class Reload(Case):
    def test_add_change_remove_keep(self):
        a, b, c, d = (harness.free_port() for _ in range(4))
        daemon = self.daemon(program("a", a) + program("b", b) + program("c", c))
        daemon.reload(program("a", a) + program("b", b, "new") + program("d", d))
        daemon.wait_for(r"reloaded: 1 added, 1 changed, 1 removed, 1 kept")
        self.assertEqual(exchange(a, b"\n"), b"old\n")
        self.assertEqual(exchange(b, b"\n"), b"new\n")
        self.assertEqual(exchange(d, b"\n"), b"old\n")
        with self.assertRaises(ConnectionRefusedError):
            connect(c)

    def test_running_sessions_live_on_with_what_they_were_started_with(self):
        port = harness.free_port()
        daemon = self.daemon(program("p", port))
        with connect(port) as client:
            daemon.wait_for(r"START: p")
            daemon.reload(program("p", port, "new"))
            client.sendall(b"\n")
            self.assertEqual(read_all(client), b"old\n")
        self.assertEqual(exchange(port, b"\n"), b"new\n")
        with connect(port) as client:
            daemon.wait_for(r"START: p", count=3)
            daemon.reload("")
            client.sendall(b"\n")
            self.assertEqual(read_all(client), b"new\n")
        daemon.wait_for(r"EXIT: p status=0", count=3)

    def test_in_process_sessions_live_on_in_the_old_worker(self):
        port = harness.free_port()
        daemon = self.daemon(echo("e", port), options=("-v",))
        with connect(port) as client:
            client.settimeout(harness.DEADLINE)
            client.sendall(b"a")
            self.assertEqual(client.recv(1), b"a")
            old = daemon.wait_for(r"START: e pid=(\d+)").group(1)
            mark = daemon.mark()
            daemon.reload(echo("e", port, "instances = 50"))
            # Until the old one has heard of it, it may still take a client.
            daemon.wait_for(r"worker \d+ serves", since=mark)
            for _ in range(3):
                mark = daemon.mark()
                exchange(port, b"x")
            new = daemon.wait_for(r"START: e pid=(\d+)", since=mark).group(1)
            self.assertNotEqual(old, new)
            client.sendall(b"b")
            self.assertEqual(client.recv(1), b"b")
        # The old worker ends with its last session.
        harness.eventually(lambda: int(old) not in daemon.children(), "worker drained")

    def test_a_broken_configuration_changes_nothing_and_says_why(self):
        port = harness.free_port()
        daemon = self.daemon(program("p", port))
        daemon.reload(program("p", port, "new") + "service q { prot = 3 }",
                      expect=r"cannot reload: \d+ errors; keeping the old configuration")
        daemon.wait_for(r"usherd\.conf:\d+: error: .*'prot'")
        self.assertEqual(exchange(port, b"\n"), b"old\n")
        daemon.reload(program("p", port, "new"))
        self.assertEqual(exchange(port, b"\n"), b"new\n")

    def test_a_signal_during_a_load_is_not_lost(self):
        port = harness.free_port()
        many = "".join("service off%d { port = 1 internal = echo disable = yes }\n" % i
                       for i in range(3000))
        daemon = self.daemon(program("p", port))
        for round in range(5):
            daemon.write(many + program("p", port, "first%d" % round))
            daemon.send(signal.SIGHUP)
            daemon.write(program("p", port, "last%d" % round))
            daemon.send(signal.SIGHUP)
            # Both may have come before the first was seen.
            harness.eventually(lambda: exchange(port, b"\n") == b"last%d\n" % round,
                               "the last configuration in effect")

    def test_is_stopped_in_the_middle_of_a_load(self):
        many = "".join("service off%d { port = 1 internal = echo disable = yes }\n" % i
                       for i in range(3000))
        daemon = self.daemon("")
        daemon.write(many)
        daemon.send(signal.SIGHUP)
        self.assertEqual(daemon.stop(), 0)

    def test_a_hundred_reloads_lose_no_client_of_an_unchanged_service(self):
        kept, inner, changing = (harness.free_port() for _ in range(3))
        fixed = program("kept", kept) + echo("inner", inner)
        daemon = self.daemon(fixed + program("changing", changing, "0"))
        done = threading.Event()
        served, failures = [0], []

        def clients(port, answer):
            while not done.is_set():
                try:
                    if exchange(port, b"\n") != answer:
                        failures.append("wrong answer on %d" % port)
                except OSError as error:
                    failures.append("%d: %s" % (port, error))
                served[0] += 1

        threads = [threading.Thread(target=clients, args=arguments)
                   for arguments in ((kept, b"old\n"), (inner, b"\n"))]
        for thread in threads:
            thread.start()
        for number in range(1, 101):
            daemon.reload(fixed + program("changing", changing, str(number)))
            self.assertEqual(exchange(changing, b"\n"), b"%d\n" % number)
        done.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(served[0], 200)

    def test_a_socket_moves_to_a_renamed_service_with_its_queue(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        text = """
            service %s { protocol = udp wait = yes bind = 127.0.0.1 port = %d
                server = %s cps = { 0, 1 } log_on_success = { PID, EXIT } %s }"""
        slow = self.script("#!/bin/sh\nexec sleep 0.3\n", "slow")
        reader = self.script("#!/bin/sh\ndd bs=100 count=1 2>/dev/null >&2\n", "reader")
        daemon = self.daemon(text % ("before", port, slow, user_line()))
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", port))
            daemon.wait_for(r"START: before")
            daemon.reload(text % ("after", port, reader, user_line()))
            daemon.wait_for(r"START: after")
            daemon.wait_for(r"EXIT: after status=0")

    def test_a_thousand_services_with_one_changed(self):
        ports = list(range(21000, 22000))
        names = ["s%d" % port for port in ports]
        text = [program(name, port) for name, port in zip(names, ports)]
        daemon = self.daemon("".join(text))
        daemon.wait_for(r"1000 of 1000 sockets bound")
        text[500] = program(names[500], ports[500], "new")
        daemon.reload("".join(text))
        daemon.wait_for(r"reloaded: 0 added, 1 changed, 0 removed, 999 kept")
        self.assertEqual(exchange(ports[500], b"\n"), b"new\n")
        self.assertEqual(exchange(ports[501], b"\n"), b"old\n")

    def test_descriptors_and_memory_do_not_grow_with_reloads(self):
        port, other = harness.free_port(), harness.free_port()
        one = program("p", port) + echo("e", other)
        two = program("p", port, "new") + echo("f", other)
        daemon = self.daemon(one)
        for _ in range(10):
            daemon.reload(two)
            daemon.reload(one)
        harness.eventually(lambda: count_workers(daemon) == 1, "one worker left")
        descriptors, memory = settled_kinds(daemon), daemon.resident_kb()
        for _ in range(50):
            daemon.reload(two)
            daemon.reload(one)
        harness.eventually(lambda: count_workers(daemon) == 1, "one worker left")
        self.assertEqual(settled_kinds(daemon), descriptors)
        daemon.assert_memory_grew_less_kb(memory, 512)

    def test_the_log_file_is_opened_anew(self):
        port = harness.free_port()
        path = self.scratch() / "log"
        daemon = self.daemon('log = "file:%s"\n' % path + program("p", port),
                             wait_ready=False, log_to_stderr=False)
        ready = r"usherd\[\d+\]: notice: usherd \S+ ready"
        harness.eventually(lambda: path.exists() and re.search(ready, path.read_text()),
                           "ready in the file")
        self.assertRegex(path.read_text(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ")
        path.rename(path.with_suffix(".1"))
        daemon.send(1)
        harness.eventually(lambda: path.exists() and "reloaded" in path.read_text(),
                           "the new file")
        exchange(port, b"\n")
        harness.eventually(lambda: "EXIT: p status=0" in path.read_text(), "lines")
        self.assertNotIn("EXIT", path.with_suffix(".1").read_text())


if __name__ == "__main__":
    harness.main()
