# SPDX-License-Identifier: ISC
"""How much of the processors others had: what they take, a measurement lacks."""
import os
import time

TICK = os.sysconf("SC_CLK_TCK")
IDLE_FIELDS = (3, 4)                # of the cpu line in /proc/stat: idle and iowait
COUNTED_FIELDS = 8                  # guests are in user already


def _busy_seconds():
    with open("/proc/stat") as handle:
        fields = [int(word) for word in handle.readline().split()[1:]]
    return sum(value for index, value in enumerate(fields[:COUNTED_FIELDS])
               if index not in IDLE_FIELDS) / TICK


def _own_seconds():
    """This process, and what it has started and seen end."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


CALM_SHARE = 0.1                    # what a measurement survives
LOOK_SECONDS = 0.5


class Watch:
    """Begun before a measurement; all that it started must have ended at share()."""

    def __init__(self):
        self.clock = time.monotonic()
        self.busy = _busy_seconds()
        self.own = _own_seconds()

    def share(self):
        """Part of all processors that others had, 0 to 1."""
        length = (time.monotonic() - self.clock) * len(os.sched_getaffinity(0))
        foreign = _busy_seconds() - self.busy - (_own_seconds() - self.own)
        return min(1.0, max(0.0, foreign / length))


def await_calm(seconds):
    """Waits so long at most until others leave the processors alone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        watch = Watch()
        time.sleep(LOOK_SECONDS)
        if watch.share() <= CALM_SHARE:
            return
