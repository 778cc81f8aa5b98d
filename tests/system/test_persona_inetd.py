# SPDX-License-Identifier: ISC
"""usherd called as inetd, beside OpenBSD's where that is installed; and the files that
both personas look for by themselves."""
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest

import fetched
import harness
from harness import Case, connect, eventually, read_all_quietly

INETD = fetched.look_up("inetd") and fetched.where("inetd")
USER = "nobody" if harness.is_root() else "root"


def is_openbsd():
    """The one whose options the tests use; not busybox, nor GNU's."""
    if INETD is None or not harness.is_root():
        return False
    result = subprocess.run([INETD, "-:"], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env=fetched.environ(INETD))
    return "[-dEil]" in result.stdout


def link(case, name):
    path = case.scratch() / name
    path.symlink_to(os.path.abspath(harness.startable()))
    return str(path)


def has_libwrap():
    return any(each.name == "usherd-libwrap" for each in harness.worker_programs())


def line(port, command, kind="stream", protocol="tcp", wait="nowait"):
    return "127.0.0.1:%d %s %s %s %s %s\n" % (port, kind, protocol, wait, USER, command)


def is_served(port):
    try:
        connect(port).close()
        return True
    except ConnectionRefusedError:
        return False


def cat(port):
    return line(port, "/bin/cat cat")


