# SPDX-License-Identifier: ISC
"""redirect: datagrams relayed in flows, one for each peer, by the real daemon."""
import contextlib
import os
import socket
import threading
import time

import harness
from harness import Case, datagram_socket

CONFIG = """
service {name} {{
    protocol = udp
    bind = {{ {bind} }}
    port = {port}
    redirect = {{ {targets} }}
    cps = {{ 0, 1 }}
    log_on_success = {{ PID, HOST, EXIT, DURATION, TRAFFIC }}
    log_on_failure = {{ HOST }}
    {more}
}}
"""


def redirect(port, *targets, name="u", bind=("127.0.0.1",), more=""):
    return CONFIG.format(name=name, port=port, more=more,
                         bind=", ".join('"%s"' % b for b in bind),
                         targets=", ".join('"%s"' % t for t in targets))


def at(port, host="127.0.0.1"):
    return ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)


class Target:
    """A UDP server in a thread; @answer(data, peer) gives a list of answers."""

    def __init__(self, case, answer, host="127.0.0.1", port=None):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.bind((host, port or harness.free_port(host=host)))
        self.port = self.socket.getsockname()[1]
        self.answer = answer
        self.peers = []
        self.ended = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        case.addCleanup(self.close)

    def _serve(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            if self.ended:
                return
            if peer not in self.peers:
                self.peers.append(peer)
            for text in self.answer(data, peer):
                self.socket.sendto(text, peer)

    def close(self):
        if self.ended:
            return
        self.ended = True
        with contextlib.closing(socket.socket(self.socket.family,
                                              socket.SOCK_DGRAM)) as waker:
            waker.sendto(b"", self.socket.getsockname())
            self.thread.join()
        self.socket.close()


def backwards(data, _):
    return [data[::-1]]


class Datagrams(Case):
    def relay(self, *targets, **arguments):
        host = arguments.pop("on", "127.0.0.1")
        port = harness.free_port(host=host)
        arguments.setdefault("bind", (host,))
        self.log = self.daemon(redirect(port, *targets, **arguments))
        return port

    def ask(self, client, text, port, host="127.0.0.1"):
        client.sendto(text, (host, port))
        return client.recvfrom(65536)

    def ask_until(self, client, text, port, expected):
        """Datagrams may be lost where a target has gone: ask as a resolver does."""
        client.settimeout(0.2)

        def asked():
            with contextlib.suppress(socket.timeout, ConnectionRefusedError):
                return self.ask(client, text, port)[0] == expected

        harness.eventually(asked, "an answer of %r" % expected)
        client.settimeout(harness.DEADLINE)

    def test_a_flow_for_each_peer_logged_like_a_connection(self):
        target = Target(self, backwards)
        port = self.relay(at(target.port), more="idle_timeout = 300ms")
        clients = [datagram_socket() for _ in range(50)]
        for round in range(3):
            for number, client in enumerate(clients):
                client.sendto(b"%d:%d" % (round, number), ("127.0.0.1", port))
            for number, client in enumerate(clients):
                text, sender = client.recvfrom(100)
                self.assertEqual(text, (b"%d:%d" % (round, number))[::-1])
                self.assertEqual(sender, ("127.0.0.1", port))
        self.assertEqual(len(target.peers), 50)
        self.log.wait_for(r"EXIT: u status=0 pid=\d+ duration=\d+\(sec\)$", count=50)
        self.assertEqual(len(self.log.matches(r"START: u pid=\d+ from=127\.0\.0\.1$")),
                         50)
        self.assertEqual(
            len(self.log.matches(r"TRAFFIC: u in=\d+\(bytes\) out=\d+\(bytes\)$")), 50)
        # A new flow after that, as if the first had not been.
        self.assertEqual(self.ask(clients[0], b"again", port)[0], b"niaga")
        for client in clients:
            client.close()

    def test_every_length_from_nothing_to_the_most(self):
        target = Target(self, lambda data, _: [data])
        port = self.relay(at(target.port))
        with datagram_socket() as client:
            for size in 0, 1, 1472, 9000, 65507:
                data = os.urandom(size)
                self.assertEqual(self.ask(client, data, port)[0], data)

    def test_many_answers_to_one_request_and_none(self):
        target = Target(self, lambda data, _: [b"%d" % n for n in range(100)]
                        if data == b"many" else [])
        port = self.relay(at(target.port))
        with datagram_socket() as client:
            client.sendto(b"none", ("127.0.0.1", port))
            client.sendto(b"many", ("127.0.0.1", port))
            self.assertEqual([client.recv(10) for _ in range(100)],
                             [b"%d" % n for n in range(100)])

    def test_answers_come_from_the_address_that_was_asked(self):
        port = self.relay(at(Target(self, backwards).port), bind=("*",))
        with datagram_socket() as client:
            for host in "127.0.0.5", "127.0.0.77":
                self.assertEqual(self.ask(client, b"ab", port, host),
                                 (b"ba", (host, port)))
        self.log.wait_for(r"START: u", count=2)

    def test_families_cross(self):
        four, six = Target(self, backwards), Target(self, backwards, host="::1")
        port = self.relay(at(four.port), on="::1")
        with datagram_socket("::1") as client:
            self.assertEqual(self.ask(client, b"ab", port, "::1")[0], b"ba")
        port = self.relay(at(six.port, "::1"))
        with datagram_socket() as client:
            self.assertEqual(self.ask(client, b"ab", port)[0], b"ba")

    def test_a_target_without_a_listener_is_left_for_the_next(self):
        second = Target(self, lambda data, _: [b"second"])
        port = self.relay(at(harness.free_port()), at(second.port))
        with datagram_socket() as client:
            self.ask_until(client, b"x", port, b"second")
        # It rests: another peer loses nothing.
        with datagram_socket() as client:
            self.assertEqual(self.ask(client, b"x", port)[0], b"second")
        self.assertEqual(self.log.matches("FAIL"), [])

    def test_a_target_that_goes_away_and_comes_back(self):
        first = Target(self, lambda data, _: [b"first"])
        second = Target(self, lambda data, _: [b"second"])
        port = self.relay(at(first.port), at(second.port))
        with datagram_socket() as client:
            self.assertEqual(self.ask(client, b"x", port)[0], b"first")
            first.close()
            self.ask_until(client, b"x", port, b"second")
            self.assertEqual(len(self.log.matches("START")), 1)

    def test_without_any_target_the_log_says_so_and_the_flow_waits_for_one(self):
        dead = harness.free_port()
        port = self.relay(at(dead))
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", port))
            self.log.wait_for(r"service 'u': no target answers: 127\.0\.0\.1:%d: "
                              r"Connection refused" % dead)
            self.log.wait_for(r"FAIL: u unreachable from=127\.0\.0\.1$")
            Target(self, backwards, port=dead)
            self.ask_until(client, b"ab", port, b"ba")

    def test_limits_count_flows_and_let_known_ones_pass(self):
        port = self.relay(at(Target(self, backwards).port),
                          more="instances = 2 idle_timeout = 1h")
        with datagram_socket() as one, datagram_socket() as two, \
                datagram_socket() as three:
            self.assertEqual(self.ask(one, b"ab", port)[0], b"ba")
            self.assertEqual(self.ask(two, b"ab", port)[0], b"ba")
            three.sendto(b"ab", ("127.0.0.1", port))
            self.log.wait_for(r"FAIL: u service_limit")
            for _ in range(100):
                self.assertEqual(self.ask(one, b"ab", port)[0], b"ba")

    def test_access_is_checked_before_a_flow_begins(self):
        port = self.relay(at(Target(self, backwards).port), bind=("*",),
                          more="no_access = 127.0.0.9")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.9", 0))
            client.sendto(b"x", ("127.0.0.1", port))
            self.log.wait_for(r"FAIL: u address from=127\.0\.0\.9")
        self.assertEqual(self.log.matches("START"), [])

    def test_nothing_goes_round(self):
        one, two, echo = (harness.free_port() for _ in range(3))
        log = self.daemon(
            redirect(one, at(two), name="one", bind=("*",)) +
            redirect(two, at(one, "127.0.0.33"), name="two", bind=("*",)) +
            "service echo { protocol = udp bind = 127.0.0.1 port = %d internal = echo\n"
            "cps = { 0, 1 } }\n" % echo)
        with datagram_socket() as client:
            client.sendto(b"x", ("127.0.0.1", one))
            log.wait_for(r"service 'one': cannot serve a client: the target is one of "
                         r"our own")
            log.wait_for(r"FAIL: one resources from=127\.0\.0\.1$")
        # Nor are a port of ours and a relay set to talk to each other. Only a raw socket
        # could say so; a client on a port of ours on the same host is as good.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.44", echo))
            client.sendto(b"x", ("127.0.0.1", one))
            with datagram_socket() as other:
                other.sendto(b"x", ("127.0.0.1", one))
                log.wait_for(r"FAIL: one resources", count=2)
        self.assertEqual(log.matches(r"START: one pid=\d+ from=127\.0\.0\.44"), [])

    def test_a_service_may_be_both(self):
        port = harness.free_port()
        udp = Target(self, backwards)
        listener = socket.create_server(("127.0.0.1", udp.port))
        self.addCleanup(listener.close)
        self.daemon("service b { protocol = { tcp, udp } bind = 127.0.0.1 port = %d\n"
                    "redirect = 127.0.0.1:%d cps = { 0, 1 } }" % (port, udp.port))
        with datagram_socket() as client:
            self.assertEqual(self.ask(client, b"ab", port)[0], b"ba")
        with harness.connect(port) as client:
            client.sendall(b"stream")
            connection = listener.accept()[0]
            with connection:
                self.assertEqual(connection.recv(6), b"stream")

    def test_a_reload_leaves_answers_on_their_way(self):
        held = []

        def hold(data, peer):
            held.append(peer)
            return [data]

        target = Target(self, hold)
        port = self.relay(at(target.port), more="idle_timeout = 1h")
        with datagram_socket() as client:
            self.assertEqual(self.ask(client, b"before", port)[0], b"before")
            mark = self.log.mark()
            self.log.reload(redirect(port, at(target.port),
                                     more="idle_timeout = 1h instances = 50"))
            # The old flow still answers; what comes new goes to a new one.
            target.socket.sendto(b"late", held[0])
            self.assertEqual(client.recvfrom(100), (b"late", ("127.0.0.1", port)))
            harness.eventually(
                lambda: self.ask(client, b"after", port)[0] == b"after" and
                len(set(held)) == 2, "a flow in the new worker")
            self.log.wait_for(r"START: u", since=mark)

    def test_a_killed_worker_is_replaced(self):
        port = self.relay(at(Target(self, backwards).port))
        with datagram_socket() as client:
            self.assertEqual(self.ask(client, b"ab", port)[0], b"ba")
            pid = int(self.log.wait_for(r"START: u pid=(\d+)").group(1))
            os.kill(pid, 9)
            self.ask_until(client, b"ab", port, b"ba")

    def test_more_peers_than_descriptors(self):
        import resource

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        port = harness.free_port()
        target = Target(self, backwards)
        log = self.daemon(redirect(port, at(target.port), more="idle_timeout = 1h"),
                          preexec=few)
        clients = [datagram_socket() for _ in range(200)]
        for client in clients:
            self.assertEqual(self.ask(client, b"ab", port)[0], b"ba")
        # The oldest have made room, and may come again.
        log.wait_for(r"EXIT: u")
        self.assertEqual(self.ask(clients[0], b"ab", port)[0], b"ba")
        for client in clients:
            client.close()


if __name__ == "__main__":
    harness.main()
