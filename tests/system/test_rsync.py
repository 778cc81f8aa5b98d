# SPDX-License-Identifier: ISC
"""`rsync --daemon`, which sees by its standard input that it was started for a client."""
import harness
from harness import Case, needs_program, needs_root
from realworld import (at_once, digest, example, give_to, random_file, run, service,
                       succeed)

CONFIG = """
use chroot = no
log file = {log}
[files]
    path = {files}
    read only = yes
[drop]
    path = {drop}
    read only = no
"""


@needs_program("rsync")
class Rsync(Case):
    def setUp(self):
        self.files, self.drop = self.scratch(), self.scratch()
        self.config = self.scratch() / "rsyncd.conf"
        for number in range(12):
            folder = self.files / ("folder%d" % (number % 3))
            folder.mkdir(exist_ok=True)
            random_file(folder / ("file%d" % number), number * 20011)
        self.config.write_text(CONFIG.format(
            log="/dev/null", files=self.files, drop=self.drop))
        if harness.is_root():
            give_to("nobody", self.drop)
        self.port = harness.free_port()
        self.log = self.daemon(service(
            "rsync", self.port, harness.program("rsync"),
            ["--daemon", "--config=%s" % self.config]))

    def url(self, module, host="127.0.0.1"):
        return "rsync://%s:%d/%s" % ("[%s]" % host if ":" in host else host, self.port,
                                     module)

    def fetch(self, host="127.0.0.1"):
        target = self.scratch() / "copy"
        succeed("rsync", "-a", self.url("files/", host), target)
        return target

    def tree(self, directory):
        return {str(path.relative_to(directory)): digest(path)
                for path in directory.rglob("*") if path.is_file()}

    def test_a_tree_arrives_whole_over_both_families(self):
        for host in "127.0.0.1", "::1":
            self.assertEqual(self.tree(self.fetch(host)), self.tree(self.files))
        # Its own comparison by checksum finds nothing left to send.
        copy = self.fetch()
        self.assertEqual(succeed("rsync", "-a", "--checksum", "--itemize-changes",
                                 self.url("files/"), copy), "")

    def test_five_copies_at_once(self):
        for copy in at_once(5, lambda _: self.fetch()):
            self.assertEqual(self.tree(copy), self.tree(self.files))
        self.log.wait_for(r"EXIT: rsync status=0", count=5)

    @needs_root
    def test_the_example_serves_what_its_file_names(self):
        self.port = harness.free_port()
        self.daemon(example("rsync", self.port,
                            ("config=/etc/rsyncd.conf", "config=%s" % self.config),
                            ("/usr/bin/rsync", harness.program("rsync"))))
        self.assertEqual(self.tree(self.fetch()), self.tree(self.files))

    def test_the_list_of_modules(self):
        self.assertRegex(succeed("rsync", self.url("")), r"(?m)^files\s")

    def test_an_upload_arrives_whole(self):
        succeed("rsync", "-a", "%s/" % self.files, self.url("drop/"))
        self.assertEqual(self.tree(self.drop), self.tree(self.files))

    def test_an_upload_to_a_read_only_module_is_refused(self):
        before = self.tree(self.files)
        mine = random_file(self.scratch() / "mine", 1000)
        result = run("rsync", mine, self.url("files/"))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("read only", result.stderr + result.stdout)
        self.assertEqual(self.tree(self.files), before)


if __name__ == "__main__":
    harness.main()
