# SPDX-License-Identifier: ISC
"""The table of rows."""
import dataclasses
import functools
import typing

from bench import (rows_echo, rows_flood, rows_memory, rows_ports, rows_redirect,
                   rows_reload, rows_start, rows_wait)

MANY = 1000


@dataclasses.dataclass
class Row:
    name: str
    title: str
    metrics: list
    contestants: list               # names; usherd stands for every build given
    measure: typing.Callable        # (bench, contestant) to {metric: value}
    rounds: int = MANY              # at most
    quick_rounds: int = MANY


def _start(concurrency):
    return Row("start/%d" % concurrency,
               "a program per connection, %d at once" % concurrency, rows_start.METRICS,
               rows_start.CONTESTANTS,
               functools.partial(rows_start.measure, concurrency=concurrency))


def _sessions(count):
    return Row("memory/%d" % count, "memory with %d idle echo sessions" % count,
               rows_memory.SESSION_METRICS, rows_memory.SESSION_CONTESTANTS,
               functools.partial(rows_memory.sessions, count=count), rounds=1)


def _redirect(count):
    return Row("redirect/%d" % count, "relay, %d stream%s from the target" %
               (count, "s" if count > 1 else ""), rows_redirect.STREAM_METRICS,
               rows_redirect.CONTESTANTS,
               functools.partial(rows_redirect.streams, count=count))


ROWS = [
    _start(1),
    _start(16),
    _start(128),
    Row("echo/connections", "in-process echo: connect, a line, close; 16 at once",
        rows_echo.CONNECTION_METRICS, rows_echo.CONTESTANTS, rows_echo.connections),
    Row("echo/requests", "in-process echo: lines over 64 connections",
        rows_echo.REQUEST_METRICS, rows_echo.CONTESTANTS, rows_echo.requests),
    Row("echo/datagrams", "in-process echo: datagrams of 64 clients",
        rows_echo.DATAGRAM_METRICS, rows_echo.DATAGRAM_CONTESTANTS, rows_echo.datagrams),
    Row("ports", "10, 1,000 and 10,000 ports, 16 clients on one", rows_ports.METRICS,
        rows_ports.CONTESTANTS, rows_ports.measure, rounds=3, quick_rounds=1),
    Row("memory/idle", "memory of five services that nobody uses",
        rows_memory.IDLE_METRICS, rows_memory.IDLE_CONTESTANTS, rows_memory.idle,
        rounds=2, quick_rounds=1),
    _sessions(1000),
    _sessions(10000),
    _redirect(1),
    _redirect(16),
    Row("redirect/connections", "relay: connect, a line, close; 16 at once",
        rows_redirect.CONNECTION_METRICS, rows_redirect.CONTESTANTS,
        rows_redirect.connections),
    Row("wait", "UDP service that waits, one program after the other", rows_wait.METRICS,
        rows_wait.CONTESTANTS, rows_wait.measure),
    Row("flood", "20,000 clients on a full service", rows_flood.METRICS,
        rows_flood.CONTESTANTS, rows_flood.measure, quick_rounds=1),
    Row("reload", "reload of 1,000 services, one changed, under load",
        rows_reload.METRICS, rows_reload.CONTESTANTS, rows_reload.measure,
        quick_rounds=1),
]


def chosen(names):
    """Rows by name or by the part before the slash; all without names."""
    if not names:
        return ROWS
    found = [row for row in ROWS
             if any(row.name == name or row.name.startswith(name + "/")
                    for name in names)]
    unknown = [name for name in names
               if not any(row.name == name or row.name.startswith(name + "/")
                          for row in ROWS)]
    if unknown:
        raise KeyError("no row named " + ", ".join(unknown))
    return found
