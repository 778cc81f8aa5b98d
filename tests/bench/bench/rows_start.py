# SPDX-License-Identifier: ISC
"""A program for each connection."""
from bench.figures import Metric
from bench.scene import Failed, Service

METRICS = [
    Metric("rate", "connections/s"),
    Metric("cpu_us", "CPU us/connection", "lower", 1),
    Metric("p50_us", "first byte p50 us", "lower"),
    Metric("p99_us", "first byte p99 us", "lower"),
]
CONTESTANTS = ["usherd", "raw-clone", "raw-vfork", "raw-clone-root", "raw-vfork-root",
               "xinetd", "openbsd-inetd", "inetutils-inetd", "rlinetd", "tcpserver",
               "tcpsvd", "busybox-inetd", "busybox-tcpsvd", "s6-tcpserver",
               "socket-activate", "socat"]


def churn(bench, server, **options):
    """The churn load against a server, with the CPU time of that."""
    before = server.cpu_seconds()
    found = bench.load.run("churn", milliseconds=bench.milliseconds,
                           warm_ms=bench.warm_ms, **options)
    cpu = server.cpu_seconds() - before
    if found["total"] == 0:
        raise Failed("served nobody: %s %s" % (found, server.said()))
    bench.note_lost(found, ("refused", "reset", "failed", "hanging"))
    return {"rate": found["rate"], "cpu_us": cpu / found["total"] * 1e6,
            "p50_us": found["p50_us"], "p99_us": found["p99_us"]}


def measure(bench, contestant, concurrency):
    service = Service("line", bench.port(), program=bench.program("line"))
    with bench.serving(contestant, [service]) as server:
        return churn(bench, server, port=service.port, concurrency=concurrency)
