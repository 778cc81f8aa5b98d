# SPDX-License-Identifier: ISC
"""`git daemon --inetd`: clones that git itself finds complete, pushes refused."""
import harness
from harness import Case, needs_program, needs_root
from realworld import at_once, example, give_to, random_file, run, service, succeed

# Who commits, and no configuration of whoever runs the tests.
ENV = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
       "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.org",
       "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.org"}


def git(*arguments, **more):
    return succeed("git", *arguments, env=ENV, **more)


@needs_program("git")
class Git(Case):
    def setUp(self):
        work, self.base = self.scratch() / "work", self.scratch()
        git("init", "-q", work)
        for number in range(20):
            random_file(work / ("file%d" % (number % 7)), 30000)
            git("-C", work, "add", ".")
            git("-C", work, "commit", "-q", "-m", "change %d" % number)
        self.head = git("-C", work, "rev-parse", "HEAD").strip()
        git("clone", "-q", "--bare", work, self.base / "project.git")
        if harness.is_root():
            # git serves nothing that belongs to somebody else.
            give_to("nobody", self.base)
        self.port = harness.free_port()
        self.log = self.daemon(service(
            "git", self.port, harness.program("git"),
            ["daemon", "--inetd", "--export-all", "--base-path=%s" % self.base],
            env=["HOME=%s" % self.base, "GIT_CONFIG_NOSYSTEM=1"], stderr="log"))

    def url(self, host="127.0.0.1", name="project.git"):
        return "git://%s:%d/%s" % ("[%s]" % host if ":" in host else host, self.port,
                                   name)

    def clone(self, host="127.0.0.1"):
        target = self.scratch() / "clone"
        git("clone", "-q", "-c", "transfer.fsckObjects=true", self.url(host), target)
        return target

    def assert_complete(self, clone):
        git("-C", clone, "fsck", "--strict", "--no-progress")
        self.assertEqual(git("-C", clone, "rev-parse", "HEAD").strip(), self.head)
        self.assertEqual(git("-C", clone, "status", "--porcelain"), "")

    def test_ten_clones_at_once_are_complete(self):
        for clone in at_once(10, lambda _: self.clone()):
            self.assert_complete(clone)
        self.log.wait_for(r"EXIT: git status=0", count=10)

    def test_a_clone_over_ipv6_is_complete(self):
        self.assert_complete(self.clone("::1"))
        self.log.wait_for(r"START: git pid=\d+ from=::1$")

    @needs_root
    def test_the_example_serves_its_directory(self):
        self.port = harness.free_port()
        self.daemon(example("git", self.port, ("path=/srv/git", "path=%s" % self.base),
                            ("/usr/bin/git", harness.program("git"))))
        self.assert_complete(self.clone())

    def test_a_push_is_refused(self):
        clone = self.clone()
        (clone / "file0").write_text("changed")
        git("-C", clone, "commit", "-q", "-a", "-m", "mine")
        result = run("git", "-C", clone, "push", "origin", "HEAD", env=ENV)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, "access denied|not enabled|not exported")
        refs = git("ls-remote", self.url(), "HEAD").split()
        self.assertEqual(refs[0], self.head)

    def test_an_unknown_repository_is_refused_and_logged(self):
        result = run("git", "clone", "-q", self.url(name="other.git"),
                     self.scratch() / "clone", env=ENV)
        self.assertNotEqual(result.returncode, 0)
        self.log.wait_for(r"EXIT: git status=")


if __name__ == "__main__":
    harness.main()
