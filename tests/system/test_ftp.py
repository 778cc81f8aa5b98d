# SPDX-License-Identifier: ISC
"""vsftpd started per client: down, up, listing, many at once, both families."""
import os
import pwd
import unittest

import harness
from harness import Case, needs_program, needs_root
from realworld import at_once, digest, example, random_file, run, service, succeed

CONFIG = """
listen=NO
anonymous_enable=YES
local_enable=NO
write_enable=YES
anon_upload_enable=YES
anon_umask=022
anon_root={root}
ftp_username={user}
secure_chroot_dir={empty}
xferlog_enable=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
connect_from_port_20=NO
"""


def anonymous():
    """Whom vsftpd makes of an anonymous client: ftp where there is one."""
    for name in "ftp", "nobody":
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise unittest.SkipTest("neither a user ftp nor nobody")


@needs_program("vsftpd", "curl")
@needs_root
class Ftp(Case):
    def setUp(self):
        user = anonymous()
        self.root, empty = self.scratch(), self.scratch()
        random_file(self.root / "file", 700001)
        self.incoming = self.root / "incoming"
        self.incoming.mkdir()
        os.chown(self.incoming, user.pw_uid, user.pw_gid)
        self.config = self.scratch() / "vsftpd.conf"
        self.config.write_text(CONFIG.format(root=self.root, empty=empty,
                                             user=user.pw_name))
        self.port = harness.free_port()
        self.log = self.daemon(service("ftp", self.port, harness.program("vsftpd"),
                                       [self.config], user="root"))

    def url(self, path, host="127.0.0.1"):
        return "ftp://%s:%d/%s" % ("[%s]" % host if ":" in host else host, self.port,
                                   path)

    def fetch(self, host="127.0.0.1", *options):
        target = self.scratch() / "fetched"
        succeed("curl", "-sS", "-g", *options, "-o", target, self.url("file", host))
        return digest(target) == digest(self.root / "file")

    def test_a_file_arrives_whole_over_both_families(self):
        for host in "127.0.0.1", "::1":
            self.assertTrue(self.fetch(host))
        self.log.wait_for(r"EXIT: ftp status=", count=2)

    def test_active_mode_works_too(self):
        # The server connects back from the address that the client has asked.
        self.assertTrue(self.fetch("127.0.0.1", "--ftp-port", "127.0.0.1"))

    def test_the_example_gives_and_takes_nothing(self):
        self.port = harness.free_port()
        self.daemon(example("ftp", self.port, ("/usr/sbin/vsftpd",
                                               harness.program("vsftpd")),
                            ('"-olisten=NO"', '"%s", "-olisten=NO"' % self.config)))
        self.assertTrue(self.fetch())
        mine = random_file(self.scratch() / "mine", 1000)
        result = run("curl", "-sS", "-T", mine, self.url("incoming/theirs"))
        self.assertNotEqual(result.returncode, 0)
        self.assertFalse((self.incoming / "theirs").exists())

    def test_ten_clients_at_once(self):
        self.assertTrue(all(at_once(10, lambda _: self.fetch())))

    def test_a_listing_names_what_is_there(self):
        names = succeed("curl", "-sS", "--list-only", self.url("")).split()
        self.assertEqual(sorted(names), ["file", "incoming"])

    def test_an_upload_arrives_whole(self):
        mine = random_file(self.scratch() / "mine", 300001)
        succeed("curl", "-sS", "-T", mine, self.url("incoming/theirs"))
        self.assertEqual(digest(self.incoming / "theirs"), digest(mine))

    def test_an_upload_where_it_is_not_wanted_is_refused(self):
        mine = random_file(self.scratch() / "mine", 1000)
        result = run("curl", "-sS", "-T", mine, self.url("theirs"))
        self.assertNotEqual(result.returncode, 0)
        self.assertFalse((self.root / "theirs").exists())


if __name__ == "__main__":
    harness.main()
