# SPDX-License-Identifier: ISC
"""usherd, always with what an administrator would have on: an access list, limits and a
log of who came, as user nobody where a program is started."""
import subprocess

from bench.contestant import Contestant, USHERD
from bench.scene import Failed, Unsupported

LINES = """log = file:%(directory)s/usherd.log
defaults {
	bind = 127.0.0.1
	only_from = { 127.0.0.0/8 }
	no_access = { 127.255.0.0/16 }
	instances = 1000000
	per_source = 1000000
	cps = { 10000000, 1s }
	log_on_success = { PID, HOST, DURATION, EXIT }
	log_on_failure = { HOST }
}
"""

# The attribute, in the spellings that it may have.
REDIRECTS = ("redirect = { 127.0.0.1, %d }", "redirect = 127.0.0.1 %d")


def _service(service, user, redirect):
    """On one line: ten thousand of them are to fit into a file."""
    words = ["service %s {" % service.name,
             "port = %d" % service.port if service.ports == 1 else
             "port = { %d-%d }" % (service.port, service.port + service.ports - 1)]
    if service.protocol != "tcp":
        words.append("protocol = %s" % service.protocol)
    if service.wait:
        words.append("wait = yes")
    if service.instances is not None:
        words.append("instances = %d" % service.instances)
    if service.mark:
        words.append("per_source = %d" % (1000000 + service.mark))
    if service.kind == "echo":
        words.append("internal = echo")
    elif service.kind == "redirect":
        words.append(redirect % service.target)
    else:
        words += ["server = %s" % service.program] + user
    return " ".join(words + ["}\n"])


class Usherd(Contestant):
    kind = USHERD

    def __init__(self, tools, name, path, as_root, run_as=None):
        """@run_as: arguments of subprocess about the user who checks a configuration."""
        super().__init__(tools)
        self.run_as = run_as or {}
        self.name = name
        self.binary_path = path
        self.user = ["user = nobody"] if as_root else []

    def path(self):
        return self.binary_path

    def version(self):
        done = subprocess.run([str(self.binary_path), "-V"], capture_output=True)
        return done.stdout.decode(errors="replace").strip()

    def _check(self, config):
        done = subprocess.run([str(self.binary_path), "-t", "-f", str(config)],
                              capture_output=True, **self.run_as)
        if done.returncode != 0:
            raise Failed(done.stderr.decode(errors="replace")[:400])

    def write_config(self, scene, redirect=REDIRECTS[0]):
        services = scene.single_services() if scene.split else scene.services
        text = LINES % {"directory": scene.directory}
        text += "".join(_service(service, self.user, redirect) for service in services)
        return scene.write("usherd.conf", text)

    def commands(self, scene):
        relays = any(service.kind == "redirect" for service in scene.services)
        failure = None
        for redirect in REDIRECTS if relays else REDIRECTS[:1]:
            config = self.write_config(scene, redirect)
            try:
                self._check(config)
                return [[self.binary_path, "-f", config]]
            except Failed as caught:
                failure = caught
        raise Unsupported("redirect: not built") if relays else failure

    def check_reloads(self, server, count):
        text = (server.scene.directory / "usherd.log").read_text(errors="replace")
        found = text.count("configuration reloaded")
        if found != count:
            raise Failed("%d of %d reloads" % (found, count))


class UsherdSplit(Usherd):
    """With a service of its own for every port."""

    def write_config(self, scene, redirect=REDIRECTS[0]):
        scene.split = True
        return super().write_config(scene, redirect)
