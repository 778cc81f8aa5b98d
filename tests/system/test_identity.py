# SPDX-License-Identifier: ISC
"""What a program finds when it starts, seen from outside in /proc: rights, limits,
directories, descriptors, signals, environment and arguments."""
import grp
import os
import pathlib
import pwd
import re
import resource
import signal
import socket
import unittest
from unittest import mock

import harness
from harness import (Case, connect, datagram_socket, exchange, needs_program, needs_root,
                     read_all)
from realworld import (CAP_SYS_NICE, CAP_SYS_RESOURCE, Process, needs_capability,
                       private_root, run, service)

# One that reads and writes until its client leaves, and does nothing else.
CAT = os.path.realpath("/bin/cat")
PRINT_ARGUMENTS = """#!/bin/sh
echo "$0"
for argument; do printf '<%s>' "$argument"; done
"""

# Everything by which a program is told about its client, so that none is left over.
PEER_VARIABLES = {
    "REMOTE_HOST", "REMOTE_ADDR", "REMOTE_PORT", "PROTO",
    "TCPREMOTEIP", "TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT",
    "UDPREMOTEIP", "UDPREMOTEPORT", "UDPLOCALIP", "UDPLOCALPORT", "UNIXLOCALPATH"}


class Child(Case):
    """A test with one running child of one service."""

    def start(self, arguments=(), *, server=CAT, host="127.0.0.1", options=None, **more):
        """Start the service, connect, and look at the process that answers."""
        self.port = harness.free_port()
        self.log = self.daemon(service("child", self.port, server, arguments, **more),
                               **(options or {}))
        return self.join(host, echoes=server == CAT)

    def join(self, host="127.0.0.1", echoes=True):
        mark = self.log.mark()
        self.client = connect(self.port, host)
        self.addCleanup(self.client.close)
        return self.started(mark, self.client if echoes else None)

    def started(self, mark=0, client=None):
        """The process of the last START. When it has answered, its exec is over and
        /proc shows the program as it is."""
        child = Process(int(self.log.wait_for(r"START: child pid=(\d+)",
                                              since=mark).group(1)))
        if client is not None:
            client.settimeout(harness.DEADLINE)
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        return child


class Rights(Child):
    def assert_ids(self, child, uid, gid, groups=()):
        self.assertEqual(child.ids("Uid"), [uid] * 4)
        self.assertEqual(child.ids("Gid"), [gid] * 4)
        self.assertEqual(sorted(child.ids("Groups")), sorted(groups))

    def assert_no_capabilities(self, child):
        for name in "CapInh", "CapPrm", "CapEff", "CapAmb":
            self.assertEqual(child.mask(name), 0, name)

    @needs_root
    def test_a_user_by_name_has_its_ids_and_no_other_groups(self):
        entry = pwd.getpwnam("nobody")
        child = self.start(options={"preexec": lambda: os.setgroups([0, 4, 99])})
        self.assert_ids(child, entry.pw_uid, entry.pw_gid)
        self.assert_no_capabilities(child)

    @needs_root
    def test_ids_without_an_entry_in_passwd(self):
        self.assert_ids(self.start(user="54321", group="54322"), 54321, 54322)
        self.assert_no_capabilities(Process(self.log.children()[0]))

    @needs_root
    def test_a_number_alone_is_the_group_as_well(self):
        self.assert_ids(self.start(user="54321"), 54321, 54321)

    @needs_root
    def test_a_group_by_name_goes_before_that_of_the_user(self):
        group = grp.getgrgid(1)
        child = self.start(group=group.gr_name)
        self.assert_ids(child, pwd.getpwnam("nobody").pw_uid, 1)

    @needs_root
    @needs_program("unshare", "mount")
    def test_groups_gives_all_groups_of_the_user(self):
        wrapper = self.with_group_file("\nextra1:x:54401:nobody\nextra2:x:54402:nobody\n")
        entry = pwd.getpwnam("nobody")
        with mock.patch.object(harness, "USHERD", str(wrapper)):
            child = self.start(groups="yes")
        self.assert_ids(child, entry.pw_uid, entry.pw_gid, set(os.getgrouplist(
            "nobody", entry.pw_gid)) | {54401, 54402})

    def with_group_file(self, more):
        """A script that is usherd in a mount namespace with more groups."""
        if run("unshare", "-m", "true").returncode != 0:
            self.skipTest("a mount namespace is not allowed here")
        path = self.scratch() / "group"
        path.write_text(pathlib.Path("/etc/group").read_text() + more)
        return self.script("#!/bin/sh\nexec unshare -m sh -c 'mount --bind \"$0\" "
                           "/etc/group && exec \"$@\"' %s %s \"$@\"\n"
                           % (path, os.path.realpath(harness.USHERD)))

    @needs_root
    def test_root_only_when_it_is_asked_for(self):
        child = self.start(user="root")
        self.assert_ids(child, 0, 0)
        self.assertEqual(child.mask("CapEff"), Process(os.getpid()).mask("CapEff"))

    @unittest.skipIf(harness.is_root(), "is about a daemon without root")
    def test_without_root_the_ids_are_those_of_the_daemon(self):
        child = self.start()
        self.assertEqual(child.ids("Uid"), [os.getuid()] * 4)
        self.assertEqual(child.ids("Gid"), [os.getgid()] * 4)
        self.assert_no_capabilities(child)

    def test_a_program_may_be_setuid_and_is_not_filtered(self):
        # What a worker gives up is not taken from programs.
        child = self.start()
        self.assertEqual(child.status("NoNewPrivs"), "0")
        self.assertEqual(child.status("Seccomp"), "0")


