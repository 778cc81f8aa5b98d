# SPDX-License-Identifier: ISC
"""Rounds of every contestant of a row, one after the other, and what came of them."""
import contextlib
import pathlib
import shutil
import sys
import tempfile

from bench import figures, others, targets
from bench.contestant import USHERD
from bench.scene import Failed, Scene, Unavailable, Unsupported

CALM_SECONDS = 20                   # that a patient run waits for them


class Bench:
    """What a row's measure function works with."""

    def __init__(self, settings, programs, load, ports):
        self.milliseconds = settings.milliseconds
        self.warm_ms = settings.warm_ms
        self.quick = settings.quick
        self.load = load
        self.ports = ports
        self.programs = programs
        self.notes = {}
        self.given_up = set()       # what rows need not try again
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="usherd-bench-"))
        self.directory.chmod(0o755)
        self.current = ""

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def port(self, count=1):
        return self.ports.take(count)

    def echo_port(self):
        return self.ports.echo()

    def program(self, name):
        """A copy where nobody may start it: a build is often below somebody's home."""
        path = self.directory / name
        if not path.exists():
            shutil.copyfile(self.programs[name], path)
            path.chmod(0o755)
        return path

    def note(self, text):
        notes = self.notes.setdefault(self.current, [])
        if text not in notes:
            notes.append(text)

    def note_lost(self, found, keys):
        lost = ["%d %s" % (found[key], key) for key in keys if found[key]]
        if lost:
            self.note(", ".join(lost))

    @contextlib.contextmanager
    def scene(self, services, **options):
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        directory.chmod(0o755)
        try:
            yield Scene(directory, services, **options)
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def serving(self, contestant, services, **options):
        """A running contestant, its ports there."""
        with self.scene(services, **options) as scene:
            with contestant.start(scene) as server:
                server.wait_ready()
                yield server


class Outcome:
    """Of one row."""

    def __init__(self, row):
        self.row = row
        self.samples = figures.Samples()
        self.kinds = {}             # of those that take part
        self.skipped = {}
        self.failed = {}
        self.notes = {}
        self.shares = {}            # of the processors, that others had, by contestant


def names_of(row, field, peers):
    """The contestants of a row, in its order; usherd stands for all its builds."""
    names = []
    for name in row.contestants:
        if name in ("usherd", "usherd-split"):
            names += [n for n, c in field.items() if c.kind == USHERD and
                      n.endswith("-split") == (name == "usherd-split")]
        elif name in field and (peers is None or field[name].kind != "peer" or
                                name in peers):
            names.append(name)
    return names


def _calmest(bench, row, contestant, tries):
    """The figures of the first measurement that others did not disturb, else of the least
    disturbed of so many; and the share of the processors that others had."""
    best = None
    for _ in range(tries):
        if tries > 1:
            others.await_calm(CALM_SECONDS)
        watch = others.Watch()
        figures_now = row.measure(bench, contestant)
        share = watch.share()
        if best is None or share < best[1]:
            best = figures_now, share
        if share <= others.CALM_SHARE:
            break
    return best


def _measure_once(bench, outcome, contestant, tries):
    name = contestant.name
    bench.current = name
    try:
        found, share = _calmest(bench, outcome.row, contestant, tries)
        outcome.samples.add(name, found)
        outcome.shares.setdefault(name, []).append(share)
    except (Unsupported, Unavailable) as reason:
        outcome.skipped[name] = str(reason)
    except (Failed, OSError) as reason:
        outcome.failed[name] = str(reason)


def run_row(bench, row, field, settings):
    outcome = Outcome(row)
    names = names_of(row, field, settings.peers)
    bench.notes = outcome.notes
    rounds = min(settings.repeat, row.quick_rounds if settings.quick else row.rounds)
    for turn in range(rounds):
        shift = turn % max(1, len(names))
        for name in names[shift:] + names[:shift]:
            if name in outcome.skipped or name in outcome.failed:
                continue
            if settings.progress:
                print("\r\033[K%s: round %d of %d: %s" % (
                    row.name, turn + 1, rounds, name), end="", file=sys.stderr,
                    flush=True)
            _measure_once(bench, outcome, field[name], settings.patience)
    if settings.progress:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    outcome.kinds = {name: field[name].kind for name in names}
    return outcome


def described(outcome):
    """The outcome as plain data: what JSON, tables and plots are made of."""
    row, samples = outcome.row, outcome.samples
    ours = [name for name, kind in outcome.kinds.items()
            if kind == USHERD and name in samples.values]
    metrics = []
    for metric in row.metrics:
        known = {name: figures.summary(samples.of(name, metric.name))
                 for name in outcome.kinds if samples.of(name, metric.name)}
        judged = {name: figures.comparisons(samples, metric, name,
                                            targets.of_row(row.name), outcome.kinds)
                  for name in ours}
        metrics.append({"name": metric.name, "title": metric.title,
                        "better": metric.better, "digits": metric.digits,
                        "figures": known, "comparisons": judged})
    return {"name": row.name, "title": row.title, "kinds": outcome.kinds,
            "metrics": metrics, "skipped": outcome.skipped, "failed": outcome.failed,
            "notes": outcome.notes,
            "others": {name: figures.summary(shares)
                       for name, shares in outcome.shares.items()}}
