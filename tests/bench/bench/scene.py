# SPDX-License-Identifier: ISC
"""What a contestant is asked to serve, before it becomes anybody's configuration."""
import dataclasses
import pathlib
import typing


class Unsupported(Exception):
    """A contestant cannot do what a row asks for; the text says what is missing."""


class Unavailable(Exception):
    """A contestant or a row cannot be had on this machine; the text says why."""


class Failed(Exception):
    """Something that should have run did not."""


@dataclasses.dataclass
class Service:
    name: str
    port: int
    kind: str = "program"           # program, echo or redirect
    protocol: str = "tcp"
    ports: int = 1                  # that many, from port on
    program: typing.Optional[pathlib.Path] = None
    wait: bool = False
    instances: typing.Optional[int] = None
    target: int = 0                 # redirect: a port of 127.0.0.1
    mark: int = 0                   # changes to make the service another at a reload

    def every_port(self):
        return range(self.port, self.port + self.ports)

    def split(self):
        """One service per port, for those who know no ranges."""
        if self.ports == 1:
            return [self]
        return [dataclasses.replace(self, name="%s-%d" % (self.name, port), port=port,
                                    ports=1)
                for port in self.every_port()]


@dataclasses.dataclass
class Scene:
    directory: pathlib.Path         # for configurations and logs; everybody may enter
    services: list
    files: int = 1024               # soft limit of descriptors
    split: bool = False             # a service per port, even where there are ranges

    def tcp_ports(self):
        return {port for service in self.services if service.protocol == "tcp"
                for port in service.every_port()}

    def udp_ports(self):
        return {port for service in self.services if service.protocol == "udp"
                for port in service.every_port()}

    def single_services(self):
        return [single for service in self.services for single in service.split()]

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path
