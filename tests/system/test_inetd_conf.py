# SPDX-License-Identifier: ISC
"""inetd.conf served as it is: with programs that know nothing of usherd, with the limits
written in it, and beside the inetd that it was written for."""
import os
import pwd
import signal
import socket
import subprocess
import sys
import unittest

import fetched
import harness
from harness import Case, exchange, needs_program, needs_root
from realworld import digest, random_file, run


def user():
    return "nobody" if harness.is_root() else pwd.getpwuid(os.getuid()).pw_name


class InetdConf(Case):
    def start(self, text, native=""):
        self.path = self.scratch() / "inetd.conf"
        self.path.write_text(text)
        return self.daemon(native, options=("-i", str(self.path)))

    def check(self, text, *options):
        path = self.scratch() / "inetd.conf"
        path.write_text(text)
        return subprocess.run([harness.USHERD, *options, "-i", str(path)],
                              capture_output=True, text=True)

    def test_programs_with_their_arguments(self):
        program, echo = harness.free_port(), harness.free_port()
        self.start("# a comment\n127.0.0.1:\n"
                   "%d\tstream\ttcp\tnowait\t%s\t/bin/cat\tcat\n"
                   "%d stream tcp nowait %s /bin/echo echo 'two words'\n"
                   % (program, user(), echo, user()))
        self.assertEqual(exchange(program, b"through a program"), b"through a program")
        self.assertEqual(exchange(echo), b"two words\n")

    @needs_program("busybox")
    def test_the_first_argument_is_the_name_of_the_program(self):
        port = harness.free_port()
        self.start("127.0.0.1:%d stream tcp nowait %s %s echo by its name\n"
                   % (port, user(), harness.program("busybox")))
        self.assertEqual(exchange(port), b"by its name\n")

    @needs_program("busybox")
    def test_a_web_server_of_busybox(self):
        port = harness.free_port()
        files = self.scratch()
        files.chmod(0o755)
        (files / "page").write_text("a page\n")
        self.start("127.0.0.1:%d stream tcp nowait %s %s httpd -i -h %s\n"
                   % (port, user(), harness.program("busybox"), files))
        answer = exchange(port, b"GET /page HTTP/1.0\r\n\r\n")
        self.assertIn(b"200 OK", answer)
        self.assertTrue(answer.endswith(b"a page\n"))

    @needs_program("in.tftpd", "tftp")
    @needs_root
    def test_a_tftp_server_with_wait(self):
        files = self.scratch()
        source = random_file(files / "file", 150001)
        port = harness.free_port(socket.SOCK_DGRAM)
        self.start("%d dgram udp wait root %s in.tftpd\n\t--secure %s\n"
                   % (port, harness.program("in.tftpd"), files))
        target = self.scratch() / "fetched"
        for family, host in ("-4", "127.0.0.1"), ("-6", "::1"):
            run("tftp", family, "-m", "binary", host, port, "-c", "get", "file", target)
            self.assertEqual(digest(target), digest(source))
            target.unlink()

    def test_programs_see_addresses_of_their_clients_family(self):
        plain, both = harness.free_port(), harness.free_port()
        # The interpreter of the tests may be one that nobody else can start.
        owner = pwd.getpwuid(os.getuid()).pw_name
        line = ("%d stream %s nowait " + owner + " " + sys.executable + " python3 -c "
                "'import socket; print(socket.socket(fileno=0).family.name)'\n")
        self.start(line % (plain, "tcp") + line % (both, "tcp46"))
        for port in plain, both:
            # Who has sent all it had before it is accepted stays as it is.
            with harness.connect(port) as client:
                self.assertEqual(harness.read_all(client), b"AF_INET\n")
            self.assertEqual(exchange(port, host="::1"), b"AF_INET6\n")

    def test_families_have_their_own_lines(self):
        port = harness.free_port()
        self.start("%d stream tcp nowait %s /bin/echo echo four\n"
                   "%d stream tcp6 nowait %s /bin/echo echo six\n"
                   % (port, user(), port, user()))
        self.assertEqual(exchange(port, host="127.0.0.1"), b"four\n")
        self.assertEqual(exchange(port, host="::1"), b"six\n")

    def test_a_mistake_costs_its_line_alone(self):
        port = harness.free_port()
        text = ("too short\n127.0.0.1:%d stream tcp nowait %s /bin/echo echo good\n"
                "1 stream tcp nowait no-such-user-here /bin/cat cat\n" % (port, user()))
        log = self.start(text)
        log.wait_for(r"inetd\.conf:1: error: expected 'NAME TYPE PROTOCOL")
        self.assertEqual(exchange(port), b"good\n")
        self.assertEqual(self.check(text, "-t").returncode, 78)
        self.assertEqual(self.check(text.split("\n")[1] + "\n", "-t").returncode, 0)

    def test_a_reload_reads_the_file_again(self):
        one, two = harness.free_port(), harness.free_port()
        line = "127.0.0.1:%d stream tcp nowait " + user() + " /bin/echo echo %s\n"
        log = self.start(line % (one, "one"))
        self.assertEqual(exchange(one), b"one\n")
        self.path.write_text(line % (two, "two"))
        log.send(signal.SIGHUP)
        log.wait_for(r"configuration reloaded")
        self.assertEqual(exchange(two), b"two\n")
        with self.assertRaises(ConnectionRefusedError):
            harness.connect(one)

    def test_files_of_a_directory(self):
        directory = self.scratch()
        ports = {name: harness.free_port() for name in ("one", "two", "left~", "x.old")}
        for name, port in ports.items():
            (directory / name).write_text(
                "127.0.0.1:%d stream tcp nowait %s /bin/echo echo %s\n"
                % (port, user(), name))
        self.daemon('inetd_conf = "%s"\n' % directory)
        self.assertEqual(exchange(ports["one"]), b"one\n")
        self.assertEqual(exchange(ports["two"]), b"two\n")
        for name in "left~", "x.old":
            with self.assertRaises(ConnectionRefusedError):
                harness.connect(ports[name])

    def test_what_it_converts_to_serves_the_same(self):
        port = harness.free_port()
        result = self.check("127.0.0.1:%d stream tcp nowait/5 %s /bin/sh sh -c "
                            "'echo \"it is $0\"; cat'\n" % (port, user()), "-T")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.daemon(result.stdout)
        self.assertEqual(exchange(port, b"and reads"), b"it is sh\nand reads")

    def test_starts_in_a_minute(self):
        port, other = harness.free_port(), harness.free_port()
        log = self.start("127.0.0.1:%d stream tcp nowait.3 %s /bin/echo echo x\n"
                         "127.0.0.1:%d stream tcp nowait %s /bin/echo echo y\n"
                         % (port, user(), other, user()),
                         "defaults { log_on_failure = { HOST } }\n")
        for _ in range(3):
            self.assertEqual(exchange(port), b"x\n")
        self.assertEqual(harness.answer(port), b"")
        log.wait_for(r"rests for 10 seconds: more than 3 connections per minute")
        self.assertEqual(exchange(other), b"y\n")


    def test_starts_in_a_minute_for_one_client(self):
        port = harness.free_port()
        log = self.start("127.0.0.1:%d stream tcp nowait/9/3 %s /bin/echo echo x\n"
                         % (port, user()))
        for _ in range(3):
            self.assertEqual(exchange(port, source="127.0.0.2"), b"x\n")
        self.assertEqual(harness.answer(port, source="127.0.0.2"), b"")
        self.assertEqual(exchange(port, source="127.0.0.3"), b"x\n")
        self.assertEqual(log.matches("rests for"), [])


