# SPDX-License-Identifier: ISC
"""A described row as text."""
import statistics

WIDTH = 26


def number(value, digits):
    if value >= 100 and digits > 0 and value >= 1000:
        digits = 0
    return "%.*f" % (digits, value)


def cell(summary, digits):
    text = number(summary["median"], digits)
    if summary["min"] != summary["max"]:
        text += " [%s..%s]" % (number(summary["min"], digits),
                               number(summary["max"], digits))
    return text


def order(row, metric):
    """Contestants that have any figure, best of the metric first."""
    known = metric["figures"]
    names = [name for name in row["kinds"]
             if any(name in m["figures"] for m in row["metrics"])]
    sign = -1 if metric["better"] == "higher" else 1
    return sorted(names, key=lambda name: (
        name not in known, sign * known[name]["median"] if name in known else 0))


def _figures(row):
    lines = []
    names = order(row, row["metrics"][0])
    for start in range(0, len(row["metrics"]), 4):
        metrics = row["metrics"][start:start + 4]
        lines.append("  %-22s" % "" + "".join("%*s" % (WIDTH, m["title"])
                                              for m in metrics))
        for name in names:
            cells = [cell(m["figures"][name], m["digits"]) if name in m["figures"]
                     else "-" for m in metrics]
            lines.append("  %-22s" % name + "".join("%*s" % (WIDTH, c) for c in cells))
    return lines


def comparison_words(comparison):
    """What it is compared with, the ratio, the target and the verdict."""
    against, other = comparison["against"], comparison["other"]
    if against == "absolute":
        what = "value"
    elif against.startswith("self:"):
        what = "own " + other
    elif against.startswith("bound") and other:
        what = "bound " + other
    elif against == "peer" and other:
        what = "best peer " + other
    else:
        what = against
    ratio = comparison["ratio"]
    target = verdict = ""
    if comparison["target"] is not None:
        target = "%s %.4g" % (comparison["relation"], comparison["target"])
        verdict = {True: "met", False: "NOT MET", None: "no figure"}[comparison["met"]]
    return what, "-" if ratio is None else "%.2f" % ratio, target, verdict


def _comparisons(row):
    lines = []
    for metric in row["metrics"]:
        for name, comparisons in metric["comparisons"].items():
            parts = []
            for comparison in comparisons:
                what, ratio, target, verdict = comparison_words(comparison)
                parts.append("%s of %s" % (ratio, what) +
                             (" (%s %s)" % (target, verdict) if target else ""))
            if parts:
                lines.append("  %s, %s: %s" % (name, metric["title"], ", ".join(parts)))
    return lines


def others(row):
    """How much of the machine others had: overall, and of usherd's time."""
    shares = row["others"]
    if not shares:
        return "nothing was measured"
    spread = [share["median"] for share in shares.values()]
    words = "others had %.0f %% of the processors [%.0f..%.0f]" % tuple(
        value * 100 for value in (statistics.median(spread),
                                  min(share["min"] for share in shares.values()),
                                  max(share["max"] for share in shares.values())))
    return words + "".join("; %s's: %.0f %%" % (name, shares[name]["median"] * 100)
                           for name, kind in row["kinds"].items()
                           if kind == "usherd" and name in shares)


def text(row):
    lines = ["", "%s  %s" % (row["name"], row["title"])]
    lines += _figures(row) + _comparisons(row)
    for word in "skipped", "failed", "notes":
        for name, reason in row[word].items():
            reason = "; ".join(reason) if isinstance(reason, list) else reason
            lines.append("  %s: %s: %s" % (word.rstrip("s") if word == "notes" else word,
                                           name, " ".join(reason.split())))
    lines.append("  " + others(row))
    return "\n".join(lines)
