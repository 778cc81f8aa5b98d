# SPDX-License-Identifier: ISC
"""What the tests with foreign servers and clients share: configuration text, commands
with a deadline, many clients at the same moment, and looking at a process in /proc."""
import concurrent.futures
import hashlib
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import threading
import unittest

import harness

BOTH = ("127.0.0.1", "::1")
# The empty home and the fixed locale keep the settings of whoever runs the tests out.
CLEAN = {"PATH": harness.search_path(), "LC_ALL": "C", "HOME": "/nonexistent"}


def quote(word):
    """A word of the native syntax, whatever is in it."""
    text = str(word).replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % text.replace("\n", "\\n").replace("\t", "\\t")


def words(value):
    if isinstance(value, (list, tuple)):
        return "{ %s }" % ", ".join(quote(word) for word in value)
    return quote(value)


def service(name, port, server, arguments=(), **more):
    """The text of a service on both loopback addresses; `more` adds and replaces."""
    attributes = {"bind": BOTH, "port": port, "server": server,
                  "cps": ("0", "1"), "log_on_failure": ("HOST",),
                  "log_on_success": ("PID", "HOST", "EXIT", "DURATION")}
    if arguments:
        attributes["server_args"] = list(arguments)
    if harness.is_root():
        attributes["user"] = "nobody"
    attributes.update(more)
    lines = ["    %s = %s" % (key, words(value)) for key, value in attributes.items()
             if value is not None]
    return "service %s {\n%s\n}\n" % (quote(name), "\n".join(lines))


def example(name, port, *changes):
    """The file of services.d with its service enabled on another port; each change is
    a pair of what stands there and what is to."""
    text = (harness.SOURCE / "services.d" / (name + ".conf")).read_text()
    changes = ((r"\n    disable = yes\n", "\n"), (r"port = \d+\n", "port = %d\n" % port),
               *((re.escape(old), str(new)) for old, new in changes))
    for pattern, new in changes:
        text, count = re.subn(pattern, new.replace("\\", r"\\"), text)
        if count == 0:
            raise AssertionError("%s.conf has no %r" % (name, pattern))
    return text


def run(*command, env=None, **arguments):
    """A client to its end; the result has returncode, stdout and stderr (as text)."""
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace",
                          timeout=4 * harness.DEADLINE, env={**CLEAN, **(env or {})},
                          **arguments)


def succeed(*command, **arguments):
    result = run(*command, **arguments)
    if result.returncode != 0:
        raise AssertionError("%s: exit %d\n%s%s" % (
            " ".join(map(str, command)), result.returncode, result.stdout,
            result.stderr))
    return result.stdout


def at_once(number, function):
    """function(0) ... function(number - 1), all started at the same moment."""
    gate = threading.Barrier(number)

    def one(index):
        gate.wait(harness.DEADLINE)
        return function(index)

    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def random_file(path, size):
    path.write_bytes(os.urandom(size))
    path.chmod(0o644)
    return path


def give_to(name, directory):
    """The directory with all that is in it belongs to the user then."""
    entry = pwd.getpwnam(name)
    for path in [directory, *directory.rglob("*")]:
        os.chown(path, entry.pw_uid, entry.pw_gid, follow_symlinks=False)


def libraries(path):
    """Files a dynamically linked program needs; none for a static one."""
    result = run("ldd", path)
    return re.findall(r"(/\S+) \(0x", result.stdout)


def private_root(directory, path):
    """Put the program and what it is linked to into @directory, at the same places."""
    for name in [str(path), *libraries(path)]:
        target = directory / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(name), target)
    return directory


class Process:
    """A running process as /proc shows it."""

    def __init__(self, pid):
        self.pid = pid
        self.directory = pathlib.Path("/proc/%d" % pid)

    def status(self, name):
        text = (self.directory / "status").read_text()
        return re.search(r"^%s:[ \t]*(.*?)[ \t]*$" % name, text, re.MULTILINE).group(1)

    def ids(self, name):
        return [int(word) for word in self.status(name).split()]

    def mask(self, name):
        return int(self.status(name), 16)

    def descriptors(self):
        return {int(name): os.readlink(self.directory / "fd" / name)
                for name in os.listdir(self.directory / "fd")}

    def flags(self, descriptor):
        text = (self.directory / "fdinfo" / str(descriptor)).read_text()
        return int(re.search(r"^flags:\s+(\d+)", text, re.MULTILINE).group(1), 8)

    def link(self, name):
        return os.readlink(self.directory / name)

    def strings(self, name):
        data = (self.directory / name).read_bytes()
        return [word.decode() for word in data.split(b"\0")[:-1]]

    def environment(self):
        return dict(entry.split("=", 1) for entry in self.strings("environ"))

    def limits(self):
        """{title: (soft, hard)}, both as the kernel writes them."""
        lines = (self.directory / "limits").read_text().splitlines()[1:]
        return {line[:26].strip(): tuple(line[26:].split()[:2]) for line in lines}


# Bits of the capability sets; capabilities(7).
CAP_SYS_NICE, CAP_SYS_RESOURCE = 23, 24


def needs_capability(bit, name):
    """Root in a container does not have all of them."""
    has = Process(os.getpid()).mask("CapEff") >> bit & 1
    return unittest.skipUnless(has, "needs " + name)