class PerMinute(Case):
    def test_the_rest_is_short_and_ends_by_itself(self):
        port = harness.free_port()
        log = self.daemon("service s { bind = 127.0.0.1 port = %d internal = daytime\n"
                          "cpm = { 30, 3s } }\n" % port)
        for _ in range(30):
            self.assertNotEqual(exchange(port), b"")
        self.assertEqual(harness.answer(port), b"")
        log.wait_for(r"'s' rests for 3 seconds: more than 30 connections per minute")
        log.wait_for(r"'s' accepts connections again")
        self.assertNotEqual(exchange(port), b"")


PEERS = {"inetd": ("-i",), "inetutils-inetd": ("-d",)}


@needs_root
class SideBySide(Case):
    """The same lines, served by usherd and by whichever inetd there is."""

    def lines(self, files):
        port = harness.free_port()
        cat, shell, tftp = (harness.free_port() for _ in range(3))
        # inetutils knows no addresses in the first field.
        return (cat, shell, tftp), (
            "#<off># telnet stream tcp nowait root /usr/sbin/tcpd in.telnetd\n"
            "%d\tstream\ttcp4\tnowait\tnobody\t/bin/cat\tcat\n"
            "%d stream tcp4 nowait nobody:nogroup %s ls -d /\n"
            "%d dgram udp4 wait root %s in.tftpd --secure %s\n"
            "%d stream tcp4 nowait no-such-user-here /bin/cat cat\n"
            % (cat, shell, harness.program("busybox"), tftp,
               harness.program("in.tftpd"), files, port))

    def peer(self, name, text):
        path = self.scratch() / "inetd.conf"
        path.write_text(text)
        process = subprocess.Popen(fetched.apart(fetched.where(name), *PEERS[name], path),
                                   env=fetched.environ(fetched.where(name)),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def answers(self, ports):
        cat, shell, tftp = ports

        def is_up():
            try:
                return exchange(cat, b"data")
            except ConnectionRefusedError:
                return None
        target = self.scratch() / "fetched"
        got = [harness.eventually(is_up, "a service at port %d" % cat), exchange(shell)]
        run("tftp", "-4", "-m", "binary", "127.0.0.1", tftp, "-c", "get", "file", target)
        return got + [digest(target)]

    @needs_program("busybox", "in.tftpd", "tftp")
    def test_the_same_answers(self):
        names = [name for name in PEERS if fetched.look_up(name)]
        if not names:
            raise unittest.SkipTest("neither installed nor fetched: " + ", ".join(PEERS))
        files = self.scratch()
        random_file(files / "file", 5000)
        ports, text = self.lines(files)
        path = self.scratch() / "inetd.conf"
        path.write_text(text)
        self.daemon("", options=("-i", str(path)))
        ours = self.answers(ports)
        self.assertEqual(ours[:2], [b"data", b"/\n"])
        for name in names:
            ports, text = self.lines(files)
            self.peer(name, text)
            self.assertEqual(self.answers(ports), ours, name)


if __name__ == "__main__":
    harness.main()
