# SPDX-License-Identifier: ISC
"""Proportional set size of all processes: idle, and with sessions that say nothing."""
from bench.figures import Metric
from bench.scene import Failed, Service

IDLE_METRICS = [
    Metric("pss_kb", "PSS kB", "lower"),
    Metric("processes", "processes", "lower"),
]
SESSION_METRICS = [
    Metric("pss_kb", "PSS kB", "lower"),
    Metric("session_bytes", "bytes per session", "lower"),
    Metric("added", "further processes", "none"),
]
IDLE_CONTESTANTS = ["usherd", "xinetd", "openbsd-inetd", "inetutils-inetd",
                    "busybox-inetd"]
SESSION_CONTESTANTS = ["usherd", "raw-echo", "xinetd", "openbsd-inetd",
                       "inetutils-inetd", "busybox-inetd"]
SPARE_FILES = 1000


def idle(bench, contestant):
    """Echo and four services with programs; nobody has come yet."""
    services = [Service("echo", bench.echo_port(), kind="echo")]
    services += [Service("line%d" % i, bench.port(), program=bench.program("line"))
                 for i in range(4)]
    with bench.serving(contestant, services) as server:
        return {"pss_kb": server.pss_kb(), "processes": len(server.pids())}


def sessions(bench, contestant, count):
    """Each has exchanged one line, so that whatever it needs is there."""
    service = Service("echo", bench.echo_port(), kind="echo")
    with bench.serving(contestant, [service], files=count + SPARE_FILES) as server:
        before, processes = server.pss_kb(), len(server.pids())
        with bench.load.background("hold", port=service.port,
                                   concurrency=count) as holder:
            held = holder.line()["held"]
            if held < count:
                raise Failed("%d sessions, then no answer: %s" % (held, server.said()))
            pss_kb, added = server.pss_kb(), len(server.pids()) - processes
    return {"pss_kb": pss_kb, "session_bytes": (pss_kb - before) * 1024 / count,
            "added": added}