class Inetd(Case):
    real = False

    def command(self):
        return [link(self, "inetd")]

    def environ(self, given):
        return given

    def start(self, config, *options, env=None):
        """In the foreground, ready when all its ports answer."""
        self.config = self.scratch() / "inetd.conf"
        self.config.write_text(config)
        # No file in /run; the real one insists on it.
        options += () if self.real else ("-p",)
        process = subprocess.Popen([*self.command(), "-i", *options, str(self.config)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=self.environ(env))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def connected(self, port):
        def attempt():
            try:
                return connect(port)
            except ConnectionRefusedError:
                return None
        client = eventually(attempt, "port %d is served" % port)
        client.settimeout(harness.DEADLINE)
        self.addCleanup(client.close)
        return client

    def held(self, port):
        client = self.connected(port)
        self.assert_goes_on(client)
        return client

    def assert_goes_on(self, client):
        client.sendall(b"x\n")
        self.assertEqual(client.recv(2), b"x\n")

    def test_signals(self):
        for signo in signal.SIGTERM, signal.SIGINT:
            old, new = harness.free_port(), harness.free_port()
            inetd = self.start(cat(old))
            client = self.held(old)
            self.config.write_text(cat(old) + cat(new))
            inetd.send_signal(signal.SIGHUP)
            self.held(new)
            inetd.send_signal(signal.SIGALRM)
            self.held(old)
            inetd.send_signal(signo)
            self.assertEqual(inetd.wait(harness.DEADLINE), 0)
            self.assert_goes_on(client)

    def test_what_is_personal_is_not_passed_on(self):
        env = {"PATH": os.environ["PATH"], "HOME": "/h", "TMPDIR": "/t", "TERM": "t",
               "SSH_CLIENT": "s", "LANG": "C", "FOO": "1"}
        for options, present in ((), {"LANG", "FOO"}), (("-E",), set(env)):
            port = harness.free_port()
            inetd = self.start(line(port, "/usr/bin/env env"), *options, env=env)
            text = read_all_quietly(self.connected(port)).decode()
            names = {each.split("=")[0] for each in text.splitlines()}
            self.assertEqual(names & set(env), present)
            inetd.terminate()
            inetd.wait(harness.DEADLINE)

    def test_an_unknown_option_is_a_usage_error(self):
        result = subprocess.run([*self.command(), "-Z"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environ(None))
        self.assertEqual(result.returncode, 1)
        self.assertIn("usage: inetd", result.stderr)


@unittest.skipUnless(is_openbsd(), "openbsd-inetd is neither installed nor fetched")
class RealInetd(Inetd):
    """The same of OpenBSD's."""

    real = True

    def command(self):
        return fetched.apart(INETD)

    def environ(self, given):
        return {**fetched.environ(INETD), **(given or {})}


class Own(Case):
    def test_in_the_background_with_a_pid_file_and_a_folder(self):
        directory, port = self.scratch(), harness.free_port()
        (directory / "inetd.d").mkdir()
        (directory / "inetd.d" / "one").write_text(cat(port))
        pidfile = directory / "pid"
        result = subprocess.run([link(self, "inetd"), "--pidfile=%s" % pidfile,
                                 str(directory / "inetd.d")], stdin=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True,
                                timeout=harness.DEADLINE)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        pid = int(pidfile.read_text())
        self.addCleanup(lambda: pidfile.exists() and os.kill(pid, signal.SIGKILL))
        self.assertEqual(harness.exchange(port, b"a"), b"a")
        self.assertEqual(os.getsid(pid), pid)
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not pidfile.exists(), "the daemon ends")

    def test_the_rate_of_the_command_line(self):
        own, other = harness.free_port(), harness.free_port()
        config = self.scratch() / "inetd.conf"
        config.write_text(cat(own) + line(other, "/bin/cat cat", wait="nowait.100"))
        with subprocess.Popen([link(self, "inetd"), "-d", "-R", "2", str(config)],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as process:
            self.addCleanup(process.kill)
            for text in process.stderr:
                if " ready: " in text:
                    break
            for _ in range(2):
                self.assertEqual(harness.exchange(own, b"a"), b"a")
            self.assertEqual(harness.answer(own, b"a"), b"")
            for _ in range(4):
                self.assertEqual(harness.exchange(other, b"a"), b"a")
            process.terminate()
            process.stderr.read()
            self.assertEqual(process.wait(harness.DEADLINE), 0)

    def test_a_service_manager_sees_it_live(self):
        path = str(self.scratch() / "notify")
        config = self.scratch() / "inetd.conf"
        config.write_text(cat(harness.free_port()))
        env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(harness.DEADLINE)
            process = subprocess.Popen([link(self, "inetd"), "-p", str(config)],
                                       stdin=subprocess.DEVNULL, env=env)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            self.assertRegex(manager.recv(1000), rb"^READY=1\n")
            for _ in range(3):
                self.assertEqual(manager.recv(1000), b"WATCHDOG=1\n")
            process.terminate()
            self.assertEqual(process.wait(harness.DEADLINE), 0)


def can_replace_etc():
    return shutil.which("unshare") is not None and subprocess.run(
        ["unshare", "-m", "mount", "--bind", "/tmp", "/mnt"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


@unittest.skipUnless(harness.is_root() and can_replace_etc(),
                     "needs a mount namespace of its own")
class Defaults(Case):
    """Files that are looked for where the originals have them."""

    def etc(self, **files):
        directory = self.scratch()
        for name in "passwd", "group", "services", "protocols", "nsswitch.conf", "hosts":
            with open("/etc/" + name, "rb") as given:
                (directory / name).write_bytes(given.read())
        for name, text in files.items():
            path = directory / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return directory

    def start(self, etc, name, *options):
        return self.started(etc, name, *options)[0]

    def started(self, etc, name, *options):
        """The process, and what it has said until it was ready."""
        said = ""
        script = 'mount --bind "$1" /etc && shift && exec "$@"'
        process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script, "sh", str(etc), link(self, name),
             *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for text in process.stderr:
            said += text
            if "ready: " in text or "Started working" in text:
                return process, said
        self.fail("did not start: %d" % process.wait())

    def read_to(self, process, line):
        """What it says until a line that ends so."""
        said = ""
        late = threading.Timer(harness.DEADLINE, process.kill)
        late.start()
        self.addCleanup(late.cancel)
        while not said.endswith(line):
            text = process.stderr.readline()
            self.assertNotEqual(text, "", said)
            said += text
        late.cancel()
        return said

    def test_xinetd(self):
        ports = [harness.free_port() for _ in range(2)]
        service = ("service one\n{\n\ttype = UNLISTED\n\tport = %d\n\tbind = 127.0.0.1\n"
                   "\tsocket_type = stream\n\twait = no\n\tuser = nobody\n"
                   "\tserver = /bin/cat\n}\n" % ports[0])
        etc = self.etc(xinetd_conf=service, inetd_conf=cat(ports[1]))
        self.start(etc, "xinetd", "-d", "-inetd_compat")
        for port in ports:
            self.assertEqual(harness.exchange(port, b"a"), b"a")

    def test_xinetd_without_the_other_file(self):
        etc = self.etc(xinetd_conf="", inetd_conf=cat(harness.free_port()))
        (etc / "inetd.conf").unlink()
        self.start(etc, "xinetd", "-d", "-inetd_compat")

    def test_inetd(self):
        ports = [harness.free_port() for _ in range(2)]
        etc = self.etc(inetd_conf=cat(ports[0]), inetd_d__more=cat(ports[1]))
        self.start(etc, "inetd", "-d")
        for port in ports:
            self.assertEqual(harness.exchange(port, b"a"), b"a")

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_hosts_allow_and_hosts_deny_of_programs(self):
        asked, other = harness.free_port(), harness.free_port()
        datagrams = harness.free_port()
        etc = self.etc(inetd_conf=cat(asked) + line(other, "/bin/cat greeter") +
                       line(datagrams, "/bin/cat cat", "dgram", "udp", "wait"),
                       hosts_deny="cat: 127.0.0.3\n")
        for options, answer in ((), b"a"), (("-l",), b""), (("-w",), b""), (("-W",), b"a"):
            with self.subTest(options=options):
                process = self.start(etc, "inetd", "-d", *options)
                self.assertEqual(harness.exchange(asked, b"a", source="127.0.0.2"), b"a")
                self.assertEqual(harness.answer(asked, b"a", "127.0.0.3"), answer)
                self.assertEqual(harness.exchange(other, b"a", source="127.0.0.3"), b"a")
                if answer == b"":
                    said = self.read_to(process, "FAIL: 127.0.0.1:%d/tcp libwrap "
                                        "from=127.0.0.3\n" % asked)
                    self.assertIn("START: 127.0.0.1:%d/tcp from=127.0.0.2\n" % asked, said)
                process.terminate()
                said = process.stderr.read()
                self.assertEqual(process.wait(harness.DEADLINE), 0)
                self.assertNotIn("FAIL", said)

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_hosts_allow_and_hosts_deny_of_in_process_services(self):
        port = harness.free_port()
        etc = self.etc(inetd_conf="127.0.0.1:daytime stream tcp nowait root internal\n",
                       services="daytime %d/tcp\n" % port, hosts_deny="daytime: ALL\n")
        for option, served in ("-l", True), ("-W", False):
            with self.subTest(option=option):
                process = self.start(etc, "inetd", "-d", option)
                self.assertEqual(harness.answer(port) != b"", served)
                process.terminate()
                process.stderr.read()
                self.assertEqual(process.wait(harness.DEADLINE), 0)

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    def test_who_is_not_asked_about_is_told(self):
        port = harness.free_port()
        etc = self.etc(inetd_conf=line(port, "/bin/cat cat", "dgram", "udp", "wait"))
        said = self.started(etc, "inetd", "-d", "-l")[1]
        self.assertIn("are asked for TCP and nowait only", said)

    def wrapped_answers(self, etc, ports, command, env=None):
        """What clients from two addresses are told by each port, with -l."""
        script = ('mount --bind "$1" /etc && mount -t tmpfs tmpfs /run && shift && '
                  'exec "$@"')
        with subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", etc, command,
                               "-i", "-l"], stdin=subprocess.DEVNULL, env=env,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            self.addCleanup(process.kill)
            eventually(lambda: is_served(ports[0]), "port %d is served" % ports[0])
            # Who says the time does not read before.
            answers = [harness.answer(port, b"" if port == ports[-1] else b"a", source)
                       != b"" for port in ports for source in ("127.0.0.2", "127.0.0.3")]
            process.kill()
        return answers

    @unittest.skipUnless(has_libwrap(), "built without libwrap")
    @unittest.skipUnless(is_openbsd(), "openbsd-inetd is neither installed nor fetched")
    @harness.needs_program("tcpd")
    def test_hosts_allow_and_hosts_deny_as_openbsds_inetd_asks_them(self):
        ports = [harness.free_port() for _ in range(5)]
        etc = self.etc(
            inetd_conf=cat(ports[0]) + line(ports[1], "/bin/cat greeter") +
            line(ports[2], "%s /bin/cat" % harness.program("tcpd")) +
            line(ports[3], "/bin/cat other") +
            "127.0.0.1:daytime stream tcp nowait root internal\n",
            services="daytime %d/tcp\n" % ports[4],
            hosts_allow="greeter: 127.0.0.3\ncat: 127.0.0.2\nother: 127.0.0.0/255.0.0.0\n",
            hosts_deny="ALL: ALL\n")
        ours = self.wrapped_answers(etc, ports, link(self, "inetd"))
        self.assertEqual(ours, [True, False, False, True, True, False, True, True, True,
                                True])
        self.assertEqual(ours, self.wrapped_answers(etc, ports, INETD,
                                                    fetched.environ(INETD)))

    def test_inetd_without_any(self):
        self.start(self.etc(), "inetd", "-d")


if __name__ == "__main__":
    harness.main()
