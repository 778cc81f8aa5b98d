# SPDX-License-Identifier: ISC
"""Compiling what the benchmark is made of, and the release build of usherd."""
import os
import pathlib
import shutil
import subprocess

from bench.scene import Failed

HERE = pathlib.Path(__file__).resolve().parent.parent
SOURCE = HERE.parent.parent

FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-pthread"]
# No vector registers: the kernel starts a program with its stack aligned to 16 bytes, and
# a compiler expects 8 more.
BARE_FLAGS = ["-Os", "-Wall", "-Wextra", "-nostdlib", "-static", "-ffreestanding",
              "-mgeneral-regs-only", "-fno-stack-protector", "-fno-pie", "-no-pie",
              "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none",
              "-Wl,--entry=program_start"]

PROGRAMS = {
    "load": (FLAGS, ["load/*.c"]),
    "keeper": (FLAGS, ["keeper.c"]),
    "raw-start": (FLAGS, ["raw/start.c", "raw/common.c"]),
    "raw-echo": (FLAGS, ["raw/echo.c", "raw/common.c"]),
    "raw-wait": (FLAGS, ["raw/wait.c", "raw/common.c"]),
    "raw-relay": (FLAGS, ["raw/relay.c", "raw/common.c"]),
    "line": (BARE_FLAGS, ["programs/line.c"]),
    "stay": (BARE_FLAGS, ["programs/stay.c"]),
    "seccomp.so": (["-O2", "-Wall", "-Wextra", "-shared", "-fPIC"],
                   ["valgrind/seccomp.c"]),
    "clock": (BARE_FLAGS, ["programs/clock.c"]),
}


def _newest(paths):
    return max(path.stat().st_mtime for path in paths)


def _command(words, what):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise Failed("%s:\n%s" % (what, done.stdout.decode(errors="replace")[-2000:]))


def build_programs(directory):
    """Name to path of each; only what is older than its sources is compiled."""
    compiler = os.environ.get("CC", "cc")
    directory.mkdir(parents=True, exist_ok=True)
    built = {}
    for name, (flags, patterns) in PROGRAMS.items():
        sources = sorted(path for pattern in patterns for path in HERE.glob(pattern))
        headers = [*HERE.glob("*/*.h"), pathlib.Path(__file__)]
        built[name] = directory / name
        if (not built[name].exists() or
                built[name].stat().st_mtime < _newest(sources + headers)):
            partial = directory / ("%s.%d" % (name, os.getpid()))
            _command([compiler, *flags, "-o", partial, *sources], name)
            partial.rename(built[name])     # another run may be starting the old one
    return built


def build_usherd():
    """The release build, brought up to date."""
    if shutil.which("cmake") is None:
        raise Failed("cmake is not installed: give a build with --usherd")
    _command(["cmake", "--preset", "release", "-S", SOURCE], "cmake --preset release")
    _command(["nice", "cmake", "--build", SOURCE / "build" / "release"], "release build")
    return SOURCE / "build" / "release" / "src" / "usherd"
