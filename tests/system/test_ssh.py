# SPDX-License-Identifier: ISC
"""`sshd -i`: log in with a key, run commands, carry data both ways."""
import pathlib
import subprocess

import harness
from harness import Case, needs_program, needs_root
from realworld import (CLEAN, at_once, digest, example, random_file, run, service,
                       succeed)

SERVER = """
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""


@needs_program("sshd", "ssh", "ssh-keygen")
@needs_root
class Ssh(Case):
    def setUp(self):
        self.directory = self.scratch()
        self.make_separation_directory()
        for name in "host_key", "key":
            succeed("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                    self.directory / name)
        (self.directory / "authorized_keys").write_text(
            (self.directory / "key.pub").read_text())
        (self.directory / "sshd_config").write_text(
            SERVER.format(directory=self.directory))
        self.port = harness.free_port()
        host_key = (self.directory / "host_key.pub").read_text()
        (self.directory / "known_hosts").write_text("".join(
            "[%s]:%d %s" % (host, self.port, host_key) for host in ("127.0.0.1", "::1")))
        self.log = self.daemon(service(
            "ssh", self.port, harness.program("sshd"),
            ["-i", "-e", "-f", self.directory / "sshd_config"], user="root",
            stderr="log"))

    def make_separation_directory(self):
        """What the system's start script makes before sshd's first start."""
        path = pathlib.Path("/run/sshd")
        if not path.exists():
            path.mkdir(mode=0o755)
            self.addCleanup(path.rmdir)

    def command(self, *words, host="127.0.0.1", key="key"):
        return ["ssh", "-F", "none", "-T", "-p", self.port,
                "-i", self.directory / key, "-o", "IdentitiesOnly=yes",
                "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
                "-o", "UserKnownHostsFile=%s" % (self.directory / "known_hosts"),
                "root@%s" % host, *words]

    def test_a_command_runs_and_its_status_comes_back(self):
        self.assertEqual(succeed(*self.command("id -u; echo a b")), "0\na b\n")
        self.assertEqual(run(*self.command("exit 7")).returncode, 7)
        self.log.wait_for(r"service 'ssh': Accepted publickey for root from 127\.0\.0\.1")
        self.log.wait_for(r"EXIT: ssh status=\d+", count=2)

    def test_the_example_lets_root_in(self):
        # Another server on the same port: the client knows its key already.
        self.log.stop()
        self.daemon(example("ssh", self.port, ("/usr/sbin/sshd", harness.program("sshd")),
                            ('"-e"', '"-e", "-f", "%s/sshd_config"' % self.directory)))
        self.assertEqual(succeed(*self.command("echo welcome")), "welcome\n")

    def test_the_server_knows_both_ends_of_the_connection(self):
        for host in "127.0.0.1", "::1":
            words = succeed(*self.command("echo $SSH_CONNECTION", host=host)).split()
            self.assertEqual((words[0], words[2], int(words[3])),
                             (host, host, self.port))

    def test_data_is_carried_whole_both_ways(self):
        source = random_file(self.scratch() / "source", 3000001)
        target = self.scratch() / "target"
        with open(source, "rb") as incoming, open(target, "wb") as outgoing:
            subprocess.run([str(word) for word in self.command("cat")], stdin=incoming,
                           stdout=outgoing, env=CLEAN, check=True,
                           timeout=4 * harness.DEADLINE)
        self.assertEqual(digest(target), digest(source))

    def test_five_logins_at_once(self):
        answers = at_once(5, lambda n: succeed(*self.command("echo %d" % n)))
        self.assertEqual(answers, ["%d\n" % n for n in range(5)])

    def test_a_strange_key_is_refused(self):
        succeed("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                self.directory / "strange")
        result = run(*self.command("true", key="strange"))
        self.assertEqual(result.returncode, 255)
        self.assertIn("Permission denied", result.stderr)

    def test_a_client_that_leaves_at_once_leaves_nothing_behind(self):
        for _ in range(5):
            harness.connect(self.port).close()
        self.log.wait_for(r"EXIT: ssh", count=5)
        harness.eventually(lambda: not self.log.children(), "all children reaped")
        self.assertEqual(succeed(*self.command("echo alive")), "alive\n")


if __name__ == "__main__":
    harness.main()
