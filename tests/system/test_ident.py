# SPDX-License-Identifier: ISC
"""Who owns a connection (RFC 1413): asked about real connections of several users."""
import contextlib
import os
import pwd
import re
import socket
import subprocess

import harness
from harness import Case, connect, exchange, needs_program, needs_root, read_all

CONFIG = """
service ident {
    bind = %s
    port = %d
    internal = ident
    %s
    cps = { 0, 1 }
    log_on_success = { PID, HOST, EXIT }
    log_on_failure = { HOST }
}
"""


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def hold_connection(uid, to, source, say, stop):
    """In a child: connect as @uid, say from which port, and wait for the end."""
    try:
        if uid is not None:
            become(uid)
        with socket.create_connection(to, source_address=(source, 0)) as client:
            os.write(say, b"%d\n" % client.getsockname()[1])
            os.read(stop, 1)
    finally:
        os._exit(0)


class Ident(Case):
    def serve(self, mode, bind='{ 127.0.0.1, "::1" }'):
        self.port = harness.free_port()
        self.log = self.daemon(CONFIG % (bind, self.port, mode))

    def connection(self, user=None, host="127.0.0.1", source="127.0.0.1"):
        """A process of @user connected to us: its port and ours."""
        # An IPv6 socket can be connected to an IPv4 listener.
        at = host.replace("::ffff:", "")
        family = socket.AF_INET6 if ":" in at else socket.AF_INET
        listener = socket.create_server((at, 0), family=family)
        self.addCleanup(listener.close)
        to = (host, listener.getsockname()[1])
        told, say = os.pipe()
        stop, end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(end)
            hold_connection(user, to, source, say, stop)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, end)
        os.close(say)
        os.close(stop)
        accepted, _ = listener.accept()
        self.addCleanup(accepted.close)
        with os.fdopen(told) as handle:
            return int(handle.readline()), to[1]

    def ask(self, pair, host="127.0.0.1", source=None):
        line = exchange(self.port, b"%d , %d\r\n" % pair, host, source).decode()
        prefix = "%d, %d : " % pair
        self.assertTrue(line.startswith(prefix) and line.endswith("\r\n"), line)
        return line[len(prefix):-2]

    @needs_root
    def test_real_names_of_several_users(self):
        self.serve("ident = real")
        for name in "root", "nobody", "daemon", "bin":
            uid = pwd.getpwnam(name).pw_uid
            self.assertEqual(self.ask(self.connection(uid)), "USERID : UNIX : " + name)
        self.assertEqual(self.ask(self.connection(54321)), "USERID : OTHER : 54321")

    def test_own_name(self):
        self.serve("ident = real")
        name = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual(self.ask(self.connection()), "USERID : UNIX : " + name)
        self.assertEqual(self.ask(self.connection(host="::1", source="::1"), "::1"),
                         "USERID : UNIX : " + name)

    def test_ipv4_through_a_dual_stack_socket(self):
        self.serve("ident = real", '"*"')
        name = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual(self.ask(self.connection()), "USERID : UNIX : " + name)
        # The client's socket may be an IPv6 one, too.
        mapped = self.connection(host="::ffff:127.0.0.1", source="::ffff:127.0.0.1")
        self.assertEqual(self.ask(mapped), "USERID : UNIX : " + name)

    def test_nobody_is_told_of_connections_of_others(self):
        self.serve("ident = real")
        pair = self.connection()
        self.assertRegex(self.ask(pair), "USERID")
        # Not even from another address of the same host.
        self.assertEqual(self.ask(pair, source="127.0.0.2"), "ERROR : NO-USER")
        theirs = self.connection(host="127.0.0.2")
        self.assertEqual(self.ask(theirs), "ERROR : NO-USER")
        self.assertRegex(self.ask(theirs, source="127.0.0.2"), "USERID")

    def test_no_user_where_there_is_no_connection(self):
        self.serve("ident = real")
        listener = socket.create_server(("127.0.0.1", 0))
        with contextlib.closing(listener):
            self.assertEqual(self.ask((listener.getsockname()[1], 1)), "ERROR : NO-USER")
        self.assertEqual(self.ask((1, 65535)), "ERROR : NO-USER")

    def test_a_token_is_explained_by_the_log_alone(self):
        self.serve("ident = hashed")
        user = harness.NOBODY if harness.is_root() else os.geteuid()
        pair = self.connection(user if harness.is_root() else None)
        tokens = set()
        for _ in range(3):
            answer = self.ask(pair)
            token = re.fullmatch(r"USERID : OTHER : ([0-9a-f]{20})", answer).group(1)
            self.log.wait_for(r"notice: service 'ident': token %s is uid %d \(%s\), port "
                              r"%d to port %d of 127\.0\.0\.1$" % (
                                  token, user, pwd.getpwuid(user).pw_name, *pair))
            tokens.add(token)
        self.assertEqual(len(tokens), 3)

    def test_tokens_that_are_not_logged_are_not_given(self):
        self.serve("ident = hashed")
        pair = self.connection()
        given = []
        for _ in range(5):
            lines = exchange(self.port, (b"%d,%d\r\n" % pair) * 60).decode().split("\r\n")
            given += re.findall(r"OTHER : ([0-9a-f]{20})", "\n".join(lines))
        self.log.wait_for(r"token %s" % given[-1])
        for token in given:
            self.assertEqual(len(self.log.matches(r"token %s is uid" % token)), 1)

    def test_hidden_is_the_default(self):
        for mode in "", "ident = hidden":
            self.serve(mode)
            self.assertEqual(self.ask(self.connection()), "ERROR : HIDDEN-USER")
            self.assertEqual(self.ask((1, 2)), "ERROR : HIDDEN-USER")

    def test_a_fixed_name_for_all(self):
        self.serve("ident = fixed:joe")
        self.assertEqual(self.ask(self.connection()), "USERID : UNIX : joe")
        self.assertEqual(self.ask((1, 2)), "USERID : UNIX : joe")

    def test_queries_of_all_kinds_in_one_connection(self):
        self.serve("ident = fixed:joe")
        joe = b" : USERID : UNIX : joe\r\n"
        bad = b" : ERROR : INVALID-PORT\r\n"
        for query, answer in ((b"6193,23", b"6193, 23" + joe),
                              (b"  6193\t, 23 ", b"6193, 23" + joe),
                              (b"0, 23", b"0, 23" + bad), (b"23, 65536", b"23, 0" + bad),
                              (b"", b"0, 0" + bad), (b"x" * 5000, b"0, 0" + bad),
                              (b"1,2,3", b"0, 0" + bad), (b"-1,2", b"0, 0" + bad)):
            self.assertEqual(exchange(self.port, query + b"\r\n"), answer)
            self.assertEqual(exchange(self.port, query + b"\n1,2\r\n"),
                             answer + b"1, 2" + joe)
        # Not a line, not a query.
        self.assertEqual(exchange(self.port, b"1,2"), b"")
        # As many as there may be.
        self.assertEqual(exchange(self.port, b"1,2\r\n" * 100), (b"1, 2" + joe) * 64)

    def test_an_idle_asker_is_dropped(self):
        self.serve("idle_timeout = 300ms")
        with connect(self.port) as client:
            client.sendall(b"1,2\r\n")
            self.assertEqual(read_all(client), b"1, 2 : ERROR : HIDDEN-USER\r\n")
        self.log.wait_for(r"EXIT: ident status=0")

    @needs_program("nc")
    def test_the_example_answers_its_own_question(self):
        text = (harness.SOURCE / "services.d" / "ident.conf").read_text()
        self.port, own = harness.free_port(), harness.free_port()
        self.log = self.daemon(text.replace("port = 7113", "port = %d" % self.port))
        result = subprocess.run(
            ["nc", "-N", "-p", str(own), "127.0.0.1", str(self.port)], timeout=harness.DEADLINE,
            input=b"%d,%d\n" % (own, self.port), stdout=subprocess.PIPE, check=True)
        self.assertRegex(result.stdout, rb"^%d, %d : USERID : OTHER : [0-9a-f]{20}\r\n$"
                         % (own, self.port))
        self.log.wait_for(r"token [0-9a-f]{20} is uid %d " % os.geteuid())


if __name__ == "__main__":
    harness.main()
