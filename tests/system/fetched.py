# SPDX-License-Identifier: ISC
"""Programs that fetch_programs.sh has unpacked and nobody installed, beside those that are
installed: an installed one comes first."""
import functools
import os
import pathlib
import shutil
import subprocess
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
    """What finds a program's libraries: NAME=VALUE, empty if it is installed."""
    if root() not in pathlib.Path(path).parents:
        return ""
    folders = [str(each) for pattern in ("usr/lib/*-linux-gnu*", "usr/lib/*/amanda",
                                         "lib/*-linux-gnu*")
               for each in root().glob(pattern)]
    return "LD_LIBRARY_PATH=" + ":".join(folders)


def environ(path):
    """The environment of this process, for that program."""
    name, _, value = environment(path).partition("=")
    return {**os.environ, **({name: value} if name else {})}


def apart(*command):
    """The command with a /run of its own, where such daemons write a process id; with the
    real one where that is not ours to do."""
    if not can_mount():
        return command
    return ("unshare", "--mount", "/bin/sh", "-c",
            'mount -t tmpfs tmpfs /run && exec "$@"', "sh", *command)


@functools.lru_cache(maxsize=None)
def can_mount():
    return shutil.which("unshare") is not None and subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def needs(*names):
    missing = [name for name in names if look_up(name) is None]
    return unittest.skipIf(missing, "neither installed nor fetched: " + ", ".join(missing))
