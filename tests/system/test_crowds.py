# SPDX-License-Identifier: ISC
"""Ten thousand of everything: sessions that say nothing, and ports."""
import contextlib
import random
import resource
import threading
import time

import harness
from harness import Case, connect, datagram_socket, exchange, user_line
from load import Load, needs_load

# A sanitizer makes every one of them several times as dear.
COUNT = 2000 if harness.is_sanitized() else 10000
# The benchmark's descriptors, and whatever else a process has open.
SPARE = 500
# Nobody else in these tests binds there, and no client gets such a port.
ADDRESS = "127.0.73.1"
FIRST = 20001
HEAD = "defaults { cps = { 0, 1 } instances = 20000 log_on_success = { PID } }\n"


def raise_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Crowd(Case):
    def setUp(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard != resource.RLIM_INFINITY and hard < COUNT + SPARE:
            self.skipTest("a process may have only %d descriptors" % hard)

    def serve(self, config):
        self.log = self.daemon(HEAD + config, preexec=raise_descriptors)

    def quick(self, rounds, *steps):
        """Each step so often, in less time than anything that hangs would take."""
        begin = time.monotonic()
        for _ in range(rounds):
            for step in steps:
                step()
        self.assertLess(time.monotonic() - begin, 15)


@needs_load
class Idle(Crowd):
    def report(self, pattern):
        mark = self.log.mark()
        self.log.send(harness.signal.SIGUSR1)
        return self.log.wait_for(pattern, since=mark)

    def check_others(self):
        with datagram_socket() as client:
            def datagram():
                client.sendto(b"ping", ("127.0.0.1", self.port))
                self.assertEqual(client.recv(10), b"ping")

            self.quick(100, datagram,
                       lambda: self.assertEqual(exchange(self.port, b"x"), b"x"),
                       lambda: self.assertEqual(exchange(self.other, b"y"), b"y"))

    def test_ten_thousand_idle_sessions_cost_little_and_hold_nobody_up(self):
        self.port, self.other = harness.free_port(), harness.free_port()
        self.serve("service echo { protocol = { tcp, udp } bind = 127.0.0.1 port = %d "
                   "internal = echo }\n" % self.port +
                   "service cat { bind = 127.0.0.1 port = %d server = /bin/cat %s }\n"
                   % (self.other, user_line()))
        self.check_others()
        worker = int(self.log.wait_for(r"START: echo pid=(\d+)").group(1))
        before = self.log.resident_kb(worker)
        with Load("hold", port=self.port, concurrency=COUNT, timeout_ms=60000) as load:
            self.assertEqual(load.line()["held"], COUNT)
            self.log.assert_memory_grew_less_kb(before, COUNT, worker)
            self.check_others()
            self.report(r"service 'echo': .* %d active" % COUNT)
            load.process.stdin.close()
            harness.eventually(lambda: int(self.report(
                r"service 'echo': .* (\d+) active").group(1)) == 0, "all have gone")
        self.check_others()
        self.assertIn(worker, self.log.children())


class Ports(Crowd):
    def ask(self, port, data=b"x"):
        return exchange(port, data, host=ADDRESS)

    @contextlib.contextmanager
    def clients(self, answer):
        """Clients at any of the ports meanwhile, each of which must be served."""
        done, failures, served = threading.Event(), [], [0]

        def run(seed):
            numbers = random.Random(seed)
            while not done.is_set():
                port = FIRST + numbers.randrange(COUNT)
                try:
                    if self.ask(port) not in answer:
                        failures.append("wrong answer on %d" % port)
                except OSError as error:
                    failures.append("%d: %s" % (port, error))
                served[0] += 1

        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(served[0], 0)

    def edges(self):
        return FIRST, FIRST + COUNT // 2, FIRST + COUNT - 1

    def test_ten_thousand_services_with_one_changed(self):
        text = ["service s%d { bind = %s port = %d server = /bin/cat %s }\n"
                % (port, ADDRESS, port, user_line())
                for port in range(FIRST, FIRST + COUNT)]
        self.serve("".join(text))
        self.log.wait_for(r"ready: %d services, %d of %d sockets bound" % (3 * (COUNT,)))
        for port in self.edges():
            self.assertEqual(self.ask(port), b"x")
        text[COUNT // 2] = text[COUNT // 2].replace(
            "/bin/cat", "/bin/sh server_args = { -c, \"cat >/dev/null; echo new\" }")
        with self.clients((b"x", b"new\n")):
            self.log.reload(HEAD + "".join(text), r"reloaded: 0 added, 1 changed, "
                            r"0 removed, %d kept" % (COUNT - 1))
        first, middle, last = self.edges()
        self.assertEqual([self.ask(port) for port in (first, middle - 1, middle, last)],
                         [b"x", b"x", b"new\n", b"x"])

    def test_ten_thousand_ports_of_one_worker(self):
        other = harness.free_port()
        crowd = ("service crowd { bind = %s port = %d-%d internal = echo }\n"
                 % (ADDRESS, FIRST, FIRST + COUNT - 1))
        program = ("service program { bind = 127.0.0.1 port = %d server = /bin/cat %s %%s }"
                   % (other, user_line()))
        self.serve(crowd + program % "")
        self.log.wait_for(r"ready: 2 services, %d of %d sockets bound"
                          % (2 * (COUNT + 1,)))
        worker, = harness.eventually(self.log.children, "a worker")
        with self.clients((b"x",)):
            self.log.reload(HEAD + crowd + program % "nice = 1",
                            r"reloaded: 0 added, 1 changed, 0 removed, 1 kept")
            self.assertEqual(self.log.children(), [worker])
            # The sockets go over to another worker.
            self.log.reload(HEAD + crowd.replace("internal", "idle_timeout = 5m internal")
                            + program % "nice = 1", r"reloaded: 0 added, 1 changed")
            harness.eventually(lambda: worker not in self.log.children(), "its successor")
        for port in self.edges():
            self.assertEqual(self.ask(port), b"x")


if __name__ == "__main__":
    harness.main()
