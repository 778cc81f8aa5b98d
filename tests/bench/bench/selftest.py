# SPDX-License-Identifier: ISC
"""The benchmark under test: do its rows find figures, and do they come out as JSON?"""
import json

from bench.scene import Failed

ROWS = ["start/16", "echo/connections"]
CONTESTANTS = {"raw-clone", "raw-echo"}


def narrow(row):
    """A row with usherd and one bound."""
    row.contestants = [name for name in row.contestants
                       if name == "usherd" or name in CONTESTANTS]
    return row


def check(text):
    """Raises Failed unless the JSON holds a figure above 0 wherever there must be one."""
    rows = {row["name"]: row for row in json.loads(text)["rows"]}
    for name in ROWS:
        row = rows[name]
        if row["failed"]:
            raise Failed("%s: %s" % (name, row["failed"]))
        for metric in row["metrics"]:
            for contestant in row["kinds"]:
                figure = metric["figures"].get(contestant)
                if figure is None or figure["median"] <= 0:
                    raise Failed("%s: no %s of %s" % (name, metric["title"], contestant))
        rate = row["metrics"][0]
        if not any(c["against"] == "bound" and c["ratio"] > 0
                   for c in rate["comparisons"]["usherd"]):
            raise Failed("%s: no ratio to the bound" % name)
