# SPDX-License-Identifier: ISC
"""Instructions per connection, start and relayed MB, compared with recorded figures.

Counts do not depend on what else the machine does, which times do. Each is the difference
of two runs of unlike length, so that the start is not in it. What usherd gathers for some
milliseconds is waited for: each client's lines in the log before the next client comes,
and for each piece of a stream that usherd sleeps. What chance remains gets some tries,
and figures are best recorded on a busy machine, where it costs most. valgrind knows no
clone(2) that shares memory without suspending the parent: the supervisor starts programs
another way there.
"""
import argparse
import configparser
import os
import pathlib
import platform
import re
import shutil
import socket
import sys

from bench import build, callgrind, network
from bench.scene import Failed, Service, Unsupported
from bench.usherd import Usherd

RECORD = build.HERE / "instructions.txt"
TOLERANCE = 0.10
TRIES = 3
PIECE = 16384                       # few enough bytes to travel as one
MB = 1 << 20


class Skip(Exception):
    """Nothing can be counted or compared here; the text says why."""


def kind_of(usherd):
    """What counts depend on: compiler, build type, processor, C library."""
    tree = usherd.parent.parent
    try:
        cache = (tree / "CMakeCache.txt").read_text()
        compiler = next(tree.glob("CMakeFiles/*/CMakeCCompiler.cmake")).read_text()
    except (OSError, StopIteration):
        raise Skip("%s is not in a build directory" % usherd)
    setting = dict(re.findall(r"^(\w+):\w+=(.*)$", cache, re.M))
    known = dict(re.findall(r'^set\((\w+) "([^"]*)"\)$', compiler, re.M))
    if setting.get("USHERD_SANITIZE") or setting.get("USHERD_COVERAGE") == "ON":
        raise Skip("an instrumented build")
    return "%s %s %s %s %s" % (
        known["CMAKE_C_COMPILER_ID"], known["CMAKE_C_COMPILER_VERSION"].partition(".")[0],
        setting.get("CMAKE_BUILD_TYPE") or "none", platform.machine(),
        os.confstr("CS_GNU_LIBC_VERSION") or "")


def _visit(counted, service, number):
    """The client with this number, from 1, and all that is logged of it."""
    with callgrind.connect(service.port) as connection:
        counted.wait_logged("START", number)
        connection.sendall(b"hello\n")
        if service.kind == "echo":
            connection.shutdown(socket.SHUT_WR)
        callgrind.read_exactly(connection, 6)
        callgrind.read_end(connection)
        counted.wait_logged("EXIT", number)


def _visits(laboratory, contestant, service, count):
    """Instructions of each process; the first is the supervisor."""
    with laboratory.running(contestant, [service]) as counted:
        for number in range(1, count + 1):
            _visit(counted, service, number)
        return counted.end()


def echo(laboratory, contestant, ports, count):
    service = Service("echo", ports.take(), kind="echo")
    counts = _visits(laboratory, contestant, service, count)
    return {"echo connection, supervisor": counts[0],
            "echo connection, worker": sum(counts[1:])}


def start(laboratory, contestant, ports, count):
    service = Service("line", ports.take(), program=laboratory.line)
    counts = _visits(laboratory, contestant, service, count)
    return {"program start, supervisor": counts[0]}


