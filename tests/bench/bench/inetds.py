# SPDX-License-Identifier: ISC
"""The super-servers among the peers: limits off, as little logging as they offer."""
from bench.contestant import Contestant, only
from bench.scene import Unsupported

BOTH = ("tcp", "udp")


class Xinetd(Contestant):
    name = "xinetd"
    package = "xinetd"
    binary = "xinetd"

    def _service(self, service):
        lines = ["service %s" % service.name, "{",
                 "id = %s-%s" % (service.name, service.protocol),
                 "port = %d" % service.port,
                 "socket_type = %s" % {"tcp": "stream", "udp": "dgram"}[service.protocol],
                 "protocol = " + service.protocol]
        if service.kind == "echo":
            lines[0] = "service echo"
            lines += ["type = INTERNAL UNLISTED", "user = root",
                      "wait = %s" % {"tcp": "no", "udp": "yes"}[service.protocol]]
        else:
            lines += ["type = UNLISTED", "user = nobody",
                      "wait = %s" % ("yes" if service.wait else "no")]
        if service.kind == "redirect":
            lines.append("redirect = 127.0.0.1 %d" % service.target)
        elif service.kind == "program":
            lines.append("server = %s" % service.program)
        if service.instances is not None:
            lines.append("instances = %d" % service.instances)
        if service.mark:
            lines.append("nice = %d" % service.mark)
        return "\n".join(lines + ["}\n"])

    def write_config(self, scene):
        text = ("defaults\n{\nlog_type = FILE /dev/null\ninstances = UNLIMITED\n"
                "per_source = UNLIMITED\ncps = 10000000 1\nbind = 127.0.0.1\n}\n")
        text += "".join(self._service(service) for service in scene.single_services())
        return scene.write("xinetd.conf", text)

    def commands(self, scene):
        self.needs_root()
        only(scene, kind=("program", "echo", "redirect"), protocol=BOTH, wait=True,
             limits=True)
        return [[self.path(), "-f", self.write_config(scene), "-dontfork", "-stayalive",
                 "-pidfile", scene.directory / "xinetd.pid"]]


class Inetd(Contestant):
    """inetd.conf; the built-in echo is on the port of that name only."""

    ECHO_PORT = 7
    wait_words = ("nowait", "wait")

    def _service(self, service):
        kind = {"tcp": "stream", "udp": "dgram"}[service.protocol]
        if service.kind == "echo":
            if service.port != self.ECHO_PORT:
                raise Unsupported("its echo needs port 7: run this as root")
            wait = {"tcp": "nowait", "udp": "wait"}[service.protocol]
            return "127.0.0.1:echo %s %s %s root internal\n" % (kind, service.protocol,
                                                                  wait)
        return "127.0.0.1:%d %s %s %s nobody %s %s%s\n" % (
            service.port, kind, service.protocol, self.wait_words[service.wait],
            service.program, service.program.name, " x" * service.mark)

    def write_config(self, scene):
        return scene.write("inetd.conf", "".join(
            self._service(service) for service in scene.single_services()))

    def check(self, scene):
        self.needs_root()
        only(scene, kind=("program", "echo"), protocol=BOTH, wait=True)


class OpenbsdInetd(Inetd):
    name = "openbsd-inetd"
    package = "openbsd-inetd"
    binary = "inetd"

    def commands(self, scene):
        self.check(scene)
        return [[self.path(), "-i", "-R", "1000000000", self.write_config(scene)]]


class InetutilsInetd(Inetd):
    name = "inetutils-inetd"
    package = "inetutils-inetd"
    binary = "inetutils-inetd"
    wait_words = ("nowait.10000000", "wait")

    def commands(self, scene):
        self.check(scene)
        return [[self.path(), "-R", "10000000", "--pidfile",
                 self.write_config(scene)]]


class BusyboxInetd(Inetd):
    name = "busybox-inetd"
    package = "busybox"
    binary = "busybox"
    applet = "inetd"

    def path(self):
        return self.tools.packages.busybox(self.applet)

    def commands(self, scene):
        self.check(scene)
        return [[self.path(), self.applet, "-f", "-R", "0", self.write_config(scene)]]


class Rlinetd(Contestant):
    name = "rlinetd"
    package = "rlinetd"
    binary = "rlinetd"

    def _service(self, service):
        lines = ['service "%s" {' % service.name, "port %d;" % service.port,
                 "interface 127.0.0.1;", "protocol %s;" % service.protocol,
                 'user "nobody";', 'exec "%s";' % service.program]
        lines.append("instances %d;" % (service.instances or 1000000))
        if service.wait:
            lines.append("wait yes;")
        if service.mark:
            lines.append("nice %d;" % service.mark)
        return "\n".join(lines + ["}\n"])

    def write_config(self, scene):
        return scene.write("rlinetd.conf", "".join(
            self._service(service) for service in scene.single_services()))

    def commands(self, scene):
        self.needs_root()
        only(scene, protocol=BOTH, wait=True, limits=True)
        program = self.path()
        parser = self.tools.packages.file(self.package, "*/libparse.so")
        return [[program, "-f", self.write_config(scene), "-p", parser]]
