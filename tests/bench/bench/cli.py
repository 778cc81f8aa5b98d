# SPDX-License-Identifier: ISC
"""The command line of tests/bench/run."""
import argparse
import json
import os
import pathlib
import signal
import sys

from bench import (build, field, machine, markdown, network, plot, report, rows, runner,
                   selftest)
from bench.contestant import PEER, Tools
from bench.load import Load
from bench.packages import Packages
from bench.scene import Failed, Unavailable

DESCRIPTION = """Measures usherd beside every super-server and relay of Debian and beside
bounds written in C, all in one run: every round measures each contestant once. Use the
ratios; absolute figures are the machine's. usherd runs with access lists, limits and
logging on and starts programs as nobody (when this runs as root); peers have their limits
off and log as little as they can. Exit status 0 whatever the ratios are, 1 if something
that should have run did not."""


def _parser():
    parser = argparse.ArgumentParser(description=DESCRIPTION)
    add = parser.add_argument
    add("--list", action="store_true", help="name the rows and end")
    add("--row", action="append", metavar="NAME",
        help="only this row, or those before a slash (repeatable)")
    add("--peers", metavar="A,B", help="only these peers; 'none' for no peer")
    add("--quick", action="store_true", help="short and rough: under five minutes")
    add("--repeat", type=int, metavar="N", help="rounds (5; quick: 2)")
    add("--seconds", type=float, help="length of one measurement (2; quick: 0.4)")
    add("--patience", type=int, metavar="N", default=1,
        help="measure up to so often while others use a tenth of the processors")
    add("--usherd", action="append", metavar="[NAME=]PATH",
        help="a build of usherd instead of the release build (repeatable)")
    add("--json", metavar="FILE", type=pathlib.Path, help="write everything to a file")
    add("--plot", metavar="DIRECTORY", type=pathlib.Path,
        help="draw every row as SVG (gnuplot)")
    add("--markdown", metavar="FILE", type=pathlib.Path,
        help="write tables, with the machine described")
    add("--results", metavar="FILE", type=pathlib.Path,
        help="what --json wrote, instead of a run: for --plot and --markdown")
    add("--build", metavar="DIRECTORY", type=pathlib.Path,
        default=build.SOURCE / "build" / "bench", help="for programs and packages")
    add("--selftest", action="store_true", help="two rows for a second, checked")
    return parser


def _settings(arguments):
    """Fills in what --quick and --selftest mean."""
    quick = arguments.quick or arguments.selftest
    arguments.quick = quick
    seconds = 1 if arguments.selftest else 0.4 if quick else 2
    arguments.milliseconds = int((arguments.seconds or seconds) * 1000)
    arguments.warm_ms = max(100, arguments.milliseconds // 8)
    rounds = 1 if arguments.selftest else 2 if quick else 5
    arguments.repeat = arguments.repeat or rounds
    arguments.progress = sys.stderr.isatty()
    if arguments.peers is not None:
        arguments.peers = [name for name in arguments.peers.split(",") if name != "none"]
    return arguments


def _usherds(words):
    """Pairs of name and path; the first is what targets are held against."""
    if not words:
        return [("usherd", build.build_usherd())]
    found = []
    for index, word in enumerate(words):
        name, equals, path = word.rpartition("=")
        path = pathlib.Path(path).resolve()
        if not os.access(path, os.X_OK):
            raise Failed("%s: no such program" % path)
        found.append((name if equals else "usherd" + ("-%d" % (index + 1) if index else
                                                      ""), path))
    return found


def _versions(results, contestants):
    names = sorted({name for row in results["rows"] for name in row["kinds"]})
    return {name: contestants[name].version() for name in names
            if contestants[name].kind == PEER}


def _fetch(arguments, chosen, contestants):
    """Before there is a namespace, in which there is no way to any package."""
    for name in sorted({name for row in chosen
                        for name in runner.names_of(row, contestants, arguments.peers)}):
        contestants[name].fetch()
    if arguments.plot:
        plot.fetch(contestants["xinetd"].tools.packages)


def _run(arguments, chosen):
    programs = build.build_programs(arguments.build)
    usherds = _usherds(arguments.usherd)
    load = Load(programs["load"])
    contestants = field.contestants(
        Tools(programs, Packages(arguments.build / "peers"), load), usherds,
        os.geteuid() == 0)
    results = {"machine": machine.describe(), "rows": [],
               "usherd": {name: contestants[name].version() for name, _ in usherds},
               "settings": {"repeat": arguments.repeat,
                            "milliseconds": arguments.milliseconds}}
    _fetch(arguments, chosen, contestants)
    results["machine"]["namespace"] = network.enter_namespace()
    bench = runner.Bench(arguments, programs, load,
                         network.Ports(results["machine"]["namespace"]))
    try:
        for row in chosen:
            outcome = runner.run_row(bench, row, contestants, arguments)
            results["rows"].append(runner.described(outcome))
            print(report.text(results["rows"][-1]), flush=True)
    except KeyboardInterrupt:
        results["interrupted"] = True
    finally:
        bench.close()
    results["versions"] = _versions(results, contestants)
    return results


def _write(arguments, results):
    text = json.dumps(results, indent=1) + "\n"
    if arguments.json:
        arguments.json.write_text(text)
    if arguments.markdown:
        arguments.markdown.write_text(markdown.page(results))
    if arguments.plot:
        drawn = plot.draw(results["rows"], arguments.plot,
                          Packages(arguments.build / "peers"))
        print("\n%d plots in %s" % (len(drawn), arguments.plot))
    if arguments.selftest:
        selftest.check(text)


def _status(results):
    if results.get("interrupted"):
        return 130
    return 1 if any(row["failed"] for row in results["rows"]) else 0


def _interrupt(_signo, _frame):
    raise KeyboardInterrupt


def main():
    arguments = _settings(_parser().parse_args())
    try:
        chosen = rows.chosen(selftest.ROWS if arguments.selftest else arguments.row)
    except KeyError as error:
        print("run: %s" % error.args[0], file=sys.stderr)
        return 64
    if arguments.selftest:
        chosen = [selftest.narrow(row) for row in chosen]
    if arguments.list:
        print("\n".join("%-20s %s" % (row.name, row.title) for row in chosen))
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        results = (json.loads(arguments.results.read_text()) if arguments.results
                   else _run(arguments, chosen))
        _write(arguments, results)
    except (Failed, Unavailable) as failure:
        print("run: %s" % failure, file=sys.stderr)
        return 1
    return _status(results)