class Limits(Child):
    def test_limits_are_set_soft_and_hard(self):
        child = self.start(rlimit_as="256M", rlimit_cpu="20", rlimit_fsize="1M",
                           rlimit_data="64M", rlimit_stack="4M", rlimit_core="0",
                           rlimit_nproc="500", rlimit_nofile="50",
                           rlimit_memlock="32K", rlimit_locks="10",
                           rlimit_sigpending="100", rlimit_msgqueue="4096")
        expected = {"Max address space": 256 << 20, "Max cpu time": 20,
                    "Max file size": 1 << 20, "Max data size": 64 << 20,
                    "Max stack size": 4 << 20, "Max core file size": 0,
                    "Max processes": 500, "Max open files": 50,
                    "Max locked memory": 32 << 10, "Max file locks": 10,
                    "Max pending signals": 100, "Max msgqueue size": 4096}
        found = child.limits()
        self.assertEqual({name: found[name] for name in expected},
                         {name: (str(value),) * 2 for name, value in expected.items()})

    @needs_capability(CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE")
    def test_a_limit_can_be_lifted(self):
        child = self.start(
            rlimit_cpu="UNLIMITED", options={"preexec": lambda: resource.setrlimit(
                resource.RLIMIT_CPU, (1000, 1000))})
        self.assertEqual(child.limits()["Max cpu time"], ("unlimited",) * 2)

    def test_limits_that_are_not_set_are_those_usherd_was_started_with(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        child = self.start(options={"preexec": lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (256, hard))})
        expected = Process(os.getpid()).limits()
        expected["Max open files"] = ("256", expected["Max open files"][1])
        self.assertEqual(child.limits(), expected)

    def test_a_limit_bites(self):
        child = self.start(["-c", "ulimit -t; while :; do :; done"], server="/bin/sh",
                           rlimit_cpu="1")
        self.assertEqual(read_all(self.client), b"1\n")
        self.log.wait_for(r"EXIT: child signal=\d+ pid=%d" % child.pid)

    def test_nice_is_added(self):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        child = self.start(nice="5")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, child.pid), min(own + 5, 19))

    @needs_capability(CAP_SYS_NICE, "CAP_SYS_NICE")
    def test_a_negative_nice_is_not_lost_with_the_rights(self):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        child = self.start(nice="-3")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, child.pid), max(own - 3, -20))

    def test_umask_is_set(self):
        self.assertEqual(int(self.start(umask="027").status("Umask"), 8), 0o027)

    def test_without_umask_it_is_that_of_the_starter_and_022_as_with_xinetd(self):
        for given, expected in (0, 0o022), (0o005, 0o027), (0o077, 0o077):
            child = self.start(options={"preexec": lambda: os.umask(given)})
            self.assertEqual(int(child.status("Umask"), 8), expected)


