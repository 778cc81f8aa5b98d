# SPDX-License-Identifier: ISC
"""tftp-hpa's server as its authors mean it to run (udp, wait = yes), and programs that
serve one UDP peer each (wait = no)."""
import socket

import harness
from harness import Case, datagram_socket, needs_program, needs_root
from realworld import BOTH, at_once, digest, example, random_file, run, service


@needs_program("in.tftpd", "tftp")
@needs_root
class Tftp(Case):
    def setUp(self):
        self.files = self.scratch()
        self.sizes = (0, 1, 511, 512, 513, 150001)
        for size in self.sizes:
            random_file(self.files / str(size), size)

    def serve(self, *options, **more):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        arguments = ["--secure", *options, self.files]
        attributes = {"protocol": "udp", "wait": "yes", "user": "root", **more}
        return self.daemon(service("tftp", self.port, harness.program("in.tftpd"),
                                   arguments, **attributes))

    def tftp(self, host, *command):
        family = "-6" if ":" in host else "-4"
        return run("tftp", family, "-m", "binary", host, self.port, "-c", *command)

    def fetch(self, name, host="127.0.0.1"):
        """Fetch the file; True if what came is what the server has."""
        target = self.scratch() / "fetched"
        result = self.tftp(host, "get", name, target)
        self.assertTrue(target.exists(), result.stdout + result.stderr)
        return digest(target) == digest(self.files / str(name))

    def test_files_of_all_lengths_arrive_whole_over_both_families(self):
        self.serve()
        for host in BOTH:
            for size in self.sizes:
                self.assertTrue(self.fetch(size, host), (host, size))

    def test_twenty_fetches_in_a_row_need_one_server(self):
        daemon = self.serve()
        for _ in range(20):
            self.assertTrue(self.fetch(150001))
        daemon.wait_for(r"START: tftp")
        self.assertEqual(len(daemon.matches(r"START: tftp")), 1)
        self.assertEqual(len(daemon.matches(r"FAIL|EXIT: tftp")), 0)

    def test_five_fetches_at_once(self):
        self.serve()
        for host in BOTH:
            self.assertTrue(all(at_once(5, lambda _: self.fetch(150001, host))))

    def test_uploads_are_refused(self):
        self.serve()
        source = random_file(self.scratch() / "mine", 2000)
        before = digest(self.files / "513")
        for name in "513", "new":
            self.assertIn("Error code", self.tftp("127.0.0.1", "put", source,
                                                  name).stdout)
        self.assertEqual(digest(self.files / "513"), before)
        self.assertFalse((self.files / "new").exists())

    def test_paths_outside_the_directory_are_not_served(self):
        self.serve()
        target = self.scratch() / "passwd"
        for name in "/etc/passwd", "../../etc/passwd":
            self.assertIn("Error code", self.tftp("127.0.0.1", "get", name,
                                                  target).stdout)

    def test_a_server_that_ended_by_itself_is_started_again(self):
        daemon = self.serve("--timeout", "1")
        for number in range(1, 4):
            self.assertTrue(self.fetch(513))
            daemon.wait_for(r"EXIT: tftp status=0", count=number)
        self.assertTrue(self.fetch(150001))
        daemon.wait_for(r"START: tftp", count=4)

    def test_a_server_for_each_client_works_as_well(self):
        daemon = self.serve("--timeout", "1", wait="no")
        self.assertTrue(all(at_once(5, lambda _: self.fetch(150001))))
        daemon.wait_for(r"EXIT: tftp status=0", count=5)
        self.assertTrue(self.fetch(513, "::1"))

    def test_clients_of_others_are_refused_and_do_not_block_the_rest(self):
        daemon = self.serve(no_access=("127.0.0.2",))
        with datagram_socket("127.0.0.2") as stranger:
            for _ in range(3):
                stranger.sendto(b"\0\1513\0octet\0", ("127.0.0.1", self.port))
            daemon.wait_for(r"FAIL: tftp address from=127\.0\.0\.2", count=3)
            self.assertEqual(len(daemon.matches(r"START: tftp")), 0)
            self.assertTrue(self.fetch(513))

    def test_the_example_serves_its_directory(self):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        self.daemon(example("tftp", self.port, ("/srv/tftp }", "%s }" % self.files),
                            ("/usr/sbin/in.tftpd", harness.program("in.tftpd"))))
        for host in BOTH:
            self.assertTrue(self.fetch(150001, host))

    def test_a_reload_leaves_the_running_server_alone(self):
        daemon = self.serve()
        self.assertTrue(self.fetch(513))
        daemon.reload()
        self.assertTrue(self.fetch(150001))
        daemon.wait_for(r"START: tftp")
        self.assertEqual(len(daemon.matches(r"START: tftp")), 1)


class Peers(Case):
    """One small program per UDP peer, written in shell."""

    def serve(self, script):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        return self.daemon(service("peer", self.port, self.script(script),
                                   protocol="udp"))

    def ask(self, client, data, host="127.0.0.1"):
        client.sendto(data, (host, self.port))
        return client.recv(65536)

    def test_a_conversation_stays_with_its_process(self):
        # The name of the peer comes first, then what the peer says.
        self.serve("#!/bin/sh\necho $$ $UDPREMOTEIP $UDPREMOTEPORT\nexec cat\n")
        pids = set()
        clients = [(datagram_socket(host), host) for host in BOTH * 3]
        for client, host in clients:
            pid, address, port = self.ask(client, b"first", host).split()
            pids.add(pid)
            self.assertEqual(address.decode(), host)
            self.assertEqual(int(port), client.getsockname()[1])
            self.assertEqual(client.recv(100), b"first")
        self.assertEqual(len(pids), len(clients))
        for number in range(50):
            for client, host in clients:
                said = b"%d" % number
                self.assertEqual(self.ask(client, said, host), said)
        for client, _ in clients:
            client.close()

    def test_a_program_for_one_datagram_is_started_for_each(self):
        daemon = self.serve("#!/bin/sh\n"
                            "dd bs=65536 count=1 2>/dev/null | tr a-z A-Z\n")
        with datagram_socket() as client:
            for number in range(20):
                self.assertEqual(self.ask(client, b"abc %d" % number),
                                 b"ABC %d" % number)
                daemon.wait_for(r"EXIT: peer status=0", count=number + 1)

    def test_large_datagrams_arrive_whole(self):
        self.serve("#!/bin/sh\nexec cat\n")
        with datagram_socket() as client:
            for size in 1, 1472, 9000, 40000:
                data = bytes(size)
                self.assertEqual(self.ask(client, data), data)


if __name__ == "__main__":
    harness.main()
