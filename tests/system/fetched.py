# SPDX-License-Identifier: ISC
"""Programs that fetch_programs.sh has unpacked and nobody installed, beside those that are
installed: an installed one comes first."""
import functools
import os
import pathlib
import shutil
import unittest

import harness

FETCHED = pathlib.Path(os.environ.get("USHERD_PROGRAMS")
                       or harness.SOURCE / "build" / "programs").absolute()
FOLDERS = "usr/sbin", "usr/bin", "usr/lib/amanda"


def everybody_may_enter(path):
    return all(each.stat().st_mode & 1 for each in (path, *path.parents))


@functools.lru_cache(maxsize=None)
def root():
    """Where they are for users other than the one who runs the tests."""
    if not FETCHED.is_dir() or everybody_may_enter(FETCHED):
        return FETCHED
    copy = harness.open_directory() / "programs"
    shutil.copytree(FETCHED, copy, symlinks=True)
    return copy


def look_up(name):
    path = os.pathsep.join(str(FETCHED / folder) for folder in FOLDERS)
    return harness.program(name) or shutil.which(name, path=path)


def where(name):
    """The path for an entry, also of a program that is nowhere."""
    path = pathlib.Path(look_up(name) or "/usr/sbin/" + name)
    if FETCHED in path.parents:
        path = root() / path.relative_to(FETCHED)
    return str(path)


def environment(path):
    """What finds a program's libraries: a value for `env`, empty if it is installed."""
    if root() not in pathlib.Path(path).parents:
        return ""
    folders = [str(each) for pattern in ("usr/lib/*-linux-gnu*", "usr/lib/*/amanda",
                                         "lib/*-linux-gnu*")
               for each in root().glob(pattern)]
    return "LD_LIBRARY_PATH=" + ":".join(folders)


def needs(*names):
    missing = [name for name in names if look_up(name) is None]
    return unittest.skipIf(missing, "neither installed nor fetched: " + ", ".join(missing))