class Directories(Child):
    def test_the_directory_is_the_root_unless_given(self):
        child = self.start()
        self.assertEqual((child.link("cwd"), child.link("root")), ("/", "/"))

    def test_the_directory_is_entered(self):
        path = self.scratch()
        self.assertEqual(self.start(directory=path).link("cwd"), os.path.realpath(path))

    @needs_root
    @needs_program("busybox")
    def test_chroot_and_directory_inside_it(self):
        root = os.path.realpath(self.scratch())
        busybox = os.path.realpath(harness.program("busybox"))
        private_root(pathlib.Path(root), busybox)
        (pathlib.Path(root) / "inside").mkdir()
        first = self.start(["sh", "-c", "pwd; {0} ls /; exec {0} cat".format(busybox)],
                           server=busybox, argv0="busybox", chroot=root,
                           directory="/inside")
        self.client.shutdown(socket.SHUT_WR)
        words = read_all(self.client).decode().split()
        self.assertEqual(words[0], "/inside")
        self.assertEqual(sorted(words[1:]), sorted(os.listdir(root)))
        running = self.join(echoes=False)
        self.assertEqual(running.link("root"), root)
        self.assertEqual(running.link("cwd"), root + "/inside")
        self.assertEqual(running.link("exe"), root + busybox)
        self.assertEqual(running.ids("Uid"), [pwd.getpwnam("nobody").pw_uid] * 4)
        self.assertNotEqual(first.pid, running.pid)

    @needs_root
    @needs_program("busybox")
    def test_chroot_without_a_directory_starts_at_its_root(self):
        root = os.path.realpath(self.scratch())
        busybox = os.path.realpath(harness.program("busybox"))
        private_root(pathlib.Path(root), busybox)
        child = self.start(["cat"], server=busybox, chroot=root, argv0="busybox")
        self.client.sendall(b"x")
        self.assertEqual(self.client.recv(1), b"x")
        self.assertEqual((child.link("cwd"), child.link("root")), (root, root))


