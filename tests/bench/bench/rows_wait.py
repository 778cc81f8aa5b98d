# SPDX-License-Identifier: ISC
"""A program that is given the socket when there is a datagram. It takes that one, answers
with the clock at its start, and ends; the next datagram needs the next program."""
from bench.figures import Metric
from bench.scene import Service

METRICS = [
    Metric("rate", "programs/s"),
    Metric("p50_us", "datagram to start p50 us", "lower"),
    Metric("p99_us", "p99 us", "lower"),
    Metric("lost", "lost", "none"),
]
CONTESTANTS = ["usherd", "raw-wait", "raw-wait-root", "xinetd", "openbsd-inetd",
               "inetutils-inetd", "busybox-inetd", "rlinetd"]
LOST_MS = 500


def measure(bench, contestant):
    service = Service("clock", bench.port(), protocol="udp", wait=True,
                      program=bench.program("clock"))
    with bench.serving(contestant, [service]):
        found = bench.load.run("datagrams", port=service.port, concurrency=1,
                               milliseconds=bench.milliseconds, warm_ms=bench.warm_ms,
                               timeout_ms=LOST_MS)
    return {key: found[key] for key in ("rate", "p50_us", "p99_us", "lost")}
