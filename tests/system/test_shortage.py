# SPDX-License-Identifier: ISC
"""Out of descriptors, processes, disk: survived without spinning, healed by itself."""
import os
import resource
import socket
import subprocess

import harness
from harness import Case, connect, datagram_socket, exchange, read_all, user_line

CAT = """service cat { bind = 127.0.0.1 port = %d server = /bin/cat %s cps = { 0, 1 }
    log_on_success = { PID, EXIT } log_on_failure = { HOST } }
"""


def cat(port):
    return CAT % (port, user_line())


def echo(port):
    return """service echo { bind = 127.0.0.1 port = %d internal = echo cps = { 0, 1 }
        log_on_success = { PID, HOST } log_on_failure = { HOST } }""" % port


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as handle:
        fields = handle.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def limit_processes(daemon, uid, soft):
    """Lower or raise RLIMIT_NPROC of a running daemon, as the user it runs as."""
    subprocess.run(["prlimit", "--pid", str(daemon.pid), "--nproc=%d:100" % soft],
                   user=uid, check=True)


class Shortage(Case):
    def test_a_worker_out_of_descriptors_turns_clients_away_and_recovers(self):
        port = harness.free_port()
        daemon = self.daemon(echo(port), preexec=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (64, 64)))
        clients = [connect(port) for _ in range(150)]
        daemon.wait_for(r"service 'echo': cannot accept: Too many open files; turning "
                        r"clients away")
        daemon.wait_for(r"FAIL: echo resources from=127\.0\.0\.1")
        worker = int(daemon.wait_for(r"START: echo pid=(\d+)").group(1))
        self.assertLess(cpu_seconds(worker), 2)
        for client in clients:
            client.close()
        harness.eventually(lambda: len(daemon.descriptors(worker)) < 30, "sessions end")
        self.assertEqual(exchange(port, b"again"), b"again")
        self.assertLessEqual(len(daemon.matches("cannot accept")), 2)

    def test_a_supervisor_out_of_descriptors_turns_clients_away_and_recovers(self):
        port = harness.free_port()
        daemon = self.daemon(cat(port))
        self.assertEqual(exchange(port, b"before"), b"before")
        # The descriptors of a program that runs or has just ended are not to be counted.
        daemon.wait_for(r"EXIT: cat")
        low = max(int(os.path.basename(fd)) for fd in daemon.descriptors()) + 1
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (low - 1, 1024))
        for _ in range(20):
            with connect(port) as client:
                try:
                    self.assertEqual(read_all(client), b"")
                except ConnectionResetError:
                    pass
        daemon.wait_for(r"service 'cat': cannot accept: Too many open files")
        self.assertLess(cpu_seconds(daemon.pid), 2)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        harness.eventually(lambda: exchange(port, b"after") == b"after", "recovery")

    @harness.needs_root
    def test_no_process_can_be_made(self):
        # The limit counts all processes of a user: a user of its own is needed.
        port = harness.free_port()
        daemon = self.daemon(CAT % (port, "flags = NORETRY"), user=54321)
        self.assertEqual(exchange(port, b"before"), b"before")
        limit_processes(daemon, 54321, 0)
        for _ in range(20):
            with connect(port) as client:
                try:
                    self.assertEqual(read_all(client), b"")
                except ConnectionResetError:
                    pass
        daemon.wait_for(r"service 'cat': cannot start '/bin/cat': .*Resource temporarily")
        daemon.wait_for(r"FAIL: cat fork from=127\.0\.0\.1")
        self.assertEqual(len(daemon.matches("cannot start")), 1)
        limit_processes(daemon, 54321, 100)
        self.assertEqual(exchange(port, b"after"), b"after")

    @harness.needs_root
    def test_clients_are_kept_until_a_process_can_be_made(self):
        port = harness.free_port()
        daemon = self.daemon(CAT % (port, ""), user=54323)
        self.assertEqual(exchange(port, b"before"), b"before")
        limit_processes(daemon, 54323, 0)
        kept = [connect(port) for _ in range(3)]
        for client in kept:
            self.addCleanup(client.close)
            client.sendall(b"patience")
            client.shutdown(socket.SHUT_WR)
        daemon.wait_for(r"service 'cat': cannot start '/bin/cat': .*; trying again")
        limit_processes(daemon, 54323, 100)
        for client in kept:
            self.assertEqual(read_all(client), b"patience")
        self.assertEqual(daemon.matches(r"FAIL: cat fork"), [])

    @harness.needs_root
    def test_who_is_kept_for_a_service_that_goes_is_refused(self):
        port, other = harness.free_port(), harness.free_port()
        path = self.scratch() / "fail"
        path.write_text("sorry\n")
        daemon = self.daemon(CAT % (port, "banner_fail = %s" % path), user=54325)
        limit_processes(daemon, 54325, 0)
        with connect(port) as client:
            daemon.wait_for(r"cannot start '/bin/cat': .*; trying again")
            daemon.reload((CAT % (other, "")).replace("service cat", "service other"))
            limit_processes(daemon, 54325, 100)
            self.assertEqual(read_all(client), b"sorry\n")
        daemon.wait_for(r"FAIL: cat fork")

    @harness.needs_root
    def test_clients_are_not_kept_for_ever_nor_without_number(self):
        port = harness.free_port()
        path = self.scratch() / "fail"
        path.write_text("sorry\n")
        daemon = self.daemon(CAT % (port, "banner_fail = %s" % path),
                             user=54324)
        limit_processes(daemon, 54324, 0)
        clients = [connect(port) for _ in range(80)]
        for client in clients:
            self.addCleanup(client.close)
        daemon.wait_for(r"FAIL: cat fork", count=80 - 64)
        # Those that were too many have been told so by now, the others hear it later.
        for client in clients:
            self.assertEqual(read_all(client), b"sorry\n")
        daemon.wait_for(r"FAIL: cat fork", count=80)
        self.assertLess(cpu_seconds(daemon.pid), 2)
        limit_processes(daemon, 54324, 100)

    @harness.needs_root
    def test_no_process_for_a_waiting_datagram_does_not_spin(self):
        port = harness.free_port(socket.SOCK_DGRAM)
        daemon = self.daemon("""service w { protocol = udp wait = yes bind = 127.0.0.1
            port = %d server = /bin/sh server_args = { "-c", "dd bs=99 count=1 >&2" }
            stderr = log log_on_success = { PID, EXIT } log_on_failure = { HOST } }"""
                             % port, user=54322)
        limit_processes(daemon, 54322, 0)
        with datagram_socket() as client:
            client.sendto(b"patience", ("127.0.0.1", port))
            daemon.wait_for(r"FAIL: w fork", count=3)
            self.assertLess(cpu_seconds(daemon.pid), 1)
            limit_processes(daemon, 54322, 100)
            daemon.wait_for(r"service 'w': patience")

    @harness.needs_root
    def test_a_full_disk_costs_one_warning_and_no_client(self):
        directory = self.scratch()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", directory],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", directory])
        port = harness.free_port()
        (directory / "filler").write_bytes(b"x" * 57344)
        daemon = self.daemon('log = "file:%s/log"\n' % directory + cat(port),
                             wait_ready=False, log_to_stderr=False)
        log = directory / "log"
        harness.eventually(lambda: log.exists() and "ready" in log.read_text(), "ready")
        for number in range(200):
            self.assertEqual(exchange(port, b"%d" % number), b"%d" % number)
        harness.eventually(lambda: daemon.matches("No space left"), "the warning")
        self.assertEqual(len(daemon.matches("No space left")), 1)
        self.assertLess(log.read_text().count("EXIT: cat"), 200)
        (directory / "filler").unlink()
        # What had to wait in memory is written as soon as there is room.
        harness.eventually(lambda: log.read_text().count("EXIT: cat status=0") == 200,
                           "all lines are written")

    def test_a_log_that_nobody_reads_holds_nobody_up(self):
        port = harness.free_port()
        directory = self.scratch()
        config = directory / "c.conf"
        config.write_text(cat(port))
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        process = subprocess.Popen([harness.USHERD, "-f", str(config), "-l", "stderr"],
                                   stdin=subprocess.DEVNULL, stderr=writing)
        os.close(writing)
        self.addCleanup(process.wait, harness.DEADLINE)
        self.addCleanup(process.terminate)
        self.assertIn(b"ready", os.read(reading, 1000))
        # Far more lines than the pipe's 64 kB and the log's queue take together.
        for number in range(1500):
            self.assertEqual(exchange(port, b"x"), b"x")
        self.assertLess(cpu_seconds(process.pid), 10)
        text = b""
        while b"START" not in text:
            text = os.read(reading, 65536)
        self.assertIn(b"START: cat pid=", text)

    def test_fifty_thousand_clients_leave_nothing_behind(self):
        # Fewer where every call is instrumented and memory says nothing.
        slow = harness.is_sanitized() or harness.is_counting()
        total = int(os.environ.get("USHERD_TEST_CLIENTS", 3000 if slow else 50000))
        port, inner = harness.free_port(), harness.free_port()
        daemon = self.daemon(cat(port) + echo(inner))
        exchange(inner, b"x")
        worker = int(daemon.wait_for(r"START: echo pid=(\d+)").group(1))
        for number in range(500):
            exchange(port if number % 5 == 0 else inner, b"warm")
        before = [(len(daemon.descriptors(pid)), daemon.resident_kb(pid))
                  for pid in (daemon.pid, worker)]
        for number in range(total):
            data = b"%d" % number
            self.assertEqual(exchange(port if number % 5 == 0 else inner, data), data)
        harness.eventually(lambda: len(daemon.children()) == 1, "programs reaped")
        for pid, (descriptors, memory) in zip((daemon.pid, worker), before):
            harness.eventually(lambda: len(daemon.descriptors(pid)) <= descriptors,
                               "descriptors of %d" % pid)
            daemon.assert_memory_grew_less_kb(memory, 600, pid)


if __name__ == "__main__":
    harness.main()
