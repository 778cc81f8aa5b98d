# SPDX-License-Identifier: ISC
"""Several workers for the in-process services of a user: they share clients, limits and
nothing else."""
import collections
import contextlib
import os
import select
import signal
import socket
import threading
import unittest

import harness
from harness import Case, connect, datagram_socket, eventually

WORKERS = 3
CROWD = 200
OFF = "cps = { 0, 1 } "
LOG = "log_on_success = { PID, HOST, EXIT } log_on_failure = { HOST } "


def config(port, more=OFF, workers=WORKERS, protocol="tcp"):
    return """
        workers = %d
        service echo {
            bind = 127.0.0.1
            port = %d
            protocol = %s
            internal = echo
            backlog = 1024
            %s
            %s
        }""" % (workers, port, protocol, LOG, more)


def crowd(port, count, sources=("127.0.0.1",)):
    """So many clients at once, each with a byte on its way: connected or refused."""
    clients = []
    for i in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.bind((sources[i % len(sources)], 0))
        client.connect_ex(("127.0.0.1", port))
        clients.append(client)
    return clients


def settle(clients):
    """Wait until each has been served (its byte came back) or turned away, as lists."""
    poller = select.poll()
    waiting = {client.fileno(): client for client in clients}
    unsent = set(waiting)
    served, turned_away = [], []
    for fd in waiting:
        poller.register(fd, select.POLLOUT | select.POLLIN)
    while waiting:
        ready = poller.poll(harness.DEADLINE * 1000)
        if not ready:
            raise AssertionError("%d clients hang" % len(waiting))
        for fd, _ in ready:
            client = waiting[fd]
            try:
                if fd in unsent:
                    client.send(b"x")
                    unsent.remove(fd)
                    poller.modify(fd, select.POLLIN)
                    continue
                (served if client.recv(1) == b"x" else turned_away).append(client)
            except BlockingIOError:
                continue
            except OSError:
                turned_away.append(client)
            poller.unregister(fd)
            del waiting[fd]
    return served, turned_away


def close_all(clients):
    for client in clients:
        client.close()


