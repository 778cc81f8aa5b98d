# SPDX-License-Identifier: ISC
"""Results as a page: the machine, what was reached, and every row."""
from bench.report import cell, comparison_words, order, others

HEAD = """# Results of tests/bench/run

Written by `tests/bench/run --markdown`, not by hand. %(system)s, kernel %(kernel)s,
%(processors)d processors (%(processor)s), %(memory_mb)d MB, %(date)s; loopback%(where)s;
%(repeat)d rounds of %(seconds)g s, medians and [lowest..highest].

The machine decides the absolute figures: compare ratios, and only within one run. A ratio
is the median of the ratios of the rounds. usherd ran with an access list, limits and a
log file in use, and started programs as nobody; `raw-*` are servers written for this in C,
without any of that (`-root`: they stay root); peers had their limits off and logged as
little as they can.
"""


def _escape(text):
    return " ".join(str(text).split()).replace("|", "\\|")


def _line(cells):
    return "| " + " | ".join(_escape(c) for c in cells) + " |"


def _table(head, lines):
    return [_line(head), "|" + "---|" * len(head)] + [_line(line) for line in lines]


def _versions(results):
    named = {**results["usherd"], **results.get("versions", {})}
    return ["Versions: " + ", ".join("%s %s" % (name, version) if name not in version
                                     else version for name, version in named.items()), ""]


def _targets(results):
    lines = []
    for row in results["rows"]:
        for metric in row["metrics"]:
            for name, comparisons in metric["comparisons"].items():
                for comparison in comparisons:
                    what, ratio, target, verdict = comparison_words(comparison)
                    if target:
                        lines.append([row["name"], name, metric["title"], what, ratio,
                                      target, verdict])
    return ["## Targets", ""] + _table(
        ["row", "build", "figure", "compared with", "ratio", "target", ""], lines) + [""]


def _row(row):
    lines = ["## %s: %s" % (row["name"], row["title"]), ""]
    metrics = row["metrics"]
    for start in range(0, len(metrics), 6):
        part = metrics[start:start + 6]
        lines += _table([""] + [m["title"] for m in part], [
            [name] + [cell(m["figures"][name], m["digits"]) if name in m["figures"]
                      else "-" for m in part] for name in order(row, metrics[0])])
        lines.append("")
    for word in "skipped", "failed", "notes":
        for name, reason in row[word].items():
            reason = "; ".join(reason) if isinstance(reason, list) else reason
            lines.append("* %s%s: %s" % ("" if word == "notes" else word + ": ", name,
                                         _escape(reason)))
    lines.append("* " + others(row))
    return lines + [""]


def page(results):
    machine, settings = results["machine"], results["settings"]
    lines = [HEAD % {
        **machine, "repeat": settings["repeat"],
        "seconds": settings["milliseconds"] / 1000,
        "where": " of a network namespace" if machine["namespace"] else ""}]
    lines += _versions(results) + _targets(results)
    for row in results["rows"]:
        lines += _row(row)
    return "\n".join(lines).rstrip() + "\n"
