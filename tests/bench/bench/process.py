# SPDX-License-Identifier: ISC
"""Running a contestant below a keeper, and what its whole process tree costs."""
import os
import subprocess
import time

from bench.scene import Failed, Unavailable

TICK = os.sysconf("SC_CLK_TCK")
START_SECONDS = 20
END_SECONDS = 30
SETTLE_SECONDS = 0.05               # for children that have ended, to be reaped


def children_of(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as handle:
                found += [int(word) for word in handle.read().split()]
    except OSError:
        pass
    return found


def tree_below(pid):
    found = []
    for child in children_of(pid):
        found += [child] + tree_below(child)
    return found


def cpu_ticks(pid):
    """User and system time of a process and of those it has reaped."""
    try:
        with open("/proc/%d/stat" % pid) as handle:
            fields = handle.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])


def pss_kb(pid):
    try:
        with open("/proc/%d/smaps_rollup" % pid) as handle:
            for line in handle:
                if line.startswith("Pss:"):
                    return int(line.split()[1])
    except PermissionError as error:
        raise Unavailable("only root sees the memory of every process") from error
    except OSError:
        pass
    return 0


def listening(path, states):
    """Local ports of a table such as /proc/net/tcp."""
    with open(path) as handle:
        next(handle)
        return {int(line.split()[1].rpartition(":")[2], 16) for line in handle
                if line.split()[3] in states}


class Server:
    """A contestant that runs; ended with end(), at the latest when the runner ends."""

    def __init__(self, keeper, commands, scene, environment):
        self.scene = scene
        self.errors = scene.directory / "stderr"
        plan = scene.directory / "commands"
        plan.write_bytes(b"".join(
            b"".join(os.fsencode(str(word)) + b"\0" for word in command) + b"\0"
            for command in commands))
        with open(self.errors, "wb") as errors:
            self.keeper = subprocess.Popen(
                [str(keeper), str(plan), str(scene.files)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, env=environment,
                start_new_session=True)
        word = self.keeper.stdout.readline().split()
        if len(word) != 2:
            self.end()
            raise Failed("keeper: " + self.said())
        self.started = int(word[1])

    def said(self):
        """The end of what the contestant wrote to its standard error."""
        try:
            return self.errors.read_text(errors="replace")[-400:].strip()
        except OSError:
            return ""

    def wait_ready(self):
        """Until every port of the scene is there."""
        tcp, udp = self.scene.tcp_ports(), self.scene.udp_ports()
        end = time.monotonic() + START_SECONDS
        while True:
            missing = tcp - listening("/proc/net/tcp", {"0A"})
            if missing:
                missing -= listening("/proc/net/tcp6", {"0A"})
            if not missing and udp:
                missing = udp - listening("/proc/net/udp", {"07"})
                missing -= listening("/proc/net/udp6", {"07"})
            if not missing:
                return
            if self.keeper.poll() is not None or time.monotonic() > end:
                raise Failed(("does not listen on port %d: %s" %
                              (min(missing), self.said())).rstrip(": "))
            time.sleep(0.005)

    def pids(self):
        return tree_below(self.keeper.pid)

    def cpu_seconds(self):
        """Of all that have run below the keeper; meant for differences while no client is
        there."""
        time.sleep(SETTLE_SECONDS)
        return sum(cpu_ticks(pid) for pid in [self.keeper.pid] + self.pids()) / TICK

    def pss_kb(self):
        return sum(pss_kb(pid) for pid in self.pids())

    def end(self):
        if self.keeper.poll() is None:
            self.keeper.terminate()
            try:
                self.keeper.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.keeper.kill()
                self.keeper.wait()
        self.keeper.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
