# SPDX-License-Identifier: ISC
"""A thousand services, one of which changes, while clients come to another."""
import statistics
import time

from bench.figures import Metric
from bench.load import read_trace
from bench.scene import Service

SERVICES = 1000
METRICS = [
    Metric("failed", "failed connections", "none"),
    Metric("pause_ms", "longest wait ms", "lower", 2),
    Metric("quiet_ms", "the same, no reload", "none", 2),
    Metric("rate", "connections/s"),
]
CONTESTANTS = ["usherd", "xinetd", "openbsd-inetd", "inetutils-inetd", "busybox-inetd",
               "rlinetd"]
RELOADS = 5
WINDOW_SECONDS = 0.3                # within which a reload of any contestant is over
FILES = 4000
WARM_SECONDS = 0.2
AT_ONCE = 2


def _services(bench):
    first = bench.port(SERVICES)
    return [Service("line%d" % i, first + i, program=bench.program("line"))
            for i in range(SERVICES)]


def _window(action):
    """Begin and end of a window that an action opens, on the clock of the load."""
    begin = time.monotonic_ns()
    action()
    time.sleep(WINDOW_SECONDS)
    return begin, time.monotonic_ns()


def _longest_ms(trace, windows):
    """The median, over windows, of the longest wait of a connection begun in one."""
    waits = []
    for begin, end in windows:
        inside = [first - start for start, first in trace if begin <= start < end]
        # Nobody at all got in: the wait was longer than the window.
        waits.append(max(inside, default=end - begin) / 1e6)
    return statistics.median(waits)


def measure(bench, contestant):
    services = _services(bench)
    with bench.scene(services, files=FILES) as scene, contestant.start(scene) as server:
        server.wait_ready()
        trace = scene.directory / "trace"

        def reload():
            services[SERVICES // 2].mark += 1
            contestant.write_config(scene)
            contestant.reload(server)

        with bench.load.background("churn", trace_to=trace, port=services[0].port,
                                   concurrency=AT_ONCE) as load:
            time.sleep(WARM_SECONDS)
            quiet = [_window(lambda: None) for _ in range(RELOADS)]
            busy = [_window(reload) for _ in range(RELOADS)]
            found = load.end()
            load.process.wait()
        entries = read_trace(trace)
        contestant.check_reloads(server, RELOADS)
    failed = sum(found[key] for key in ("refused", "reset", "failed", "hanging"))
    return {"failed": failed, "pause_ms": _longest_ms(entries, busy),
            "quiet_ms": _longest_ms(entries, quiet), "rate": found["rate"]}
