# SPDX-License-Identifier: ISC
"""Many ports: their sockets are kept out of the table that every start copies, and all
that can happen to a socket happens to these as well."""
import contextlib
import os
import random
import signal

import harness
from harness import Case, connect, datagram_socket, exchange, read_all, user_line

PORTS = 300
STRACE = harness.program("strace")


def free_ports(count):
    """The first of so many free ones in a row, where no other suite looks for one."""
    while True:
        first = random.randrange(30000, 32700 - count)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    sock = stack.enter_context(harness.socket.socket())
                    sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        return first


def crowd(first):
    return """
        defaults { cps = { 0, 1 } log_on_success = { PID } log_on_failure = { HOST } }
        service crowd {
            bind = 127.0.0.1
            port = %d-%d
            server = /bin/cat
            %s
        }""" % (first, first + PORTS - 1, user_line())


def service(name, port, more):
    return "service %s { bind = 127.0.0.1 port = %d %s }\n" % (name, port, more)


def program(name, port, more=""):
    return service(name, port, "server = /bin/cat %s %s" % (user_line(), more))


def table_sizes(daemon):
    """Descriptors of the keeper, and of the thread that works."""
    return [len(os.listdir("/proc/%d/task/%d/fd" % (daemon.pid, task)))
            for task in (daemon.pid, harness.working_thread(daemon.pid))]


class Ports(Case):
    def busy(self, config=""):
        """A daemon with a crowd of ports and @config."""
        self.first = free_ports(PORTS)
        return self.daemon(crowd(self.first) + config)

    def test_the_working_table_stays_small(self):
        daemon = self.busy()
        for port in self.first, self.first + PORTS // 2, self.first + PORTS - 1:
            self.assertEqual(exchange(port, b"x"), b"x")
        kept, own = table_sizes(daemon)
        self.assertGreaterEqual(kept, PORTS)
        self.assertLess(own, 30)

    def test_few_ports_are_seen_by_ss_and_lsof_too(self):
        port = harness.free_port()
        daemon = self.daemon(program("cat", port))
        inodes = [os.readlink(path) for path in daemon.descriptors()
                  if path.startswith("/proc/%d/task/%d/" % (daemon.pid, daemon.pid))]
        with open("/proc/net/tcp") as table:
            wanted = [line.split()[9] for line in table
                      if line.split()[1] == "0100007F:%04X" % port]
        self.assertIn("socket:[%s]" % wanted[0], inodes)

    def test_reloads_add_and_remove_and_leak_nothing(self):
        daemon = self.busy()
        before = table_sizes(daemon)
        for _ in range(3):
            extra = [harness.free_port() for _ in range(40)]
            daemon.reload(crowd(self.first) + "".join(
                program("p%d" % port, port) for port in extra))
            for port in extra[0], extra[-1], self.first:
                self.assertEqual(exchange(port, b"x"), b"x")
            daemon.reload(crowd(self.first))
            for port in extra[0], extra[-1]:
                with self.assertRaises(ConnectionRefusedError):
                    connect(port)
        harness.eventually(lambda: table_sizes(daemon) == before, "nothing more is open")

    def test_waiting_clients_survive_a_reload(self):
        daemon = self.busy()
        daemon.send(signal.SIGSTOP)
        clients = [connect(self.first + i) for i in range(20)]
        daemon.write(crowd(self.first).replace("/bin/cat", "/bin/cat nice = 1"))
        daemon.send(signal.SIGHUP)
        daemon.send(signal.SIGCONT)
        for client in clients:
            with client:
                client.sendall(b"still here")
                client.shutdown(harness.socket.SHUT_WR)
                self.assertEqual(read_all(client), b"still here")

    def test_cps_rests_a_parked_listener_and_wakes_it(self):
        port = harness.free_port()
        daemon = self.busy(program("brief", port, "cps = { 2, 1 }"))
        for _ in range(3):
            with contextlib.suppress(OSError):
                exchange(port, b"x")
        daemon.wait_for(r"service 'brief' rests")
        with self.assertRaises(ConnectionRefusedError):
            connect(port)
        daemon.wait_for(r"service 'brief' accepts connections again")
        self.assertEqual(exchange(port, b"x"), b"x")

    def test_in_process_services_and_a_killed_worker(self):
        port = harness.free_port()
        daemon = self.busy(service("echo", port, "internal = echo"))
        for _ in range(3):
            self.assertEqual(exchange(port, b"x"), b"x")
            worker, = daemon.children()
            os.kill(worker, signal.SIGKILL)
            daemon.wait_for(r"worker %d was ended" % worker)
        self.assertEqual(exchange(port, b"x"), b"x")
        self.assertLess(table_sizes(daemon)[1], 30)

    def test_wait_services(self):
        script = self.script("""#!/usr/bin/env python3
import socket
s = socket.socket(fileno=0)
data, peer = s.recvfrom(100)
s.sendto(data.upper(), peer)
""")
        port = harness.free_port(harness.socket.SOCK_DGRAM)
        daemon = self.busy(service("shout", port, "protocol = udp wait = yes server = %s %s"
                                   % (script, user_line())))
        with datagram_socket() as client:
            for i in range(5):
                client.sendto(b"hello%d" % i, ("127.0.0.1", port))
                self.assertEqual(client.recv(100), b"HELLO%d" % i)
        self.assertLess(table_sizes(daemon)[1], 30)

    def test_stops_cleanly(self):
        daemon = self.busy()
        self.assertEqual(daemon.stop(), 0)

    @harness.needs_program("strace")
    def test_without_pidfd_getfd_all_stays_in_one_table(self):
        first = free_ports(PORTS)
        wrapper = self.script(
            "#!/bin/sh\nexec '%s' -f -D -o /dev/null -e trace=pidfd_getfd -e signal=none "
            "-e inject=pidfd_getfd:error=EPERM '%s' \"$@\"\n" % (STRACE, harness.USHERD))
        real, harness.USHERD = harness.USHERD, str(wrapper)
        env = dict(os.environ)
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        try:
            daemon = harness.Daemon(crowd(first), env=env)
        finally:
            harness.USHERD = real
        try:
            self.assertEqual(exchange(first + PORTS - 1, b"x"), b"x")
            daemon.reload(crowd(first).replace("/bin/cat", "/bin/cat nice = 1"))
            self.assertEqual(exchange(first, b"x"), b"x")
        finally:
            self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    harness.main()
