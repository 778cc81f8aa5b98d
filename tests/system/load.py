# SPDX-License-Identifier: ISC
"""Clients by the thousand: the benchmark's load generator, built for the tests."""
import json
import os
import pathlib
import subprocess
import unittest

import harness

PROGRAM = pathlib.Path(os.environ.get("USHERD_LOAD") or
                       pathlib.Path(harness.USHERD).resolve().parents[1] /
                       "tests/system/test_load")
# It connects from these in turn.
SOURCES = ["127.1.0.%d" % (number + 1) for number in range(64)]


def needs_load(test):
    return unittest.skipUnless(PROGRAM.exists(), "%s is not built" % PROGRAM)(test)


class Load:
    """One load that runs until its count is reached, or until end()."""

    def __init__(self, mode, **options):
        words = ["%s=%d" % item for item in options.items()]
        self.process = subprocess.Popen([str(PROGRAM), mode, *words],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()

    def line(self):
        """The next object it writes."""
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        return self.line()
