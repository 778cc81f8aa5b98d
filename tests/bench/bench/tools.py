# SPDX-License-Identifier: ISC
"""Peers that serve one service per process."""
import pathlib
import shutil

from bench.contestant import Contestant, only
from bench.packages import SEARCH
from bench.scene import Unavailable, Unsupported

MANY = 1000000
S6_MANY = 1000                      # more than any row has at once, less than its maximum


class OnePerPort(Contestant):
    most_ports = 1000

    def one(self, service):
        raise NotImplementedError

    def commands(self, scene):
        only(scene, limits=True)
        services = scene.single_services()
        if len(services) > self.most_ports:
            raise Unsupported("a process per port")
        return [self.one(service) for service in services]


class Tcpserver(OnePerPort):
    name = "tcpserver"
    package = "ucspi-tcp"
    binary = "tcpserver"

    def one(self, service):
        return [self.path(), "-q", "-H", "-R", "-l", "0", "-c", service.instances or MANY,
                "127.0.0.1", service.port, service.program]


class Tcpsvd(OnePerPort):
    name = "tcpsvd"
    package = "ipsvd"
    binary = "tcpsvd"

    def one(self, service):
        return [self.path(), "-l", "0", "-c", service.instances or MANY, "127.0.0.1",
                service.port, service.program]


class BusyboxTcpsvd(OnePerPort):
    name = "busybox-tcpsvd"
    package = "busybox"
    binary = "busybox"
    applet = "tcpsvd"

    def path(self):
        return self.tools.packages.busybox(self.applet)

    def one(self, service):
        return [self.path(), self.applet, "-c", service.instances or MANY, "127.0.0.1",
                service.port, service.program]


class S6Tcpserver(OnePerPort):
    """Not in Debian 12; taken where somebody has installed it."""

    name = "s6-tcpserver"
    binary = "s6-tcpserver"

    def path(self):
        found = shutil.which(self.binary, path=SEARCH)
        if found is None:
            raise Unavailable("not installed, and not in Debian 12")
        return pathlib.Path(found)

    def one(self, service):
        most = service.instances or S6_MANY
        return [self.path(), "-q", "-c", most, "-C", most, "127.0.0.1", service.port,
                service.program]


class SocketActivate(Contestant):
    name = "socket-activate"
    package = "systemd"
    binary = "systemd-socket-activate"

    def commands(self, scene):
        only(scene)
        if len(scene.services) != 1:
            raise Unsupported("one program only")
        words = [self.path(), "--accept", "--inetd"]
        for port in scene.services[0].every_port():
            words += ["-l", "127.0.0.1:%d" % port]
        return [words + [scene.services[0].program]]


class Socat(Contestant):
    name = "socat"
    package = "socat"
    binary = "socat"

    def commands(self, scene):
        only(scene, kind=("program", "redirect"))
        if len(scene.single_services()) != 1:
            raise Unsupported("a process per port")
        service = scene.services[0]
        listen = ("TCP-LISTEN:%d,bind=127.0.0.1,reuseaddr,fork,backlog=128" %
                  service.port)
        if service.kind == "redirect":
            return [[self.path(), "-b", "65536", listen,
                     "TCP:127.0.0.1:%d" % service.target]]
        return [[self.path(), listen, "EXEC:%s,nofork" % service.program]]
