# SPDX-License-Identifier: ISC
"""What listening ports cost: 10, 1,000 and 10,000 of them, clients on one."""
from bench.contestant import PEER
from bench.figures import Metric
from bench.rows_start import churn
from bench.scene import Failed, Service

SIZES = (10, 1000, 10000)
CONTESTANTS = ["usherd", "usherd-split", "raw-clone-parked", "xinetd", "openbsd-inetd",
               "inetutils-inetd", "busybox-inetd", "rlinetd", "tcpserver",
               "socket-activate"]
# What a scene of so many ports may need: some open two descriptors for each.
FILES_PER_PORT = 2
SPARE_FILES = 1000
READY_MS = 10000


def _metrics():
    found = []
    for name, title, better, digits in (
            ("rate", "%d: conn/s", "higher", 0),
            ("cpu_us", "%d: CPU us/conn", "lower", 1),
            ("ready_ms", "%d: ready ms", "lower", 1),
            ("pss_kb", "%d: PSS kB", "lower", 0)):
        found += [Metric("%s_%d" % (name, size), title % size, better, digits)
                  for size in SIZES]
    return found + [Metric("port_bytes", "bytes per port", "lower")]


METRICS = _metrics()


def _start_timed(bench, contestant, scene):
    """A server, and the milliseconds from its exec until all its ports accept."""
    ports = sorted(scene.tcp_ports())
    with bench.load.background("listening", port=ports[0], count=len(ports),
                               timeout_ms=READY_MS) as watcher:
        watcher.line()
        server = contestant.start(scene)
        clock = watcher.line()["clock"]
    try:
        server.wait_ready()
    except Failed:
        server.end()
        raise
    return server, (clock - server.started) / 1e6


def _one_size(bench, contestant, size):
    service = Service("line", bench.port(size), ports=size, program=bench.program("line"))
    files = FILES_PER_PORT * size + SPARE_FILES
    with bench.scene([service], files=files) as scene:
        server, ready_ms = _start_timed(bench, contestant, scene)
        with server:
            pss_kb = server.pss_kb()
            found = churn(bench, server, port=service.port + size // 2, concurrency=16)
    return {"rate_%d" % size: found["rate"], "cpu_us_%d" % size: found["cpu_us"],
            "ready_ms_%d" % size: ready_ms, "pss_kb_%d" % size: pss_kb}


def _give_up(bench, contestant, size, reason):
    """Peers have limits in this; said once, and not tried again."""
    if contestant.kind != PEER or size == SIZES[0]:
        raise Failed("%d ports: %s" % (size, reason))
    bench.note("%d ports: %s" % (size, reason))
    bench.given_up.add((contestant.name, size))


def measure(bench, contestant):
    figures = {}
    for size in SIZES:
        if (contestant.name, size) in bench.given_up:
            continue
        most = getattr(contestant, "most_ports", size)
        if size > most:
            _give_up(bench, contestant, size, "a process for each port")
            continue
        try:
            figures.update(_one_size(bench, contestant, size))
        except (Failed, OSError) as reason:
            _give_up(bench, contestant, size, reason)
    if "pss_kb_10000" in figures:
        grown = figures["pss_kb_10000"] - figures["pss_kb_10"]
        figures["port_bytes"] = grown * 1024 / (SIZES[-1] - SIZES[0])
    return figures
