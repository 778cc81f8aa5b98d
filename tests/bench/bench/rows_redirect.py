# SPDX-License-Identifier: ISC
"""TCP relayed to another port of the same machine."""
from bench.figures import Metric
from bench.raws import RawEcho, RawSource
from bench.rows_start import churn
from bench.scene import Failed, Service

STREAM_METRICS = [
    Metric("rate", "MB/s"),
    Metric("cpu_gb", "CPU s/GB", "lower", 3),
]
CONNECTION_METRICS = [
    Metric("rate", "connections/s"),
    Metric("cpu_us", "CPU us/connection", "lower", 1),
    Metric("p50_us", "first byte p50 us", "lower"),
    Metric("p99_us", "first byte p99 us", "lower"),
]
CONTESTANTS = ["usherd", "raw-splice-64k", "raw-splice-1024k", "raw-copy-64k",
               "raw-copy-256k", "haproxy", "haproxy-splice", "nginx",
               "socket-proxyd", "socat", "xinetd"]


def streams(bench, contestant, count):
    """From the target to the clients: what a download is."""
    target = Service("source", bench.port())
    service = Service("relay", bench.port(), kind="redirect", target=target.port)
    with bench.serving(RawSource(contestant.tools), [target]):
        with bench.serving(contestant, [service]) as server:
            before = server.cpu_seconds()
            found = bench.load.run("stream", port=service.port, concurrency=count,
                                   milliseconds=bench.milliseconds,
                                   warm_ms=bench.warm_ms)
            cpu = server.cpu_seconds() - before
    if found["total"] == 0:
        raise Failed("nothing came: %s" % server.said())
    bench.note_lost(found, ("lost",))
    return {"rate": found["rate"], "cpu_gb": cpu / (found["total"] / 1e9)}


def connections(bench, contestant):
    """A line there and back for each, to an echo server that costs next to nothing."""
    target = Service("echo", bench.port(), kind="echo")
    service = Service("relay", bench.port(), kind="redirect", target=target.port)
    with bench.serving(RawEcho(contestant.tools, "single"), [target]):
        with bench.serving(contestant, [service]) as server:
            return churn(bench, server, port=service.port, concurrency=16, half_close=1)
