# SPDX-License-Identifier: ISC
"""SVG plots with gnuplot: bars with their spread, or lines over the number of ports."""
import re
import subprocess

from bench.report import order
from bench.scene import Failed

PACKAGE, PROGRAM = "gnuplot-nox", "gnuplot-nox"
COLOURS = {"usherd": 0xd1495b, "raw": 0x8d96a3, "peer": 0x2e86ab}
SIZED = re.compile(r"^(.*)_(\d+)$")

BARS = """set terminal svg size 760,%(height)d dynamic enhanced font "sans,13" \\
	background "#ffffff"
set output "%(path)s"
set title "%(title)s" noenhanced
unset key
set yrange [%(count)d-0.5:-0.5]
set xrange [0:*]
set ytics (%(labels)s) nomirror noenhanced
set xtics nomirror font ",9"
set xlabel "%(axis)s" noenhanced
set border 3
set grid xtics lc rgb "#dddddd"
$figures << END
%(data)s
END
plot $figures using 2:1:(0):2:($1-0.38):($1+0.38):5 with boxxyerror lc rgb variable \\
	fs solid 0.8, \\
	$figures using 2:1:3:4 with xerrorbars pt 0 lc rgb "#333333"
"""

LINES = """set terminal svg size 760,480 dynamic enhanced font "sans,13" \\
	background "#ffffff"
set output "%(path)s"
set title "%(title)s" noenhanced
set key outside right noenhanced
set logscale xy
set xlabel "ports"
set ylabel "%(axis)s" noenhanced
set border 3
set tics nomirror
set grid lc rgb "#dddddd"
%(blocks)s
plot %(plots)s
"""


def _families(row):
    """Metrics that differ in a number alone, as {stem: [(number, metric)]}."""
    found = {}
    for metric in row["metrics"]:
        sized = SIZED.match(metric["name"])
        if sized:
            found.setdefault(sized.group(1), []).append((int(sized.group(2)), metric))
    return {stem: sizes for stem, sizes in found.items() if len(sizes) > 1}


def _bars(row, metric, path):
    names = [name for name in order(row, metric) if name in metric["figures"]]
    data = []
    for index, name in enumerate(names):
        figure = metric["figures"][name]
        data.append("%d %g %g %g %d" % (index, figure["median"], figure["min"],
                                        figure["max"], COLOURS[row["kinds"][name]]))
    return BARS % {
        "path": path, "title": row["title"], "axis": metric["title"],
        "count": len(names), "height": 130 + 26 * len(names), "data": "\n".join(data),
        "labels": ", ".join('"%s" %d' % (name, i) for i, name in enumerate(names))}


def _lines(row, sizes, path):
    blocks, plots = [], []
    for index, (name, kind) in enumerate(row["kinds"].items()):
        points = ["%d %g" % (size, metric["figures"][name]["median"])
                  for size, metric in sizes if name in metric["figures"]]
        if not points:
            continue
        blocks.append("$data%d << END\n%s\nEND" % (index, "\n".join(points)))
        plots.append('$data%d using 1:2 with linespoints lw %d pt %d lc rgb %d '
                     'title "%s"' % (index, 3 if kind == "usherd" else 1, index % 12 + 1,
                                     COLOURS[kind], name))
    axis = sizes[0][1]["title"].partition(": ")[2] or sizes[0][1]["title"]
    return LINES % {"path": path, "title": row["title"], "axis": axis,
                    "blocks": "\n".join(blocks), "plots": ", \\\n\t".join(plots)}


def scripts(row, directory):
    """Plot file to gnuplot script, of one described row."""
    found = {}
    stem = row["name"].replace("/", "-")
    families = _families(row)
    for name, sizes in families.items():
        path = directory / ("%s-%s.svg" % (stem, name))
        found[path] = _lines(row, sizes, path)
    in_family = {metric["name"] for sizes in families.values() for _, metric in sizes}
    for metric in row["metrics"]:
        if metric["better"] == "none" or metric["name"] in in_family:
            continue
        if not any(figure["max"] > 0 for figure in metric["figures"].values()):
            continue
        path = directory / ("%s-%s.svg" % (stem, metric["name"]))
        found[path] = _bars(row, metric, path)
    return found


def fetch(packages):
    packages.fetch(PACKAGE)


def draw(rows, directory, packages):
    """The files written."""
    program = packages.program(PACKAGE, PROGRAM)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for row in rows:
        for path, script in scripts(row, directory).items():
            done = subprocess.run(
                [str(program)], input=script.encode(), capture_output=True,
                env={"LD_LIBRARY_PATH": packages.library_path(), "LANG": "C"})
            if done.returncode != 0 or not path.exists():
                raise Failed("gnuplot: " + done.stderr.decode(errors="replace")[:400])
            written.append(path)
    return written
