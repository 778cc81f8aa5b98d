# SPDX-License-Identifier: ISC
"""A service whose every place is taken gets twenty thousand clients more: what becomes of
them, and of the clients of another service meanwhile."""
from bench.figures import Metric
from bench.load import read_trace
from bench.scene import Failed, Service

PLACES = 50
METRICS = [
    Metric("idle_p50", "other, idle p50 us", "none"),
    Metric("idle_p99", "other, idle p99 us", "none"),
    Metric("flood_p50", "other, flood p50 us", "lower"),
    Metric("flood_p99", "other, flood p99 us", "lower"),
    Metric("other_lost", "other, not served", "none"),
    Metric("seconds", "all fates known, s", "lower", 2),
    Metric("served", "served", "none"),
    Metric("told", "refused with text", "none"),
    Metric("closed", "closed", "none"),
    Metric("reset", "reset", "none"),
    Metric("hanging", "left hanging", "none"),
]
CONTESTANTS = ["usherd", "raw-full", "raw-full-root", "xinetd", "rlinetd", "tcpserver", "tcpsvd"]
CLIENTS = 20000
# Longer than three repetitions of a SYN that the kernel dropped; quick: than two.
HANGING_MS = 8000
QUICK_HANGING_MS = 4000


def _part(values, part):
    return values[min(len(values) - 1, int(part * len(values)))]


def _flood(bench, full, other, trace):
    """The fate of the flood, and that of the clients of the other service, one at a time;
    of those the waits that began while the flood came."""
    with bench.load.background("churn", trace_to=trace, port=other.port,
                               concurrency=1) as beside:
        fate = bench.load.run("flood", port=full.port,
                              count=CLIENTS,
                              timeout_ms=QUICK_HANGING_MS if bench.quick else HANGING_MS)
        found = beside.end()
        beside.process.wait()
    waits = sorted((first - start) / 1e3 for start, first in read_trace(trace)
                   if fate["begin"] <= start <= fate["opened"])
    if not waits:
        raise Failed("the other service served nobody under the flood")
    return fate, found, waits


def measure(bench, contestant):
    full = Service("full", bench.port(), program=bench.program("stay"), instances=PLACES)
    other = Service("other", bench.port(), program=bench.program("line"))
    with bench.serving(contestant, [full, other]) as server:
        with bench.load.background("hold", port=full.port, concurrency=PLACES) as holder:
            if holder.line()["held"] != PLACES:
                raise Failed("cannot fill %d places" % PLACES)
            idle = bench.load.run("churn", port=other.port, concurrency=1,
                                  milliseconds=bench.milliseconds, warm_ms=bench.warm_ms)
            fate, found, waits = _flood(bench, full, other,
                                        server.scene.directory / "trace")
    figures = {key: fate[key] for key in ("served", "told", "closed", "reset", "hanging",
                                          "seconds")}
    figures.update({"idle_p50": idle["p50_us"], "idle_p99": idle["p99_us"],
                    "flood_p50": _part(waits, 0.5), "flood_p99": _part(waits, 0.99)})
    figures["other_lost"] = sum(found[key] for key in ("refused", "reset", "failed",
                                                       "hanging"))
    return figures