class Descriptors(Child):
    def assert_one_blocking_socket(self, child):
        found = child.descriptors()
        self.assertEqual(sorted(found), [0, 1, 2])
        self.assertEqual(len(set(found.values())), 1, found)
        self.assertRegex(found[0], r"^socket:")
        for descriptor in found:
            self.assertEqual(child.flags(descriptor) & os.O_NONBLOCK, 0)
            self.assertEqual(child.flags(descriptor) & os.O_ACCMODE, os.O_RDWR)

    def test_exactly_three_and_all_are_the_connection(self):
        # Something to inherit by mistake: other services, clients, a pipe of stderr.
        more = "".join(service("other%d" % n, harness.free_port(), CAT, stderr="log")
                       for n in range(3))
        port = harness.free_port()
        self.log = self.daemon(service("child", port, CAT) + more)
        self.port = port
        for _ in range(3):
            self.assert_one_blocking_socket(self.join())

    def test_standard_descriptors_that_usherd_was_started_without(self):
        def close_all():
            os.close(0)
            os.close(1)

        self.assert_one_blocking_socket(self.start(options={"preexec": close_all}))

    def test_a_stray_descriptor_of_the_starter_goes_no_further(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        self.assert_one_blocking_socket(
            self.start(options={"pass_fds": (reading, writing)}))

    def test_a_datagram_socket_is_connected_to_its_peer(self):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        self.log = self.daemon(service("child", self.port, CAT, protocol="udp"))
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", self.port))
            self.assertEqual(client.recv(10), b"x")
            self.assert_one_blocking_socket(self.started())

    def test_stderr_is_a_pipe_to_the_log_or_nowhere(self):
        child = self.start(stderr="log")
        found = child.descriptors()
        self.assertEqual(sorted(found), [0, 1, 2])
        self.assertEqual(found[0], found[1])
        self.assertRegex(found[2], r"^pipe:")
        self.assertEqual(child.flags(2) & os.O_ACCMODE, os.O_WRONLY)
        self.assertEqual(child.flags(2) & os.O_NONBLOCK, 0)

    def test_stderr_is_nowhere(self):
        found = self.start(stderr="null").descriptors()
        self.assertEqual(found[2], "/dev/null")
        self.assertEqual(found[0], found[1])

    def test_what_is_said_on_stderr_arrives_where_it_should(self):
        for where in "connection", "log", "null":
            self.start(["-c", "echo complaint >&2; echo answer"], server="/bin/sh",
                       stderr=where)
            expected = b"complaint\n" if where == "connection" else b""
            self.assertEqual(read_all(self.client), expected + b"answer\n")
            self.log.wait_for(r"EXIT: child status=0")
            if where == "log":
                self.log.wait_for(r"service 'child': complaint$")
            self.assertEqual(len(self.log.matches("complaint")), int(where == "log"))

    def test_the_client_sees_the_end_when_the_program_ends(self):
        self.start(["-c", "exit 0"], server="/bin/sh")
        self.assertEqual(read_all(self.client), b"")


class Signals(Child):
    def assert_clean(self, child):
        for name in "SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd":
            self.assertEqual(child.mask(name), 0, name)

    def test_a_session_and_group_of_its_own(self):
        child = self.start()
        self.assertEqual(os.getsid(child.pid), child.pid)
        self.assertEqual(os.getpgid(child.pid), child.pid)
        self.assertNotEqual(os.getsid(self.log.pid), child.pid)

    def test_signals_are_default_and_let_in(self):
        self.assert_clean(self.start())

    def test_what_the_starter_ignored_and_blocked_is_undone(self):
        def prepare():
            for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1,
                           signal.SIGRTMIN, signal.SIGRTMAX):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK,
                                   {signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD,
                                    signal.SIGALRM, signal.SIGRTMIN})

        self.assert_clean(self.start(options={"preexec": prepare}))
        self.log.reload()

    def test_the_end_of_a_child_is_seen_though_the_starter_ignored_it(self):
        child = self.start(options={
            "preexec": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)})
        self.assert_clean(child)
        self.client.close()
        self.log.wait_for(r"EXIT: child status=0 pid=%d" % child.pid)


