# SPDX-License-Identifier: ISC
"""The load generator: a C program, one process for each use."""
import json
import subprocess

from bench.scene import Failed

SPARE_SECONDS = 60


def _words(program, mode, options):
    return [str(program), mode] + ["%s=%d" % item for item in options.items()]


class Load:
    def __init__(self, program):
        self.program = program

    def run(self, mode, **options):
        """To its end; what it found."""
        seconds = options.get("milliseconds", 0) / 1000 + SPARE_SECONDS
        try:
            done = subprocess.run(_words(self.program, mode, options), timeout=seconds,
                                  stdin=subprocess.DEVNULL, capture_output=True)
        except subprocess.TimeoutExpired:
            raise Failed("load %s: no end" % mode)
        if done.returncode != 0:
            raise Failed(done.stderr.decode(errors="replace").strip())
        return json.loads(done.stdout)

    def background(self, mode, trace_to=None, **options):
        """@trace_to: a file for a line per connection, its start and its first byte."""
        if trace_to is None:
            return Background(_words(self.program, mode, options))
        with open(trace_to, "wb") as trace:
            return Background(_words(self.program, mode, {**options, "trace": 1}), trace)


def read_trace(path):
    """Pairs of ns: when a connection was begun, and when its first byte came."""
    with open(path) as handle:
        return [tuple(int(word) for word in line.split()) for line in handle]


class Background:
    """A load that runs until end()."""

    def __init__(self, words, errors=None):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=errors)

    def line(self):
        """The next object it writes."""
        text = self.process.stdout.readline()
        if not text:
            raise Failed("load %s: no answer" % self.process.args[1])
        return json.loads(text)

    def end(self):
        """Its standard input ends, and so does it."""
        self.process.stdin.close()
        return self.line()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
