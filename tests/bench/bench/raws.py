# SPDX-License-Identifier: ISC
"""The bounds: what the kernel allows, without anything that a super-server is for."""
from bench.contestant import Contestant, RAW, only
from bench.scene import Unsupported


class RawStart(Contestant):
    kind = RAW

    def __init__(self, tools, technique, table, user, suffix):
        super().__init__(tools)
        self.arguments = [technique, user, table]
        self.name = "raw-" + technique + ("-parked" if table == "parked" else "") + suffix

    def commands(self, scene):
        only(scene)
        if len(scene.services) != 1:
            raise Unsupported("one service only")
        service = scene.services[0]
        return [[self.tools.programs["raw-start"], *self.arguments, service.port,
                 service.ports, service.program]]


class RawEcho(Contestant):
    kind = RAW

    def __init__(self, tools, way):
        super().__init__(tools)
        self.way = way
        self.name = {"single": "raw-echo", "many": "raw-echo-mmsg"}[way]

    def commands(self, scene):
        only(scene, kind=("echo",), protocol=("tcp", "udp"))
        return [[self.tools.programs["raw-echo"], self.way, scene.services[0].port]]


class RawSource(Contestant):
    """What relays are given to relay: bytes without end."""

    kind = RAW
    name = "source"

    def commands(self, scene):
        return [[self.tools.programs["load"], "source",
                 "port=%d" % scene.services[0].port]]


class RawFull(Contestant):
    """Of two services the first has places, all of which are to be taken."""

    kind = RAW

    def __init__(self, tools, user, suffix):
        super().__init__(tools)
        self.user = user
        self.name = "raw-full" + suffix

    def commands(self, scene):
        only(scene, limits=True)
        if [service.instances is None for service in scene.services] != [False, True]:
            raise Unsupported("one full service and another")
        full, other = scene.services
        return [[self.tools.programs["raw-start"], "clone", self.user, "plain",
                 other.port, 1, other.program, full.port, full.instances]]


class RawWait(Contestant):
    kind = RAW

    def __init__(self, tools, user, suffix):
        super().__init__(tools)
        self.user = user
        self.name = "raw-wait" + suffix

    def commands(self, scene):
        only(scene, protocol=("udp",), wait=True)
        service = scene.services[0]
        return [[self.tools.programs["raw-wait"], self.user, service.port,
                 service.program]]


class RawRelay(Contestant):
    kind = RAW

    def __init__(self, tools, way, piece_kb):
        super().__init__(tools)
        self.arguments = [way, piece_kb * 1024]
        self.name = "raw-%s-%dk" % (way, piece_kb)

    def commands(self, scene):
        only(scene, kind=("redirect",))
        service = scene.services[0]
        return [[self.tools.programs["raw-relay"], *self.arguments, service.port,
                 service.target]]
