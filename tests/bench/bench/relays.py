# SPDX-License-Identifier: ISC
"""Peers that only relay."""
from bench.contestant import Contestant, only
from bench.scene import Unavailable

HAPROXY = """global
	maxconn 4000
	nbthread 1
defaults
	mode tcp
	timeout connect 10s
	timeout client 60s
	timeout server 60s
%(splice)s
listen relay
	bind 127.0.0.1:%(port)d
	server target 127.0.0.1:%(target)d
"""

NGINX = """daemon off;
worker_processes 1;
pid %(directory)s/nginx.pid;
error_log /dev/null crit;
load_module %(module)s;
events { worker_connections 4096; }
stream {
	server { listen 127.0.0.1:%(port)d; proxy_pass 127.0.0.1:%(target)d; }
}
"""


class Relay(Contestant):
    def service(self, scene):
        only(scene, kind=("redirect",))
        return scene.services[0]


class Haproxy(Relay):
    package = "haproxy"
    binary = "haproxy"

    def __init__(self, tools, splice):
        super().__init__(tools)
        self.splice = splice
        self.name = "haproxy-splice" if splice else "haproxy"

    def commands(self, scene):
        service = self.service(scene)
        config = scene.write("haproxy.cfg", HAPROXY % {
            "port": service.port, "target": service.target,
            "splice": "\toption splice-request\n\toption splice-response\n"
                      "\toption splice-auto" if self.splice else ""})
        return [[self.path(), "-db", "-q", "-f", config]]


class Nginx(Relay):
    name = "nginx"
    package = "nginx"
    more_packages = ("libnginx-mod-stream",)
    binary = "nginx"

    def commands(self, scene):
        service = self.service(scene)
        program = self.path()
        module = self.tools.packages.file("libnginx-mod-stream",
                                          "*/ngx_stream_module.so")
        config = scene.write("nginx.conf", NGINX % {
            "directory": scene.directory, "module": module, "port": service.port,
            "target": service.target})
        return [[program, "-e", "/dev/null", "-p", scene.directory, "-c", config]]


class SocketProxyd(Relay):
    name = "socket-proxyd"
    package = "systemd"
    binary = "systemd-socket-activate"

    def commands(self, scene):
        service = self.service(scene)
        proxy = self.tools.packages.file("systemd", "*/systemd-socket-proxyd")
        if not proxy.exists():
            raise Unavailable("no systemd-socket-proxyd")
        return [[self.path(), "-l", "127.0.0.1:%d" % service.port, proxy, "-c", "4000",
                 "127.0.0.1:%d" % service.target]]
