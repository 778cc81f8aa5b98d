# SPDX-License-Identifier: ISC
"""SIGKILL to a worker that is busy: who comes is served by its successor, nobody else
notices, and only the sessions of that worker are lost."""
import os
import re
import signal

import harness
from harness import Case, connect, user_line
from load import Load, needs_load

HEAD = "defaults { bind = 127.0.0.1 cps = { 0, 1 } log_on_success = { PID } }\n"
CLIENTS = 16
KILLS = 4


@needs_load
class KilledWorker(Case):
    def serve(self):
        """A victim, a program and, where there can be one, another worker."""
        self.ports = {name: harness.free_port() for name in ("victim", "cat", "other")}
        text = [HEAD, "service victim { port = %d internal = echo }\n"
                % self.ports["victim"],
                "service cat { port = %d server = /bin/cat %s }\n"
                % (self.ports["cat"], user_line())]
        if harness.is_root():
            text.append("service other { port = %d internal = echo user = 54331 }\n"
                        % self.ports["other"])
        else:
            del self.ports["other"]
        self.log = self.daemon("".join(text))

    def hold(self, name):
        client = connect(self.ports[name])
        self.addCleanup(client.close)
        client.settimeout(harness.DEADLINE)
        self.talk(client, b"first")
        return client

    def talk(self, client, data):
        client.sendall(data)
        self.assertEqual(client.recv(100), data)

    def load(self, name):
        return Load("churn", port=self.ports[name], concurrency=CLIENTS, half_close=1,
                    timeout_ms=30000)

    def victim(self, since=0):
        """The worker that serves the victim now."""
        return int(self.log.wait_for(r"START: victim pid=(\d+)", since=since).group(1))

    def kill(self, kept):
        """Once its load is on it."""
        mark = self.log.mark()
        pid = self.victim(mark)
        os.kill(pid, signal.SIGKILL)
        self.log.wait_for(r"worker %d was ended by signal 9" % pid, since=mark)
        for client in kept:
            self.talk(client, b"still here")
        successor = self.log.mark()
        self.assertNotEqual(self.victim(successor), pid)

    def status(self, name):
        mark = self.log.mark()
        self.log.send(signal.SIGUSR1)
        line = self.log.wait_for(r"service '%s': .*" % name, since=mark).group(0)
        return {word: int(number) for number, word in
                re.findall(r"(\d+) (active|started|ended|lost|refused)", line)}

    def settled(self, name):
        return harness.eventually(
            lambda: (lambda now: now if now["active"] == 0 else None)(self.status(name)),
            "nothing is active")

    def test_nobody_is_refused_and_no_other_session_is_touched(self):
        self.serve()
        others = [name for name in self.ports if name != "victim"]
        kept = [self.hold(name) for name in others]
        with self.load("victim") as victims, self.load(others[-1]) as rest:
            for _ in range(KILLS):
                self.kill(kept)
            found, untouched = victims.end(), rest.end()
        self.assertEqual((found["failed"], found["hanging"]), (0, 0))
        cut = found["refused"] + found["reset"]
        self.assertLessEqual(cut, KILLS * CLIENTS)
        self.assertGreater(found["total"], 100)
        self.assertEqual([untouched[key] for key in
                          ("failed", "hanging", "refused", "reset")], [0, 0, 0, 0])
        self.assertGreater(untouched["total"], 100)
        for client in kept:
            self.talk(client, b"to the end")
        status = self.settled("victim")
        self.assertEqual(status["started"], status["ended"] + status["lost"])
        # A client that has all its bytes takes the kernel's end for the worker's. And a
        # worker may die after it took a client and before it counted that.
        self.assertLessEqual(cut, status["lost"] + KILLS)
        self.assertLessEqual(status["lost"], KILLS * CLIENTS)
        self.assertIn(found["total"] + cut - status["started"], range(KILLS + 1))
        self.assertEqual(status["refused"], 0)


if __name__ == "__main__":
    harness.main()
