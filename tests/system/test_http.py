# SPDX-License-Identifier: ISC
"""The in-process service http: files, and what is none, over real sockets."""
import gzip
import os
import pathlib
import re
import signal
import socket
import unittest

import harness
from harness import Case, connect, needs_program, needs_root, read_all
from realworld import BOTH, Process, at_once, digest, random_file, run, succeed

CONFIG = """
service {name} {{
    bind = {{ 127.0.0.1, "::1" }}
    port = {port}
    internal = http
    document_root = "{root}"
    cps = {{ 0, 1 }}
    log_on_success = {{ PID, HOST, EXIT, DURATION }}
    log_on_failure = {{ HOST }}
    {more}
}}
"""

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EPOCH = 784111777


def is_built():
    return any(each.name == "usherd-http" for each in harness.worker_programs())


class Answer:
    """One answer as it came: status, fields, body."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    def __getitem__(self, name):
        return self.fields.get(name.lower())


def read_answer(stream, head=False):
    """The next answer on a kept connection; None at its end."""
    first = stream.readline()
    if not first:
        return None
    status = int(re.match(rb"HTTP/1\.1 (\d{3}) ", first).group(1))
    fields = {}
    while True:
        line = stream.readline().rstrip(b"\r\n").decode("latin-1")
        if not line:
            break
        name, _, value = line.partition(":")
        fields[name.lower()] = value.strip()
    length = 0 if head or status in (204, 304) else int(fields["content-length"])
    return Answer(status, fields, stream.read(length))


def request_text(target, method="GET", version="HTTP/1.1", **fields):
    lines = ["%s %s %s" % (method, target, version), "Host: localhost"]
    lines += ["%s: %s" % (name.replace("_", "-"), value) for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@unittest.skipUnless(is_built(), "usherd-http is not built")
class HttpCase(Case):
    def site(self):
        """A document root beside a secret, both for everybody to read."""
        top = self.scratch()
        (top / "secret").write_text("secret\n")
        root = top / "root"
        root.mkdir()
        return root

    def fill(self, root):
        (root / "index.html").write_text("<p>hello\n")
        (root / "text.txt").write_text("0123456789")
        (root / "empty").write_text("")
        (root / "dir").mkdir()
        (root / "dir" / "a b.css").write_text("p {}\n")
        (root / ".hidden").write_text("hidden\n")
        (root / "dir" / ".git").mkdir()
        (root / "dir" / ".git" / "config").write_text("hidden\n")
        os.utime(root / "text.txt", (EPOCH, EPOCH))

    def serve(self, more="", root=None, name="http", **arguments):
        if root is None:
            root = self.site()
            self.fill(root)
        self.root = root
        self.port = harness.free_port()
        self.log = self.daemon(CONFIG.format(name=name, port=self.port, root=root,
                                             more=more), **arguments)

    def ask(self, target, method="GET", host="127.0.0.1", **fields):
        with connect(self.port, host) as client, client.makefile("rb") as stream:
            client.settimeout(harness.DEADLINE)
            client.sendall(request_text(target, method, **fields))
            return read_answer(stream, head=method == "HEAD")

    def status(self, target, **more):
        return self.ask(target, **more).status

    def worker(self):
        """The pid of the one worker there is."""
        return harness.eventually(lambda: [
            pid for pid in self.log.children()
            if Process(pid).link("exe").endswith("/usherd-http")], "a worker")[0]


class Files(HttpCase):
    def test_a_file_comes_with_all_that_is_known_of_it(self):
        self.serve()
        for host in BOTH:
            answer = self.ask("/text.txt", host=host)
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.body, b"0123456789")
            self.assertEqual(answer["Content-Type"], "text/plain; charset=utf-8")
            self.assertEqual(answer["Last-Modified"], DATE)
            self.assertEqual(answer["Accept-Ranges"], "bytes")
            self.assertEqual(answer["Server"], "usherd")
            self.assertEqual(answer["X-Content-Type-Options"], "nosniff")
            self.assertRegex(answer["ETag"], r'^"[^"]+"$')
            self.assertRegex(answer["Date"], r"^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")

    def test_head_says_the_same_without_the_bytes(self):
        self.serve()
        get, head = self.ask("/text.txt"), self.ask("/text.txt", "HEAD")
        for answer in get, head:
            del answer.fields["date"]
        self.assertEqual(head.fields, get.fields)
        self.assertEqual(head["Content-Length"], "10")
        with connect(self.port) as client:
            client.sendall(request_text("/text.txt", "HEAD", Connection="close"))
            self.assertTrue(read_all(client).endswith(b"\r\n\r\n"))

    def test_ranges(self):
        self.serve()
        for value, status, body, content_range in (
                ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
                ("bytes=2-5", 206, b"2345", "bytes 2-5/10"),
                ("bytes=7-", 206, b"789", "bytes 7-9/10"),
                ("bytes=-3", 206, b"789", "bytes 7-9/10"),
                ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
                ("bytes=10-", 416, b"416 Range Not Satisfiable\n", "bytes */10"),
                ("bytes=1-2,4-5", 200, b"0123456789", None),
                ("lines=1-2", 200, b"0123456789", None)):
            answer = self.ask("/text.txt", Range=value)
            with self.subTest(value):
                self.assertEqual((answer.status, answer.body, answer["Content-Range"]),
                                 (status, body, content_range))
        self.assertEqual(self.ask("/text.txt", "HEAD", Range="bytes=2-5")["Content-Length"],
                         "10")
        self.assertEqual(self.status("/empty", Range="bytes=0-"), 416)

    def test_conditions(self):
        self.serve()
        etag = self.ask("/text.txt")["ETag"]
        for status, fields in (
                (304, {"If_None_Match": etag}),
                (304, {"If_None_Match": '"x", W/' + etag}),
                (200, {"If_None_Match": '"x"'}),
                (304, {"If_Modified_Since": DATE}),
                (200, {"If_Modified_Since": DATE.replace("1994", "1993")}),
                (200, {"If_Modified_Since": "soon"}),
                (412, {"If_Match": '"x"'}),
                (412, {"If_Unmodified_Since": DATE.replace("1994", "1993")}),
                (206, {"If_Range": etag, "Range": "bytes=2-5"}),
                (200, {"If_Range": '"x"', "Range": "bytes=2-5"}),
                (206, {"If_Range": DATE, "Range": "bytes=2-5"})):
            with self.subTest(fields):
                answer = self.ask("/text.txt", **fields)
                self.assertEqual(answer.status, status)
                if status == 304:
                    self.assertEqual((answer["ETag"], answer["Last-Modified"]),
                                     (etag, DATE))
        (self.root / "text.txt").write_text("9876543210")
        self.assertNotEqual(self.ask("/text.txt")["ETag"], etag)

    def test_a_compressed_copy_is_for_who_takes_it(self):
        self.serve()
        packed = gzip.compress(b"p {} " * 100)
        (self.root / "dir" / "a b.css.gz").write_bytes(packed)
        (self.root / "picture.png").write_bytes(b"picture")
        (self.root / "picture.png.gz").write_bytes(packed)
        (self.root / "index.html.gz").mkdir()
        plain = self.ask("/dir/a%20b.css")
        answer = self.ask("/dir/a%20b.css", Accept_Encoding="br, gzip;q=0.9")
        self.assertEqual(answer.body, packed)
        self.assertEqual(answer["Content-Encoding"], "gzip")
        self.assertEqual(answer["Content-Type"], "text/css; charset=utf-8")
        self.assertEqual((answer["Vary"], plain["Vary"]), ("Accept-Encoding",) * 2)
        self.assertNotEqual(answer["ETag"], plain["ETag"])
        self.assertEqual(plain.body, b"p {}\n")
        self.assertIsNone(plain["Content-Encoding"])
        for target in "/picture.png", "/":
            answer = self.ask(target, Accept_Encoding="gzip")
            self.assertEqual((answer.status, answer["Content-Encoding"]), (200, None))

    def test_what_is_not_there_is_missed_and_names_nothing(self):
        self.serve()
        for target, status in (
                ("/missing", 404), ("/missing/", 404), ("/dir/missing", 404),
                ("/text.txt/", 404), ("/text.txt/x", 404), ("/.hidden", 404),
                ("/dir/.git/config", 404), ("/%2ehidden", 404), ("/a%2fb", 404),
                ("/dir/", 403), ("/" + "x" * 300, 404), ("/" + "x/" * 3000, 414),
                ("/%zz", 400), ("/a%00", 400), ("*", 400), ("nothing", 400)):
            with self.subTest(target[:20]):
                answer = self.ask(target)
                self.assertEqual(answer.status, status)
                self.assertLess(len(answer.body), 64)
                everything = answer.body + str(answer.fields).encode()
                self.assertNotIn(str(self.root).encode(), everything)
                self.assertNotIn(b"secret", everything)

    def test_other_methods_are_not_allowed(self):
        self.serve()
        for method in "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get":
            answer = self.ask("/", method)
            self.assertEqual((method, answer.status), (method, 405))
            self.assertEqual(answer["Allow"], "GET, HEAD")
        with connect(self.port) as client:
            client.sendall(request_text("/", "POST", Content_Length=5) + b"GET /")
            answer = read_all(client)
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 "))
        self.assertEqual(answer.count(b"HTTP/1.1"), 1)

    def test_a_body_is_not_taken_for_a_request(self):
        self.serve()
        smuggled = request_text("/text.txt")
        for fields in ({"Content_Length": len(smuggled)},
                       {"Transfer_Encoding": "chunked"},
                       {"Transfer_Encoding": "chunked", "Content_Length": "1"}):
            with connect(self.port) as client:
                client.sendall(request_text("/", **fields) + smuggled)
                self.assertLessEqual(harness.read_all_quietly(client).count(b"HTTP/1.1 "),
                                     1)

    def test_a_head_may_only_be_so_long(self):
        self.serve()
        for text in (b"GET /" + b"a" * 40000, b"GET / HTTP/1.1\r\nX: " + b"a" * 40000,
                     b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000):
            with connect(self.port) as client:
                try:
                    client.sendall(text + b"\r\n\r\n")
                except OSError:
                    pass
                answer = harness.read_all_quietly(client)
            self.assertRegex(answer, rb"\A(HTTP/1\.1 (414|431|400|413) |\Z)")
        self.assertEqual(self.status("/"), 200)

    def test_special_files_are_not_served(self):
        root = self.site()
        self.fill(root)
        os.mkfifo(root / "fifo", 0o644)
        with socket.socket(socket.AF_UNIX) as node:
            node.bind(str(root / "socket"))
        (root / "unreadable").write_text("x")
        (root / "unreadable").chmod(0)
        self.serve(root=root)
        self.assertEqual([self.status("/fifo"), self.status("/socket")], [404, 404])
        if harness.is_root() and not harness.is_counting():
            self.assertEqual(self.status("/unreadable"), 403)


class Directories(HttpCase):
    def test_a_directory_is_its_index(self):
        self.serve("index = { start.htm, index.html }")
        self.assertEqual(self.ask("/").body, b"<p>hello\n")
        (self.root / "start.htm").write_text("start")
        answer = self.ask("/")
        self.assertEqual((answer.body, answer["Content-Type"]),
                         (b"start", "text/html; charset=utf-8"))
        (self.root / "start.htm").unlink()
        (self.root / "start.htm").mkdir()
        self.assertEqual(self.ask("/").body, b"<p>hello\n")

    def test_without_its_slash_the_client_is_sent_on(self):
        self.serve("listing = yes")
        (self.root / "a b").mkdir()
        for target, location in (("/dir", "/dir/"), ("/a%20b?x=1", "/a%20b/"),
                                 ("//dir", "/dir/"), ("/dir/../dir", "/dir/"),
                                 ("http://elsewhere/dir", "/dir/")):
            answer = self.ask(target)
            self.assertEqual((answer.status, answer["Location"]), (301, location))

    def test_a_listing_is_sorted_and_does_nothing(self):
        root = self.site()
        (root / "b").write_text("")
        (root / "a").mkdir()
        (root / ".hidden").write_text("")
        (root / "<script>\"'&").write_text("")
        (root / os.fsdecode(b"\xff")).write_text("")
        (root / "cannot be\nasked for").write_text("")
        self.serve("listing = yes", root=root)
        answer = self.ask("/")
        self.assertEqual(answer["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(answer["Content-Security-Policy"], "default-src 'none'")
        links = re.findall(rb'<li><a href="([^"]*)">', answer.body)
        self.assertEqual(links, [b"./%3Cscript%3E%22%27%26", b"./a/", b"./b", b"./%FF"])
        self.assertNotIn(b"<script", answer.body)
        self.assertNotIn(b"hidden", answer.body)
        for link in links:
            self.assertEqual(self.status("/" + link.decode()), 200)
        self.assertEqual(self.ask("/a/").body.count(b'href="../"'), 1)

    def test_a_listing_has_an_end(self):
        root = self.site()
        for index in range(2500):
            (root / ("%04d" % index)).write_text("")
        self.serve("listing = yes", root=root)
        answer = self.ask("/")
        self.assertEqual(answer.body.count(b"<li>"), 2000)
        self.assertIn(b"There is more", answer.body)

    def test_no_listing_unless_asked_for(self):
        self.serve()
        self.assertEqual(self.status("/dir/"), 403)


class WaysOut(HttpCase):
    def test_no_path_leads_out(self):
        self.serve("listing = yes")
        for target in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "/dir/../../secret",
                       "/dir/%2E./%2e%2e/secret", "//../secret", "/./../secret",
                       "/..\\secret", "/%5c..%5csecret", "/..%c0%afsecret",
                       "/%252e%252e/secret", "http://x/../secret", "/..;/secret",
                       str(self.root.parent / "secret"), "/proc/self/environ",
                       "/" + "../" * 50 + "etc/passwd", "/../" * 3 + "etc/passwd"):
            answer = self.ask(target)
            with self.subTest(target):
                self.assertIn(answer.status, (400, 404))
                self.assertNotIn(b"secret\n", answer.body)

    def test_links_stay_beneath(self):
        root = self.site()
        self.fill(root)
        for name, target in (("inside", "text.txt"), ("dir/up", "../text.txt"),
                             ("out", "../secret"), ("dir/out", "../../secret"),
                             ("absolute", str(root / "text.txt")), ("etc", "/etc"),
                             ("loop", "loop"), ("proc", "/proc/self/root"),
                             ("dangling", "nothing"), ("dirlink", "dir")):
            (root / name).symlink_to(target)
        self.serve(root=root)
        for target, status in (("/inside", 200), ("/dir/up", 200), ("/out", 403),
                               ("/dir/out", 403), ("/absolute", 403), ("/etc/passwd", 403),
                               ("/loop", 403), ("/proc/etc/passwd", 403),
                               ("/dangling", 404), ("/dirlink/a%20b.css", 200)):
            self.assertEqual((target, self.status(target)), (target, status))

    @needs_root
    @unittest.skipIf(harness.is_counting(), "workers are not confined")
    def test_the_root_is_opened_with_the_users_rights(self):
        root = self.site()
        self.fill(root)
        root.parent.chmod(0o700)
        self.serve(root=root)
        self.log.wait_for(r"worker: service 'http': cannot open '%s' as uid \d+: "
                          r"Permission denied" % re.escape(str(root)))
        root.parent.chmod(0o711)
        self.log.wait_for(r"worker \d+ ended with status 71; starting another")
        self.assertEqual(self.status("/"), 200)


class Connections(HttpCase):
    def test_a_connection_is_kept_for_many_requests(self):
        self.serve()
        with connect(self.port) as client, client.makefile("rb") as stream:
            for index in range(100):
                target, status = (("/text.txt", 200), ("/missing", 404))[index % 2]
                client.sendall(request_text(target))
                self.assertEqual(read_answer(stream).status, status)
        self.log.wait_for(r"EXIT: http status=0")
        self.assertEqual(len(self.log.matches("START: http")), 1)

    def test_requests_may_come_before_the_answers(self):
        self.serve()
        with connect(self.port) as client, client.makefile("rb") as stream:
            client.sendall(request_text("/text.txt") * 50)
            for _ in range(50):
                self.assertEqual(read_answer(stream).body, b"0123456789")

    def test_an_old_client_is_served_once(self):
        self.serve()
        with connect(self.port) as client:
            client.sendall(b"GET /text.txt HTTP/1.0\r\n\r\n")
            self.assertTrue(read_all(client).endswith(b"0123456789"))

    def test_idle_connections_end(self):
        self.serve("idle_timeout = 1s")
        with connect(self.port) as silent, connect(self.port) as kept:
            kept.sendall(request_text("/text.txt"))
            self.assertTrue(read_all(kept).endswith(b"0123456789"))
            self.assertEqual(read_all(silent), b"")
        self.log.wait_for(r"EXIT: http", count=2)

    def drip(self, client, head, pause=0.05):
        """One byte after the other; whether the server made an end of it."""
        client.settimeout(pause)
        for byte in head:
            try:
                client.send(bytes([byte]))
                if client.recv(1) == b"":
                    return True
            except TimeoutError:
                continue
            except OSError:
                return True
        return False

    def test_a_head_that_drips_in_does_not_hold_its_place(self):
        self.serve("idle_timeout = 1s")
        with connect(self.port) as client:
            self.assertTrue(self.drip(client, request_text("/", X="y" * 1000)))
        self.log.wait_for(r"EXIT: http")

    def test_a_byte_that_comes_at_the_deadline_does_not_put_it_off(self):
        self.serve("idle_timeout = 2s")
        worker = self.worker()
        with connect(self.port) as client:
            self.assertFalse(self.drip(client, b"GET /" + b"y" * 7, 0.1))
            # Held still, it sees the deadline and further bytes in the same moment.
            os.kill(worker, signal.SIGSTOP)
            self.drip(client, b"y" * 12, 0.1)
            os.kill(worker, signal.SIGCONT)
            self.assertTrue(self.drip(client, b"y" * 400, 0.01))
        self.log.wait_for(r"EXIT: http")

    def test_an_end_that_comes_with_the_last_bytes_is_seen(self):
        self.serve("idle_timeout = 1h")
        for text in (request_text("/text.txt"), request_text("/text.txt")[:-5],
                     request_text("/text.txt") * 400, request_text("/", X="y" * 9000)[:-2]):
            for _ in range(10):
                with connect(self.port) as client:
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    client.sendall(text)
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(read_all(client).count(b"HTTP/1.1 200"),
                                     text.count(b"\r\n\r\n"))
        self.log.wait_for(r"EXIT: http", count=40)

    def test_a_client_that_goes_away_is_noticed(self):
        self.serve()
        random_file(self.root / "large", 50000000)
        with connect(self.port) as client:
            client.sendall(request_text("/large"))
            client.recv(1000)
        self.log.wait_for(r"EXIT: http")
        self.assertEqual(self.status("/"), 200)

    def test_a_slow_reader_holds_nobody_up(self):
        self.serve()
        random_file(self.root / "large", 20000000)
        with connect(self.port) as slow:
            slow.sendall(request_text("/large"))
            for _ in range(50):
                self.assertEqual(self.status("/text.txt"), 200)

    def test_a_file_cut_short_meanwhile_ends_the_connection(self):
        self.serve("idle_timeout = 1s")
        random_file(self.root / "large", 20000000)
        with connect(self.port) as client:
            client.sendall(request_text("/large"))
            client.recv(1000)
            os.truncate(self.root / "large", 1000)
            self.assertLess(len(harness.read_all_quietly(client)), 20000000)
        self.assertEqual(self.status("/"), 200)

    def test_unix_sockets(self):
        root = self.site()
        self.fill(root)
        path = self.scratch() / "http.sock"
        self.log = self.daemon('service http { protocol = unix bind = "%s" internal = http '
                               'document_root = "%s" }' % (path, root))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(request_text("/text.txt", Connection="close"))
            self.assertTrue(read_all(client).endswith(b"0123456789"))


class Guarded(HttpCase):
    def test_who_may_not_come_in_does_not(self):
        self.serve("no_access = 127.0.0.2")
        with connect(self.port, source="127.0.0.2") as client:
            self.assertEqual(harness.read_all_quietly(client), b"")
        self.log.wait_for(r"FAIL: http address from=127\.0\.0\.2")
        self.assertEqual(self.status("/"), 200)

    def test_limits_count_connections(self):
        self.serve("instances = 3 per_source = 2")
        kept = [connect(self.port) for _ in range(2)]
        kept.append(connect(self.port, source="127.0.0.2"))
        for client in kept:
            self.addCleanup(client.close)
            client.sendall(request_text("/text.txt"))
            self.assertIn(b"200 OK", client.recv(1000))
        with connect(self.port, source="127.0.0.3") as client:
            self.assertEqual(harness.read_all_quietly(client), b"")
        self.log.wait_for(r"FAIL: http service_limit from=127\.0\.0\.3")
        kept[2].close()
        self.log.wait_for(r"EXIT: http")
        with connect(self.port) as client:
            self.assertEqual(harness.read_all_quietly(client), b"")
        self.log.wait_for(r"FAIL: http per_source_limit from=127\.0\.0\.1")
        kept[0].close()
        self.log.wait_for(r"EXIT: http", count=2)
        self.assertEqual(self.status("/"), 200)

    def test_start_and_exit_name_the_worker(self):
        self.serve()
        self.assertEqual(self.status("/"), 200)
        start = self.log.wait_for(r"START: http pid=(\d+) from=127\.0\.0\.1$")
        self.assertEqual(int(start.group(1)), self.worker())
        self.log.wait_for(r"EXIT: http status=0 pid=%s duration=\d+\(sec\)$"
                          % start.group(1))


class Workers(HttpCase):
    def mapped(self, pid):
        return (pathlib.Path("/proc") / str(pid) / "maps").read_text()

    def test_the_library_is_in_the_worker_alone(self):
        self.serve()
        self.assertEqual(self.status("/"), 200)
        worker = self.worker()
        if harness.is_root():
            self.assertIn("libmicrohttpd", self.mapped(worker))
            self.assertIn("/usherd-http", Process(worker).link("exe"))
        self.assertNotIn("libmicrohttpd", self.mapped(self.log.pid))
        linked = run("ldd", harness.USHERD).stdout
        self.assertNotIn("libmicrohttpd", linked)
        self.assertNotIn("gnutls", linked)

    @needs_root
    @unittest.skipIf(harness.is_counting(), "workers are not confined")
    def test_the_worker_has_no_rights_and_an_empty_root(self):
        self.serve()
        self.assertEqual(self.status("/"), 200)
        worker = Process(self.worker())
        self.assertEqual(worker.ids("Uid"), [harness.NOBODY] * 4)
        self.assertEqual(worker.ids("Gid"), [harness.NOBODY] * 4)
        self.assertEqual(worker.ids("Groups"), [])
        for sort in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
            self.assertEqual((sort, worker.mask(sort)), (sort, 0))
        self.assertEqual(worker.status("NoNewPrivs"), "1")
        self.assertEqual(worker.status("Seccomp"), "2")
        self.assertEqual(os.listdir(worker.directory / "root"), [])
        self.assertEqual(worker.environment(), {})

    def test_the_worker_keeps_only_what_it_needs(self):
        self.serve(env={**os.environ, "SECRET": "x", "TZ": "UTC"})
        self.assertEqual(self.status("/"), 200)
        worker = Process(self.worker())
        if not harness.is_root():
            self.skipTest("the worker cannot be looked at without root")
        self.assertEqual(worker.environment(), {"TZ": "UTC"})
        links = worker.descriptors()
        self.assertEqual([link for link in links.values() if "memfd" in link], [])
        self.assertEqual([link for link in links.values() if link.endswith("/root")],
                         [str(self.root)])
        for descriptor in links:
            if descriptor > 2:
                self.assertTrue(worker.flags(descriptor) & os.O_CLOEXEC, links[descriptor])

    def test_it_is_started_again_after_kill_9(self):
        self.serve()
        self.assertEqual(self.status("/"), 200)
        first = self.worker()
        with connect(self.port) as client:
            client.sendall(request_text("/"))
            self.assertIn(b"200 OK", client.recv(1000))
            os.kill(first, signal.SIGKILL)
            self.assertEqual(harness.read_all_quietly(client)[-9:], b"")
        self.log.wait_for(r"worker %d was ended by signal 9 .*; starting another" % first)
        self.assertEqual(self.status("/"), 200)
        self.assertNotEqual(self.worker(), first)

    def test_a_reload_lets_kept_connections_go(self):
        self.serve("idle_timeout = 600s")
        random_file(self.root / "large", 20000000)
        first = self.worker()
        idle, busy, fresh = (connect(self.port) for _ in range(3))
        for client in idle, busy, fresh:
            self.addCleanup(client.close)
            client.settimeout(harness.DEADLINE)
        idle.sendall(request_text("/text.txt"))
        stream = idle.makefile("rb")
        self.assertEqual(read_answer(stream).body, b"0123456789")
        busy.sendall(request_text("/large"))
        busy.recv(1000)
        self.log.wait_for(r"START: http", count=3)
        self.log.reload(CONFIG.format(name="http", port=self.port, root=self.root,
                                      more="idle_timeout = 601s"))
        # The one that waits for nothing is let go, the others have their answer.
        self.assertIsNone(read_answer(stream))
        fresh.sendall(request_text("/text.txt"))
        answer = read_answer(fresh.makefile("rb"))
        self.assertEqual((answer.body, answer["Connection"]), (b"0123456789", "close"))
        self.assertGreater(len(read_all(busy)), 20000000 - 1000)
        harness.eventually(lambda: not os.path.exists("/proc/%d" % first),
                           "the old worker ends")
        self.assertEqual(self.status("/"), 200)
        self.assertNotEqual(self.worker(), first)
        self.assertEqual(self.log.matches(r"error:"), [])

    def test_limits_hold_over_a_reload(self):
        self.serve("instances = 1 idle_timeout = 600s")
        random_file(self.root / "large", 20000000)
        with connect(self.port) as busy:
            busy.sendall(request_text("/large"))
            busy.recv(1000)
            self.log.wait_for(r"START: http")
            self.log.reload(CONFIG.format(name="http", port=self.port, root=self.root,
                                          more="instances = 1 idle_timeout = 601s"))
            with connect(self.port) as other:
                self.assertEqual(harness.read_all_quietly(other), b"")
            self.log.wait_for(r"FAIL: http service_limit")

    def test_two_services_have_two_roots_and_one_worker(self):
        first, second = self.site(), self.site()
        (first / "a").write_text("first")
        (second / "a").write_text("second")
        ports = harness.free_port(), harness.free_port()
        echo = harness.free_port()
        self.log = self.daemon(
            CONFIG.format(name="one", port=ports[0], root=first, more="") +
            CONFIG.format(name="two", port=ports[1], root=second, more="listing = yes") +
            "service echo { bind = 127.0.0.1 port = %d internal = echo }" % echo)
        for self.port, body, status in (ports[0], b"first", 403), (ports[1], b"second", 200):
            self.assertEqual(self.ask("/a").body, body)
            self.assertEqual(self.status("/"), status)
        self.assertEqual(harness.exchange(echo, b"x"), b"x")
        self.assertEqual(len(self.log.children()), 2)

    def test_a_missing_program_is_an_error_of_the_configuration(self):
        alone = self.scratch() / "usherd"
        alone.write_bytes(pathlib.Path(harness.USHERD).read_bytes())
        alone.chmod(0o755)
        config = alone.with_name("usherd.conf")
        config.write_text(CONFIG.format(name="http", port=1, root="/usr", more=""))
        result = run(alone, "-t", "-f", config)
        if result.returncode == 0:
            self.skipTest("usherd-http is installed here")
        self.assertEqual(result.returncode, 78)
        self.assertRegex(result.stderr, r"usherd\.conf:5: error: in-process service 'http': "
                         r"cannot execute '/\S+/usherd-http': No such file or directory")

    def test_nobody_else_can_start_it(self):
        program = next(each for each in harness.worker_programs()
                       if each.name == "usherd-http")
        for arguments in [], ["0"], ["x"], ["3", "4"], ["--help"]:
            result = run(program, *arguments)
            self.assertEqual(result.returncode, 64)
            self.assertIn("only usherd(8) starts this", result.stderr)
        self.assertEqual(run(program, "3").returncode, 76)


@needs_program("curl")
class Curl(HttpCase):
    def curl(self, *arguments):
        return succeed("curl", "-sS", "-g", "--fail", *arguments)

    def url(self, path="", host="127.0.0.1"):
        return "http://%s:%d/%s" % ("[%s]" % host if ":" in host else host, self.port, path)

    def test_fetches_resumes_and_asks_for_what_is_new(self):
        self.serve()
        random_file(self.root / "large", 10000003)
        target = self.scratch() / "fetched"
        for host in BOTH:
            self.curl("-o", target, self.url("large", host))
            self.assertEqual(digest(target), digest(self.root / "large"))
        os.truncate(target, 5000000)
        self.curl("-C", "-", "-o", target, self.url("large"))
        self.assertEqual(digest(target), digest(self.root / "large"))
        code = self.curl("-o", "/dev/null", "-w", "%{http_code}", "-z", self.root / "large",
                         self.url("large"))
        self.assertEqual(code, "304")
        self.assertRegex(self.curl("-I", self.url("large")), "Content-Length: 10000003\n")

    def test_is_sent_on_to_the_slash(self):
        self.serve("index = 'a b.css'")
        self.assertEqual(self.curl("-L", self.url("dir")), "p {}\n")

    def test_uses_one_connection_for_many_files(self):
        self.serve()
        self.assertEqual(self.curl(*[self.url("text.txt")] * 50), "0123456789" * 50)
        self.log.wait_for(r"EXIT: http")
        self.assertEqual(len(self.log.matches("START: http")), 1)

    def test_fifty_at_once(self):
        self.serve()
        random_file(self.root / "large", 1000003)
        scratch = self.scratch()

        def fetch(index):
            self.curl("-o", scratch / str(index), self.url("large"))
            return digest(scratch / str(index)) == digest(self.root / "large")

        self.assertTrue(all(at_once(50, fetch)))
        self.log.wait_for(r"EXIT: http status=0", count=50)

    @needs_program("ab")
    def test_ten_thousand_requests_without_an_error(self):
        self.serve()
        worker = self.worker()
        for options in [], ["-k"]:
            said = succeed("ab", "-q", "-n", "10000", "-c", "50", *options,
                           self.url("text.txt"))
            self.assertRegex(said, r"Complete requests:\s+10000")
            self.assertRegex(said, r"Failed requests:\s+0")
            self.assertNotIn("Non-2xx", said)
        self.assertEqual(self.worker(), worker)

    def test_the_example_serves_its_directory(self):
        text = (harness.SOURCE / "services.d" / "http.conf").read_text()
        self.assertNotIn("disable", text)
        self.port = harness.free_port()
        self.daemon(text.replace("port = 7080", "port = %d" % self.port))
        self.assertIn("<h1>/</h1>", self.curl(self.url()))


if __name__ == "__main__":
    harness.main()