class Workers(Case):
    def pids(self, daemon, count):
        """The workers that run, as soon as there are so many."""
        return eventually(lambda: (lambda pids: len(pids) == count and pids)(
            sorted(daemon.children())), "%d workers" % count)

    def start(self, *arguments, **named):
        port = harness.free_port()
        return port, self.daemon(config(port, *arguments, **named))

    def servers(self, daemon, service, count, since=0):
        """Who served so many clients: {pid: how many}."""
        pattern = r"START: %s pid=(\d+)" % service
        daemon.wait_for(pattern, since, count)
        return collections.Counter(
            int(match.group(1)) for match in daemon.matches(pattern, since))

    def serves(self, port, daemon, pids):
        """Clients come until each of the workers has had one: {pid: client}."""
        found = {}

        def all_have_one():
            mark = daemon.mark()
            client = self.held(port)
            pid = int(daemon.wait_for(r"START: echo pid=(\d+)", mark).group(1))
            if found.setdefault(pid, client) is not client:
                client.close()
            return set(found) == set(pids)

        eventually(all_have_one, "a client for each worker")
        return found

    def assert_free(self, port, daemon, most):
        """Exactly so many places, none lost and none too many."""
        served = []

        def places():
            more, turned_away = settle(crowd(port, most + 10 - len(served)))
            served.extend(more)
            close_all(turned_away)
            self.assertLessEqual(len(served), most)
            return len(served) == most

        eventually(places, "%d places" % most)
        close_all(served)

    def test_clients_are_spread_over_all_of_them(self):
        port, daemon = self.start()
        pids = self.pids(daemon, WORKERS)
        self.serves(port, daemon, pids)
        since = daemon.mark()
        for _ in range(60):
            self.held(port).close()
        self.assertEqual(set(self.servers(daemon, "echo", 60, since)), set(pids))

    def test_instances_are_those_of_all(self):
        most = 20
        port, daemon = self.start(OFF + "instances = %d" % most)
        for _ in range(5):
            since = daemon.mark()
            served, turned_away = settle(crowd(port, CROWD))
            self.assertEqual(len(served), most)
            self.assertEqual(len(turned_away), CROWD - most)
            close_all(served + turned_away)
            daemon.wait_for("EXIT: echo", since, most)

    def test_no_moment_has_more_than_instances(self):
        most, rounds = 7, 100
        port, daemon = self.start(OFF + "instances = %d" % most)
        lock = threading.Lock()
        now, peak, answered = 0, 0, 0

        def client():
            nonlocal now, peak, answered
            for _ in range(rounds):
                with contextlib.suppress(ConnectionError):
                    with contextlib.closing(connect(port)) as connection:
                        connection.settimeout(harness.DEADLINE)
                        connection.sendall(b"x")
                        if connection.recv(1) != b"x":
                            continue
                        with lock:
                            now += 1
                            answered += 1
                            peak = max(peak, now)
                        with lock:
                            now -= 1

        threads = [threading.Thread(target=client) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertLessEqual(peak, most)
        self.assertGreater(answered, most)
        self.assert_free(port, daemon, most)

    def test_per_source_is_that_of_all(self):
        most = 6
        sources = ["127.0.0.%d" % i for i in range(1, 6)]
        port, daemon = self.start(OFF + "per_source = %d" % most)
        for _ in range(3):
            since = daemon.mark()
            served, turned_away = settle(crowd(port, CROWD, sources))
            found = collections.Counter(each.getsockname()[0] for each in served)
            self.assertEqual(found, {source: most for source in sources})
            close_all(served + turned_away)
            daemon.wait_for("EXIT: echo", since, most * len(sources))

    def test_cps_counts_the_clients_of_all_and_pauses_all(self):
        rate = 12
        port, daemon = self.start("cps = { %d, 2s }" % rate)
        self.pids(daemon, WORKERS)
        for taken in 0, 1:
            since = daemon.mark()
            served, turned_away = settle(crowd(port, CROWD))
            # One more has come in this second, unless it is over.
            self.assertIn(len(served), (rate, rate - taken))
            close_all(served + turned_away)
            daemon.wait_for("'echo' rests for 2 seconds", since)
            with self.assertRaises(ConnectionRefusedError):
                connect(port)
            daemon.wait_for("accepts connections again", since)
            self.held(port).close()
            self.assertEqual(len(daemon.matches("rests for", since)), 1)
            self.assertEqual(len(daemon.matches("connections again", since)), 1)
            self.assertEqual(daemon.matches("shut down", since), [])

    def test_a_pause_outlives_who_began_it(self):
        port, daemon = self.start("cps = { 5, 5s }")
        pids = self.pids(daemon, WORKERS)
        served, turned_away = settle(crowd(port, CROWD))
        close_all(served + turned_away)
        daemon.wait_for("'echo' rests")
        os.kill(pids[0], signal.SIGKILL)
        daemon.wait_for("worker %d was ended by signal 9" % pids[0])
        self.pids(daemon, WORKERS)
        with self.assertRaises(ConnectionRefusedError):
            connect(port)
        daemon.wait_for("accepts connections again")
        self.held(port)

    def test_cps_counts_the_datagrams_of_all(self):
        rate = 10
        port, daemon = self.start("cps = { %d, 60s }" % rate, protocol="udp")
        self.pids(daemon, WORKERS)
        peers = [datagram_socket() for _ in range(CROWD)]
        for peer in peers:
            peer.sendto(b"x", ("127.0.0.1", port))
        daemon.wait_for("rests for")
        answered = []

        def all_have_come():
            ready, _, _ = select.select(peers, [], [], 0)
            answered.extend(peer for peer in ready if peer.recv(10) == b"x")
            return len(answered) >= rate

        eventually(all_have_come, "%d answers" % rate)
        # What another worker has answered has come by the time it is gone.
        daemon.stop()
        all_have_come()
        close_all(peers)
        self.assertEqual(len(answered), rate)

    def test_datagrams_are_answered_by_several(self):
        port, daemon = self.start(protocol="udp")
        self.pids(daemon, WORKERS)
        with contextlib.closing(datagram_socket()) as peer:
            for i in range(50):
                peer.sendto(b"%d" % i, ("127.0.0.1", port))
                self.assertEqual(peer.recv(10), b"%d" % i)

    def test_one_that_dies_is_replaced_alone_and_its_places_are_free(self):
        most = 12
        port, daemon = self.start(OFF + "instances = %d" % most)
        pids = self.pids(daemon, WORKERS)
        clients = {}
        for _ in range(most):
            mark = daemon.mark()
            client = self.held(port)
            pid = int(daemon.wait_for(r"START: echo pid=(\d+)", mark).group(1))
            clients.setdefault(pid, []).append(client)
        victim = max(clients, key=lambda pid: len(clients[pid]))
        os.kill(victim, signal.SIGKILL)
        for client in clients[victim]:
            with contextlib.suppress(ConnectionError):
                self.assertEqual(client.recv(1), b"")
        daemon.wait_for("worker %d was ended by signal 9" % victim)
        others = set(pids) - {victim}
        self.assertLess(others, set(self.pids(daemon, WORKERS)))
        self.assertEqual(len(daemon.matches("was ended")), 1)
        self.assert_free(port, daemon, len(clients.pop(victim)))
        for each in sum(clients.values(), []):
            each.sendall(b"y")
            self.assertEqual(each.recv(1), b"y")

    def test_nobody_is_refused_while_workers_are_killed(self):
        most = 64
        port, daemon = self.start(OFF + "instances = %d" % most)
        self.pids(daemon, WORKERS)
        stop = threading.Event()
        refused, answered, lost = [], [0], [0]

        def client():
            while not stop.is_set():
                try:
                    connection = connect(port)
                except OSError as error:
                    refused.append(error)
                    return
                with contextlib.closing(connection):
                    connection.settimeout(harness.DEADLINE)
                    try:
                        connection.sendall(b"x")
                        if connection.recv(1) == b"x":
                            answered[0] += 1
                            continue
                    except ConnectionError:
                        pass
                    lost[0] += 1

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        try:
            for i in range(5):
                before = answered[0]
                eventually(lambda: answered[0] > before + 200, "clients being served")
                os.kill(self.pids(daemon, WORKERS)[i % WORKERS], signal.SIGKILL)
                daemon.wait_for("was ended by signal 9", count=i + 1)
                self.pids(daemon, WORKERS)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(refused, [])
        self.assertLess(lost[0], 5 * 16 + 1)
        self.assert_free(port, daemon, most)

    def test_reload_drains_all_and_limits_hold_over_it(self):
        most = 9
        port, daemon = self.start(OFF + "instances = %d" % most)
        pids = self.pids(daemon, WORKERS)
        found = self.serves(port, daemon, pids)
        daemon.reload(config(port, OFF + "instances = %d idle_timeout = 1h" % WORKERS))
        fresh = set(self.pids(daemon, 2 * WORKERS)) - set(pids)
        self.assertEqual(len(fresh), WORKERS)
        for client in found.values():
            client.sendall(b"still")
            self.assertEqual(client.recv(5), b"still")
        served, turned_away = settle(crowd(port, 20))
        self.assertEqual(served, [])
        close_all(turned_away)

    def test_drained_workers_end_with_their_sessions(self):
        port, daemon = self.start()
        pids = self.pids(daemon, WORKERS)
        found = self.serves(port, daemon, pids)
        daemon.reload(config(port, OFF + "idle_timeout = 1h"))
        self.pids(daemon, 2 * WORKERS)
        close_all(found.values())
        self.assertEqual(set(self.pids(daemon, WORKERS)) & set(pids), set())
        self.assertEqual(daemon.matches("was ended"), [])

    def test_another_number_takes_effect_at_reload(self):
        port, daemon = self.start(workers=1)
        pid, = self.pids(daemon, 1)
        client = self.held(port)
        for workers in 4, 2, 1, 3:
            daemon.reload(config(port, workers=workers))
            self.assertIn(pid, self.pids(daemon, workers + 1))
            self.held(port).close()
        client.sendall(b"still")
        self.assertEqual(client.recv(5), b"still")
        client.close()
        pids = self.pids(daemon, 3)
        daemon.reload(config(port, workers=3))
        self.assertEqual(pids, self.pids(daemon, 3))

    def test_a_room_stays_one_room(self):
        echo, chat = harness.free_port(), harness.free_port()
        daemon = self.daemon(config(echo) + """
            service chat {
                bind = 127.0.0.1  port = %d  internal = chat  %s  %s
            }""" % (chat, OFF, LOG))
        self.pids(daemon, WORKERS + 1)
        members = []
        for i in range(6):
            member = connect(chat)
            member.settimeout(harness.DEADLINE)
            self.addCleanup(member.close)
            stream = member.makefile("rwb", buffering=0)
            stream.write(b"member%d\r\n" % i)
            while b"you are" not in stream.readline():
                pass
            members.append(stream)
        members[0].write(b"hello to all\r\n")
        for stream in members[1:]:
            while b"hello to all" not in stream.readline():
                pass
        self.assertEqual(len(self.servers(daemon, "chat", 6)), 1)

    def test_a_flow_stays_one_flow(self):
        echo, relay, target = (harness.free_port() for _ in range(3))
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as end:
            end.bind(("127.0.0.1", target))
            end.settimeout(harness.DEADLINE)
            daemon = self.daemon(config(echo) + """
                service relay {
                    bind = 127.0.0.1  port = %d  protocol = udp  %s  %s
                    redirect = { 127.0.0.1, %d }
                }""" % (relay, OFF, LOG, target))
            self.pids(daemon, WORKERS + 1)
            with contextlib.closing(datagram_socket()) as peer:
                for _ in range(30):
                    peer.sendto(b"x", ("127.0.0.1", relay))
                    _, sender = end.recvfrom(10)
                    end.sendto(b"y", sender)
                    self.assertEqual(peer.recv(10), b"y")
            daemon.wait_for("START: relay")
            self.assertEqual(len(daemon.matches("START: relay")), 1)

    def test_streams_are_relayed_by_several(self):
        echo, relay = harness.free_port(), harness.free_port()
        daemon = self.daemon(config(echo) + """
            service relay {
                bind = 127.0.0.1  port = %d  %s  %s
                redirect = { 127.0.0.1, %d }
            }""" % (relay, OFF, LOG, echo))
        self.pids(daemon, 2 * WORKERS)

        def all_have_one():
            self.held(relay).close()
            return len({match.group(1) for match in
                        daemon.matches(r"START: relay pid=(\d+)")}) == WORKERS

        eventually(all_have_one, "a client for each worker")

    def test_clients_by_name_are_given_to_one_of_several(self):
        mux, echo = harness.free_port(), harness.free_port()
        daemon = self.daemon(config(echo) + """
            service tcpmux { bind = 127.0.0.1 port = %d internal = tcpmux %s }
            service named { type = TCPMUXPLUS internal = echo %s %s }
            """ % (mux, OFF, OFF, LOG))
        self.pids(daemon, WORKERS + 1)
        for _ in range(6):
            client = connect(mux)
            self.addCleanup(client.close)
            client.settimeout(harness.DEADLINE)
            client.sendall(b"named\r\n")
            self.assertEqual(client.makefile("rb").readline(), b"+Go\r\n")
            client.sendall(b"x")
            self.assertEqual(client.recv(1), b"x")
        self.assertEqual(sorted(self.servers(daemon, "named", 6).values()), [2, 2, 2])

    @unittest.skipUnless(harness.worker_programs(), "usherd-http is not built")
    def test_those_of_a_program_of_its_own_share_as_well(self):
        most = 8
        port = harness.free_port()
        root = self.scratch()
        (root / "index.html").write_text("hello")
        daemon = self.daemon("""
            workers = %d
            service web {
                bind = 127.0.0.1  port = %d  internal = http  document_root = %s
                instances = %d  %s  %s
            }""" % (WORKERS, port, root, most, OFF, LOG))
        self.pids(daemon, WORKERS)
        kept, refused = [], 0
        for _ in range(most + 5):
            client = connect(port)
            client.settimeout(harness.DEADLINE)
            self.addCleanup(client.close)
            with contextlib.suppress(ConnectionError):
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                if client.recv(4096).startswith(b"HTTP/1.1 200"):
                    kept.append(client)
                    continue
            refused += 1
        self.assertEqual((len(kept), refused), (most, 5))
        close_all(kept)

        def several_have_served():
            harness.answer(port, b"GET / HTTP/1.0\r\n\r\n")
            return len(self.servers(daemon, "web", 1)) > 1

        eventually(several_have_served, "clients of several workers")


if __name__ == "__main__":
    harness.main()
