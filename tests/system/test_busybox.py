# SPDX-License-Identifier: ISC
"""`busybox httpd -i` with curl, fifty clients at once among them."""

import harness
from harness import Case, needs_program, needs_root
from realworld import BOTH, at_once, digest, example, random_file, run, service, succeed

CGI = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf '%s %s\\n' "$REQUEST_METHOD" "$QUERY_STRING"
cat
"""


def has_applet(name):
    return name in run("busybox", "--list").stdout.split()


@needs_program("busybox", "curl")
class Busybox(Case):
    def setUp(self):
        if not has_applet("httpd"):
            self.skipTest("not installed: busybox with httpd")
        self.root = self.scratch()
        random_file(self.root / "file", 1000003)
        (self.root / "index.html").write_text("hello\n")
        (self.root / "cgi-bin").mkdir()
        (self.root / "cgi-bin" / "answer").write_text(CGI)
        (self.root / "cgi-bin" / "answer").chmod(0o755)
        self.port = harness.free_port()
        self.log = self.daemon(service("http", self.port, harness.program("busybox"),
                                       ["httpd", "-i", "-h", self.root]))

    def url(self, path="", host="127.0.0.1"):
        return "http://%s:%d/%s" % ("[%s]" % host if ":" in host else host, self.port,
                                    path)

    def curl(self, *words):
        return succeed("curl", "-sS", "-g", "--fail", *words)

    def fetch(self, host="127.0.0.1"):
        target = self.scratch() / "fetched"
        self.curl("-o", target, self.url("file", host))
        return digest(target) == digest(self.root / "file")

    def test_a_page_and_a_file_over_both_families(self):
        for host in BOTH:
            self.assertEqual(self.curl(self.url("", host)), "hello\n")
            self.assertTrue(self.fetch(host))

    def test_fifty_clients_at_once(self):
        self.assertTrue(all(at_once(50, lambda _: self.fetch())))
        self.log.wait_for(r"EXIT: http status=0", count=50)
        harness.eventually(lambda: not self.log.children(), "all children reaped")

    def test_hundred_requests_in_a_row(self):
        self.assertEqual(self.curl(*[self.url()] * 100), "hello\n" * 100)

    @needs_root
    def test_the_example_serves_its_directory(self):
        self.port = harness.free_port()
        self.daemon(example("busybox", self.port, ("/srv/www }", "%s }" % self.root),
                            ("/usr/bin/busybox", harness.program("busybox"))))
        self.assertTrue(self.fetch())

    def test_a_missing_page_is_missed(self):
        result = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                     self.url("missing"))
        self.assertEqual(result.stdout, "404")

    def test_a_cgi_program_gets_what_was_posted(self):
        answer = self.curl("--data-binary", "a=1&b=2", self.url("cgi-bin/answer?q=3"))
        self.assertEqual(answer, "POST q=3\na=1&b=2")


if __name__ == "__main__":
    harness.main()
