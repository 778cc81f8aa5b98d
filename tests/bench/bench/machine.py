# SPDX-License-Identifier: ISC
"""What the figures were measured on."""
import os
import platform
import re
import time


def _first(path, pattern):
    try:
        with open(path) as handle:
            found = re.search(pattern, handle.read(), re.MULTILINE)
        return found.group(1).strip() if found else "?"
    except OSError:
        return "?"


def describe():
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processors": len(os.sched_getaffinity(0)),
        "processor": _first("/proc/cpuinfo", r"^model name\s*:(.*)$"),
        "memory_mb": int(_first("/proc/meminfo", r"^MemTotal:\s*(\d+)") or 0) // 1024,
        "kernel": platform.release(),
        "system": _first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "load": os.getloadavg()[0],
    }
