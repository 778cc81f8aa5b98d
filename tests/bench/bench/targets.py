# SPDX-License-Identifier: ISC
"""What usherd is to reach, as ratios to what was measured beside it in the same run.

The bound of a row is the best of the servers written for it in C, which know nothing of
configurations, limits or logs; where a program is started, of those that give up root for
it as usherd does. A list of targets belongs to the rows whose names begin with its key.
"""
from bench.figures import Target

# Against the bound that does the same. What copying reaches is shown beside it: at times
# it is faster for one stream, with more processor time for each byte.
STREAM_TARGETS = [
    Target("rate", "bound:raw-splice", ">=", 0.95),
    Target("cpu_gb", "bound:raw-splice", "<=", 1.05),
    Target("rate", "haproxy-splice", ">", 1.0),
    Target("rate", "socket-proxyd", ">", 1.0),
]

TARGETS = {
    "start": [
        Target("rate", "bound", ">=", 0.90),
        Target("rate", "peer", ">", 1.0),
        Target("rate", "xinetd", ">=", 2.2),
        Target("cpu_us", "bound", "<=", 1.15),
    ],
    # With more clients than processors a latency is one more view of the rate.
    "start/1": [
        Target("p50_us", "bound", "<=", 1.10),
        Target("p99_us", "bound", "<=", 1.5),
    ],
    "echo": [
        Target("rate", "bound", ">=", 0.90),
    ],
    "echo/connections": [
        Target("rate", "xinetd", ">=", 8.0),
    ],
    # A wake-up and a start must not cost more with every port.
    "ports": [
        Target("rate_1000", "self:rate_10", ">=", 0.95),
        Target("rate_10000", "self:rate_10", ">=", 0.95),
        Target("rate_1000", "bound", ">=", 0.90),
        Target("rate_10000", "bound", ">=", 0.90),
        Target("ready_ms_1000", "bound", "<=", 1.5),
        Target("ready_ms_10000", "bound", "<=", 1.5),
        Target("port_bytes", "absolute", "<=", 1024, split=False),
    ],
    "memory/idle": [
        Target("pss_kb", "absolute", "<=", 1200),
    ],
    "memory/1000": [
        Target("session_bytes", "absolute", "<=", 1024),
        Target("added", "absolute", "<=", 0),
    ],
    "memory/10000": [
        Target("session_bytes", "absolute", "<=", 1024),
        Target("added", "absolute", "<=", 0),
    ],
    "redirect/1": STREAM_TARGETS,
    "redirect/16": STREAM_TARGETS,
    "redirect/connections": [
        Target("rate", "bound", ">=", 0.95),
        Target("rate", "nginx", ">=", 0.95),
    ],
    "wait": [
        Target("p50_us", "bound", "<=", 1.2),
        Target("rate", "bound", ">=", 1 / 1.2),
        Target("lost", "absolute", "<=", 0),
    ],
    "flood": [
        Target("flood_p99", "self:idle_p99", "<=", 2.0),
        Target("flood_p99", "bound", "<=", 2.0),
        Target("hanging", "absolute", "<=", 0),
        Target("other_lost", "absolute", "<=", 0),
    ],
    "reload": [
        Target("failed", "absolute", "<=", 0),
        Target("pause_ms", "absolute", "<=", 6),
        Target("pause_ms", "peer", "<=", 1.0),
    ],
}


def of_row(name):
    return [target for key, targets in TARGETS.items()
            if name == key or name.startswith(key + "/") for target in targets]
