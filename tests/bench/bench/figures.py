# SPDX-License-Identifier: ISC
"""Medians, spreads and ratios. A ratio is the median of those of the single rounds: both
sides of each were measured within seconds, so that a machine that becomes slower half-way
does not count."""
import dataclasses
import statistics

from bench.contestant import PEER, RAW


@dataclasses.dataclass
class Metric:
    name: str
    title: str
    better: str = "higher"          # higher, lower, or none
    digits: int = 0


@dataclasses.dataclass
class Target:
    """@metric of usherd divided by that of @against is to be @relation @ratio."""
    metric: str
    # bound, bound:START (of those whose names begin so), peer, a name, self:METRIC, or
    # absolute
    against: str
    relation: str                   # one of RELATIONS
    ratio: float
    split: bool = True              # holds for a service per port, too


RELATIONS = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values),
            "values": values}


class Samples:
    """The values of one row: [contestant][metric], one per round."""

    def __init__(self):
        self.values = {}

    def add(self, contestant, figures):
        for metric, value in figures.items():
            self.values.setdefault(contestant, {}).setdefault(metric, []).append(value)

    def of(self, contestant, metric):
        return self.values.get(contestant, {}).get(metric, [])

    def best(self, metric, names):
        """Of those with a figure above 0; None if there is none."""
        known = [(statistics.median(self.of(name, metric.name)), name) for name in names
                 if self.of(name, metric.name)]
        known = [entry for entry in known if entry[0] > 0]
        if not known:
            return None
        return (max(known) if metric.better == "higher" else min(known))[1]

    def ratio(self, metric, name, other, other_metric=None):
        pairs = zip(self.of(name, metric), self.of(other, other_metric or metric))
        ratios = [ours / theirs for ours, theirs in pairs if theirs > 0]
        return statistics.median(ratios) if ratios else None


def _judge(target, value):
    if target is None or value is None:
        return None
    return RELATIONS[target.relation](value, target.ratio)


def _against(samples, metric, name, against, kinds):
    """(the other's name, ratio or value) of one comparison."""
    if against == "absolute":
        values = samples.of(name, metric.name)
        return "", statistics.median(values) if values else None
    if against.startswith("self:"):
        other = against[5:]
        return other, samples.ratio(metric.name, name, name, other)
    group, _, start = against.partition(":")
    if group in ("bound", "peer"):
        kind = {"bound": RAW, "peer": PEER}[group]
        names = [n for n, k in kinds.items()
                 if k == kind and n.startswith(start) and not n.endswith("-root")]
        other = samples.best(metric, names)
    else:
        other = against
    if other is None:
        return None, None
    return other, samples.ratio(metric.name, name, other)


def _is_repeated(comparison, found):
    """The best bound of all is the best of its kind: that is said with the target."""
    return (comparison["against"] == "bound" and comparison["target"] is None and
            any(other["against"].startswith("bound:") and
                other["other"] == comparison["other"] for other in found))


def comparisons(samples, metric, name, targets, kinds):
    """What is to be said about one metric of usherd: bound and best peer always, the rest
    when there is a target."""
    wanted = {t.against: t for t in targets if t.metric == metric.name and
              (t.split or not name.endswith("-split"))}
    found = []
    usual = ["bound", "peer"] if metric.better != "none" else []
    for against in dict.fromkeys([*usual, *wanted]):
        target = wanted.get(against)
        other, value = _against(samples, metric, name, against, kinds)
        if value is None and target is None:
            continue
        found.append({"against": against, "other": other, "ratio": value,
                      "relation": target and target.relation,
                      "target": target and target.ratio, "met": _judge(target, value)})
    return [comparison for comparison in found if not _is_repeated(comparison, found)]
