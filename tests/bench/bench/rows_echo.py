# SPDX-License-Identifier: ISC
"""Echo within the server's own code."""
from bench.figures import Metric
from bench.rows_start import churn
from bench.scene import Failed, Service

CONNECTION_METRICS = [
    Metric("rate", "connections/s"),
    Metric("cpu_us", "CPU us/connection", "lower", 1),
    Metric("p50_us", "first byte p50 us", "lower"),
    Metric("p99_us", "first byte p99 us", "lower"),
]
REQUEST_METRICS = [
    Metric("rate", "requests/s"),
    Metric("cpu_us", "CPU us/request", "lower", 2),
    Metric("p99_us", "p99 us", "lower"),
]
DATAGRAM_METRICS = [
    Metric("rate", "datagrams/s"),
    Metric("cpu_us", "CPU us/datagram", "lower", 2),
    Metric("lost", "lost", "none"),
]
CONTESTANTS = ["usherd", "raw-echo", "xinetd", "openbsd-inetd", "inetutils-inetd",
               "busybox-inetd"]
DATAGRAM_CONTESTANTS = ["usherd", "raw-echo", "raw-echo-mmsg", "xinetd", "openbsd-inetd",
                        "inetutils-inetd", "busybox-inetd"]
TALKERS = 64
LOST_MS = 200


def connections(bench, contestant):
    service = Service("echo", bench.echo_port(), kind="echo")
    with bench.serving(contestant, [service]) as server:
        return churn(bench, server, port=service.port, concurrency=16, half_close=1)


def _load(bench, server, mode, **options):
    before = server.cpu_seconds()
    found = bench.load.run(mode, concurrency=TALKERS, milliseconds=bench.milliseconds,
                           warm_ms=bench.warm_ms, **options)
    cpu = server.cpu_seconds() - before
    return found, {"cpu_us": cpu / found["total"] * 1e6} if found["total"] else {}


def requests(bench, contestant):
    service = Service("echo", bench.echo_port(), kind="echo")
    with bench.serving(contestant, [service]) as server:
        found, cpu = _load(bench, server, "steady", port=service.port)
    if found["total"] == 0:
        raise Failed("no answer: %s" % server.said())
    bench.note_lost(found, ("lost",))
    return {"rate": found["rate"], "p99_us": found["p99_us"], **cpu}


def datagrams(bench, contestant):
    service = Service("echo", bench.echo_port(), kind="echo", protocol="udp")
    with bench.serving(contestant, [service]) as server:
        found, cpu = _load(bench, server, "datagrams", port=service.port,
                           timeout_ms=LOST_MS)
    return {"rate": found["rate"], "lost": found["lost"], **cpu}
