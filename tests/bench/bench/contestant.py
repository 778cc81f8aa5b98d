# SPDX-License-Identifier: ISC
"""Who takes part: usherd, bounds and peers behind one interface."""
import os
import signal

from bench.process import Server
from bench.scene import Unavailable, Unsupported

USHERD, RAW, PEER = "usherd", "raw", "peer"


class Contestant:
    """A subclass says how it is started to serve a scene."""

    name = ""
    kind = PEER
    package = ""                    # Debian package, of a peer
    more_packages = ()
    binary = ""                     # its program

    def __init__(self, tools):
        self.tools = tools          # see Tools

    def fetch(self):
        """Gets what it is made of, while there is a network."""
        for package in (self.package, *self.more_packages):
            if package:
                self.tools.packages.fetch(package)

    def needs_root(self):
        """Raises Unavailable without: the classic inetds become the users they are told."""
        if os.geteuid() != 0:
            raise Unavailable("needs root")

    def path(self):
        """Its program; raises Unavailable."""
        return self.tools.packages.program(self.package, self.binary)

    def version(self):
        return self.tools.packages.version(self.package) if self.package else ""

    def commands(self, scene):
        """The argument lists to start; raises Unsupported or Unavailable."""
        raise NotImplementedError

    def reload(self, server):
        """Tells the running server that its configuration has changed."""
        for pid in server.pids()[:1]:
            os.kill(pid, signal.SIGHUP)

    def check_reloads(self, server, count):
        """Raises Failed unless it has done so many; most do not say."""

    def environment(self):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}
        libraries = self.tools.packages.library_path()
        if self.kind == PEER and libraries:
            environment["LD_LIBRARY_PATH"] = libraries
        return environment

    def start(self, scene):
        """A Server; its ports may not be there yet."""
        return Server(self.tools.programs["keeper"], self.commands(scene), scene,
                      self.environment())


class Tools:
    """What contestants and rows are given."""

    def __init__(self, programs, packages, load):
        self.programs = programs    # name to path, of what was compiled
        self.packages = packages
        self.load = load


def only(scene, *, kind=("program",), protocol=("tcp",), wait=False, limits=False):
    """Raises Unsupported for a scene with anything else in it."""
    for service in scene.services:
        if service.kind not in kind:
            raise Unsupported({"echo": "no echo of its own",
                               "redirect": "no relay"}.get(service.kind, "no programs"))
        if service.protocol not in protocol:
            raise Unsupported("no " + service.protocol.upper())
        if service.wait and not wait:
            raise Unsupported("no service that waits")
        if service.instances is not None and not limits:
            raise Unsupported("no limit of instances")
