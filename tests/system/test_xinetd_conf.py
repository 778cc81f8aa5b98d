# SPDX-License-Identifier: ISC
"""Services of xinetd's files beside native ones: who serves them, and what their mistakes
cost at a reload."""
import os
import signal
import subprocess

import harness
from harness import Case, exchange

def user_name():
    return "nobody" if harness.is_root() else str(os.getuid())


def entry(name, port, more="", flags="IPv4"):
    text = """service %s
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	wait = no
	user = %s
	bind = 127.0.0.1
	port = %d
	server = /bin/echo
	server_args = %s
	flags = %s
	%s
}
"""
    return text % (name, user_name(), port, name, flags, more)


class XinetdConf(Case):
    def start(self, text, native=""):
        self.path = self.scratch() / "xinetd.conf"
        self.path.write_text(text)
        self.log = self.daemon('xinetd_conf = "%s"\n%s' % (self.path, native))
        return self.log

    def reload(self, text, expect):
        self.path.write_text(text)
        mark = self.log.mark()
        self.log.send(signal.SIGHUP)
        self.log.wait_for(expect, since=mark)
        return mark

    def test_both_kinds_of_files_in_one_daemon(self):
        ours, theirs = harness.free_port(), harness.free_port()
        self.start(entry("theirs", theirs),
                   "service ours { bind = 127.0.0.1 port = %d internal = echo }\n" % ours)
        self.assertEqual(exchange(ours, b"ours"), b"ours")
        self.assertEqual(exchange(theirs), b"theirs\n")

    def test_the_first_of_two_on_one_port_is_served(self):
        port = harness.free_port()
        log = self.start(entry("theirs", port),
                         "service ours { bind = 127.0.0.1 port = %d internal = echo }\n"
                         % port)
        log.wait_for(r"xinetd\.conf:1: error: service 'theirs' asks for tcp 127\.0\.0\.1:%d,"
                     r" which is taken by service 'ours' at .*:2" % port)
        self.assertEqual(exchange(port, b"ours"), b"ours")

    def test_a_mistake_costs_its_service_alone(self):
        good, bad = harness.free_port(), harness.free_port()
        log = self.start(entry("bad", bad, "instances = many") + entry("good", good))
        log.wait_for(r"error: instances: expected a number or UNLIMITED, got 'many'")
        self.assertEqual(exchange(good), b"good\n")
        with self.assertRaises(ConnectionRefusedError):
            harness.connect(bad)

    def test_at_a_reload_a_service_with_a_mistake_goes_on_as_it_was(self):
        one, two = harness.free_port(), harness.free_port()
        log = self.start(entry("one", one) + entry("two", two))
        self.assertEqual(exchange(one), b"one\n")
        mark = self.reload(entry("one", one, "instances = many") +
                           entry("two", two).replace("server_args = two", "server_args = new"),
                           r"reloaded: 0 added, 1 changed, 0 removed, 1 kept")
        log.wait_for(r"1 services with mistakes go on as they were", since=mark)
        self.assertEqual(exchange(one), b"one\n")
        self.assertEqual(exchange(two), b"new\n")
        self.reload(entry("one", one, "nice=3") + entry("two", two),
                    r"reloaded: 0 added, 1 changed, 0 removed, 1 kept")
        self.assertEqual(exchange(one), b"one\n")
        self.reload(entry("two", two), r"reloaded: 0 added, 0 changed, 1 removed, 1 kept")
        with self.assertRaises(ConnectionRefusedError):
            harness.connect(one)

    def test_a_mistake_in_defaults_changes_nothing(self):
        port = harness.free_port()
        log = self.start(entry("one", port))
        mark = self.reload("defaults\n{\n\tinstances = many\n}\n" + entry("two", port),
                           r"cannot reload: 1 errors; keeping the old configuration")
        self.assertEqual(exchange(port), b"one\n")
        self.assertEqual(log.matches(r"ended|reloaded:", since=mark), [])

    def test_the_check_counts_and_the_conversion_loads(self):
        good, bad = harness.free_port(), harness.free_port()
        directory = self.scratch()
        path = directory / "xinetd.conf"
        path.write_text(entry("bad", bad, "umask = 999") + entry("good", good))
        check = subprocess.run([harness.USHERD, "-t", "-x", path], capture_output=True,
                               text=True, check=False)
        self.assertEqual(check.returncode, 78)
        self.assertIn("1 services would be served, 1 are refused", check.stdout)
        converted = subprocess.run([harness.USHERD, "-T", "-x", path], capture_output=True,
                                   text=True, check=False)
        self.assertEqual(converted.returncode, 78)
        self.assertIn("# from %s:15\n" % path, converted.stdout)
        self.log = self.daemon(converted.stdout)
        self.assertEqual(exchange(good), b"good\n")

    def test_options_of_its_sockets(self):
        # NODELAY and KEEPALIVE are inherited by what is accepted, tcp(7).
        port = harness.free_port()
        script = self.script("#!/usr/bin/env python3\nimport socket, sys\n"
                             "s = socket.socket(fileno=0)\n"
                             "print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "
                             "s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))\n",
                             "options")
        text = entry("one", port, flags="NODELAY KEEPALIVE").replace(
            "server = /bin/echo", "server = %s" % script)
        self.start(text)
        self.assertEqual(exchange(port), b"1 1\n")
        self.reload(text.replace("NODELAY KEEPALIVE", "NODELAY"), "reloaded: 0 added, 1 changed")
        self.assertEqual(exchange(port), b"1 0\n")


if __name__ == "__main__":
    harness.main()