def _relay_pieces(counted, near, far, size):
    """A piece at a time, a wake-up for each: else it were chance how many."""
    far.settimeout(callgrind.DEADLINE)
    for _ in range(size * MB // PIECE):
        counted.wait_asleep()
        far.sendall(b"x" * PIECE)
        callgrind.read_exactly(near, PIECE)


def relay(laboratory, contestant, ports, size):
    with socket.create_server(("127.0.0.1", ports.take())) as target:
        target.settimeout(callgrind.DEADLINE)
        service = Service("relay", ports.take(), kind="redirect",
                          target=target.getsockname()[1])
        with laboratory.running(contestant, [service]) as counted:
            with callgrind.connect(service.port) as near:
                far, _ = target.accept()
                with far:
                    _relay_pieces(counted, near, far, size)
            return {"relayed MB, all processes": sum(counted.end())}


# What is counted, and how many times in the shorter and in the longer run.
SUBJECTS = ((echo, 20, 120), (start, 20, 120), (relay, 2, 18))


class Count:
    """The least instructions that a subject took, by name, of the runs so far."""

    def __init__(self, subject, few, many):
        self.subject, self.few, self.many = subject, few, many
        self.totals = {few: {}, many: {}}

    def attempt(self, laboratory, contestant, ports):
        for amount, least in self.totals.items():
            found = self.subject(laboratory, contestant, ports, amount)
            for name, total in found.items():
                least[name] = min(total, least.get(name, total))

    def each(self):
        few, many = self.totals[self.few], self.totals[self.many]
        return {name: (many[name] - few[name]) / (self.many - self.few) for name in many}


def _read(kind):
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str
    parser.read(RECORD)
    recorded = parser[kind] if parser.has_section(kind) else {}
    return parser, {name: float(value) for name, value in dict(recorded).items()}


def _record(kind, counts):
    parser, _ = _read(kind)
    parser[kind] = {name: "%.0f" % count for name, count in sorted(counts.items())}
    with open(RECORD, "w") as handle:
        handle.write("# Instructions, written by tests/bench/instructions --record.\n\n")
        parser.write(handle)


def _grown(counts, recorded):
    return [name for name in counts
            if name in recorded and counts[name] > recorded[name] * (1 + TOLERANCE)]


def _count(count, laboratory, contestant, ports, recorded):
    """With something to compare, no more tries than it takes to be good."""
    for _ in range(TRIES):
        count.attempt(laboratory, contestant, ports)
        if recorded and not _grown(count.each(), recorded):
            break
    return count.each()


def _count_all(usherd, programs, recorded):
    laboratory = callgrind.Laboratory(usherd, programs)
    contestant = Usherd(None, "usherd", laboratory.usherd, False,
                        callgrind.ordinary_user())
    ports = network.Ports(network.enter_namespace())
    counts = {}
    try:
        for subject, few, many in SUBJECTS:
            try:
                counts.update(_count(Count(subject, few, many), laboratory, contestant,
                                     ports, recorded))
            except Unsupported as reason:
                print("%s: %s" % (subject.__name__, reason))
    finally:
        laboratory.close()
    return counts


def _compare(counts, recorded):
    for name, count in counts.items():
        before = recorded.get(name)
        print("%-32s %8.0f" % (name, count) + (
            "   recorded %8.0f   %+.1f %%" % (before, (count / before - 1) * 100)
            if before else "   not recorded"))
    grown = _grown(counts, recorded)
    for name in grown:
        print("error: %s: more than %.0f %% above what is recorded" %
              (name, TOLERANCE * 100))
    return 1 if grown else 0


def _parser():
    parser = argparse.ArgumentParser(
        description="Counts instructions with valgrind and compares them with "
        "tests/bench/instructions.txt. Exit status 1 if a count has grown by more than "
        "10 %, 77 if there is nothing to count or to compare with.")
    parser.add_argument("--usherd", type=pathlib.Path, metavar="PATH",
                        help="in its build directory; otherwise the release build")
    parser.add_argument("--build", metavar="DIRECTORY", type=pathlib.Path,
                        default=build.SOURCE / "build" / "bench", help="for programs")
    parser.add_argument("--record", action="store_true",
                        help="make these the figures to compare with")
    return parser


def _main(arguments):
    if shutil.which("valgrind") is None:
        raise Skip("valgrind is not installed")
    usherd = arguments.usherd.resolve() if arguments.usherd else build.build_usherd()
    kind = kind_of(usherd)
    _, recorded = _read(kind)
    if not recorded and not arguments.record:
        raise Skip("no figures recorded for '%s': see --record" % kind)
    programs = build.build_programs(arguments.build)
    counts = _count_all(usherd, programs, {} if arguments.record else recorded)
    print("%s" % kind)
    if arguments.record:
        _record(kind, counts)
    return _compare(counts, recorded if not arguments.record else {})


def main():
    try:
        return _main(_parser().parse_args())
    except Skip as reason:
        print("skipped: %s" % reason)
        return 77
    except Failed as failure:
        print("instructions: %s" % failure, file=sys.stderr)
        return 1