class Environment(Child):
    def peer_variables(self, child):
        return {name: value for name, value in child.environment().items()
                if name in PEER_VARIABLES}

    def tcp(self, host, peer_port, port):
        return {"REMOTE_HOST": host, "REMOTE_ADDR": host, "REMOTE_PORT": str(peer_port),
                "PROTO": "TCP", "TCPREMOTEIP": host, "TCPREMOTEPORT": str(peer_port),
                "TCPLOCALIP": host, "TCPLOCALPORT": str(port)}

    def test_tcp_peers_of_both_families(self):
        self.start()
        for host in "127.0.0.1", "::1":
            child = self.join(host)
            self.assertEqual(self.peer_variables(child), self.tcp(
                host, self.client.getsockname()[1], self.port))

    def test_each_client_is_told_its_own_name(self):
        self.start()
        for number in range(2, 12):
            mark, host = self.log.mark(), "127.0.0.%d" % number
            with connect(self.port, source=host) as client:
                found = self.started(mark, client).environment()
                self.assertEqual(found["REMOTE_HOST"], host)

    def test_an_ipv4_client_of_a_dual_stack_socket_is_plain_ipv4(self):
        child = self.start(bind="::", interface="lo")
        self.assertEqual(self.peer_variables(child), self.tcp(
            "127.0.0.1", self.client.getsockname()[1], self.port))
        self.log.wait_for(r"START: child pid=\d+ from=127\.0\.0\.1$")
        child = self.join("::1")
        self.assertEqual(self.peer_variables(child)["REMOTE_ADDR"], "::1")

    def test_udp_peers_of_both_families(self):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        self.log = self.daemon(service("child", self.port, CAT, protocol="udp"))
        self.look_at_datagrams()

    def test_udp_peers_of_a_dual_stack_socket(self):
        self.port = harness.free_port(socket.SOCK_DGRAM)
        self.log = self.daemon(service("child", self.port, CAT, protocol="udp",
                                       bind="::", interface="lo"))
        self.look_at_datagrams()

    def look_at_datagrams(self):
        for host in "127.0.0.1", "::1":
            with datagram_socket(host) as client:
                mark = self.log.mark()
                client.sendto(b"x", (host, self.port))
                self.assertEqual(client.recv(10), b"x")
                peer = str(client.getsockname()[1])
                self.assertEqual(self.peer_variables(self.started(mark)), {
                    "REMOTE_HOST": host, "REMOTE_ADDR": host, "REMOTE_PORT": peer,
                    "PROTO": "UDP", "UDPREMOTEIP": host, "UDPREMOTEPORT": peer,
                    "UDPLOCALIP": host, "UDPLOCALPORT": str(self.port)})

    def serve_unix(self):
        path = str(self.scratch() / "socket")
        self.log = self.daemon(service("child", None, CAT, protocol="unix", bind=path,
                                       socket_mode="0666"))
        return path

    def test_a_unix_peer_without_a_name(self):
        path = self.serve_unix()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            found = self.peer_variables(self.started(client=client))
        self.assertEqual(found["PROTO"], "UNIX")
        self.assertEqual(found["UNIXLOCALPATH"], path)
        self.assertEqual(set(found), {"PROTO", "UNIXLOCALPATH", "REMOTE_HOST"})

    def test_a_unix_peer_with_a_name(self):
        path = self.serve_unix()
        name = str(self.scratch() / "client")
        with socket.socket(socket.AF_UNIX) as client:
            client.bind(name)
            client.connect(path)
            found = self.peer_variables(self.started(client=client))
        self.assertEqual(found, {"PROTO": "UNIX", "UNIXLOCALPATH": path,
                                 "REMOTE_HOST": name})

    def test_a_unix_peer_cannot_pass_for_an_address(self):
        path = self.serve_unix()
        here = os.getcwd()
        os.chdir(self.scratch())
        self.addCleanup(os.chdir, here)
        with socket.socket(socket.AF_UNIX) as client:
            client.bind("203.0.113.9")
            client.connect(path)
            found = self.peer_variables(self.started(client=client))
        self.assertEqual(found["REMOTE_HOST"], "<no address>")

    def test_a_program_that_accepts_by_itself_is_told_no_address(self):
        self.port = harness.free_port()
        self.log = self.daemon(service("child", self.port, "/bin/sleep", ["1000"],
                                       wait="yes", bind="127.0.0.1"))
        with connect(self.port):
            child = self.started()
            harness.eventually(lambda: child.link("exe").endswith("sleep") and
                               child.strings("environ"), "sleep runs")
            self.assertEqual(self.peer_variables(child), {"REMOTE_HOST": "<no address>"})

    def start_with(self, inherited, **more):
        base = {"PATH": os.environ["PATH"]}
        base.update({name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
                     if name in os.environ})
        return self.start(options={"env": {**base, **inherited}}, **more)

    def test_the_whole_environment_goes_on_but_what_is_for_usherd_itself(self):
        child = self.start_with({"FLAVOUR": "sweet", "EMPTY": "", "LISTEN_FDNAMES": "x",
                                 "WATCHDOG_PID": "1", "MAINPID": "1"})
        found = child.environment()
        self.assertEqual((found["FLAVOUR"], found["EMPTY"]), ("sweet", ""))
        for name in "LISTEN_FDNAMES", "WATCHDOG_PID", "MAINPID":
            self.assertNotIn(name, found)

    def test_passenv_names_what_goes_on_and_env_comes_after(self):
        child = self.start_with({"A": "1", "B": "2", "C": "3", "D": "4"},
                                passenv=("C", "A", "MISSING"),
                                env=("B=own", "A=changed", "SPACE=a b"))
        own = [entry for entry in child.strings("environ")
               if entry.split("=")[0] not in PEER_VARIABLES]
        self.assertEqual(own, ["C=3", "B=own", "A=changed", "SPACE=a b"])

    def test_an_empty_passenv_lets_nothing_through(self):
        child = self.start_with({"A": "1"}, passenv=())
        self.assertEqual(set(child.environment()) - PEER_VARIABLES, set())

    def test_nobody_but_usherd_names_the_peer(self):
        lies = {name: "lie" for name in PEER_VARIABLES}
        child = self.start_with(lies, env=["%s=lie" % name for name in sorted(lies)])
        self.assertEqual(self.peer_variables(child), self.tcp(
            "127.0.0.1", self.client.getsockname()[1], self.port))
        names = [entry.split("=")[0] for entry in child.strings("environ")]
        self.assertEqual(len(names), len(set(names)))


class Arguments(Child):
    WORDS = ["a b", "", "'", '"', "back\\slash", "$HOME", "*", "a=b", "#", "{ , }",
             "\u00e4", "tab\tnewline\n", "-x"]

    def test_every_argument_arrives_as_it_was_written(self):
        self.start(self.WORDS, server=self.script(PRINT_ARGUMENTS))
        said = read_all(self.client).decode().split("\n", 1)[1]
        self.assertEqual(said, "".join("<%s>" % word for word in self.WORDS))

    def test_the_name_of_the_program_is_that_of_its_file_unless_given(self):
        self.assertEqual(self.start().strings("cmdline"), [os.path.basename(CAT)])
        self.assertEqual(self.start(argv0="other name").strings("cmdline"),
                         ["other name"])
        self.assertEqual(self.started().link("exe"), CAT)


class Script(Case):
    """A shell script as a service, and the example that anybody can try."""

    def test_a_script_talks_with_its_client_line_by_line(self):
        port = harness.free_port()
        script = self.script("#!/bin/sh -e\n"
                             "echo 'who are you?'\n"
                             "read -r name\n"
                             "echo \"hello $name from $REMOTE_HOST\"\n"
                             "read -r end || exit 3\n")
        daemon = self.daemon(service("script", port, script))
        with connect(port) as client, client.makefile("rwb") as lines:
            self.assertEqual(lines.readline(), b"who are you?\n")
            lines.write(b"Ann\n")
            lines.flush()
            self.assertEqual(lines.readline(), b"hello Ann from 127.0.0.1\n")
        daemon.wait_for(r"EXIT: script status=3")

    def test_the_example_says_the_time_and_who_is_who(self):
        text = (harness.SOURCE / "services.d" / "script.conf").read_text()
        port = harness.free_port()
        self.assertNotIn("disable", text)
        self.assertIn("port = 7800\n", text)
        user = "nobody" if harness.is_root() else pwd.getpwuid(os.getuid()).pw_name
        daemon = self.daemon(text.replace("port = 7800\n", "port = %d\n" % port),
                             env={**os.environ, "DEMO_USER": user})
        for host in "127.0.0.1", "::1":
            said = exchange(port, host=host).decode()
            self.assertRegex(said, r"(?m)^hello %s, port \d+$" % host)
            self.assertRegex(said, r"(?m)^I am %s, \d+$" % user)
        self.assertEqual(daemon.matches("error|FAIL"), [])

    def test_the_other_examples_are_off_and_need_nothing_installed_to_be_read(self):
        for name in "tftp", "git", "rsync", "ftp", "ssh", "busybox":
            text = (harness.SOURCE / "services.d" / (name + ".conf")).read_text()
            path = self.scratch() / "usherd.conf"
            path.write_text(re.sub(r"server = /\S+", "server = /not/installed", text))
            result = run(harness.USHERD, "-t", "-f", path)
            with self.subTest(name):
                self.assertIn("disable = yes", text)
                self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    harness.main()
