# SPDX-License-Identifier: ISC
"""The loopback device to measure on.

Root gets a network namespace of its own: no port is taken, no connection of somebody else
is in the tables, and nothing is left behind. There the kernel is told to keep no socket
in TIME_WAIT, so that a row does not pay for the hundred thousand connections of the row
before. Without root it is the host's loopback, with ports that are free at the moment."""
import ctypes
import fcntl
import os
import random
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1

FIRST_PORT = 10240                  # below those that the kernel gives to clients
LAST_PORT = 32000
ECHO_PORT = 7


def _bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = struct.pack("16sH14x", b"lo", 0)
        request = fcntl.ioctl(handle, SIOCGIFFLAGS, request)
        flags = struct.unpack("16sH14x", request)[1]
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def _set(name, value):
    with open("/proc/sys/net/" + name, "w") as handle:
        handle.write(value)


def enter_namespace():
    """True if this process, and what it starts, has a network of its own from now on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET) != 0:
        return False
    _bring_up_loopback()
    _set("ipv4/tcp_max_tw_buckets", "0")
    return True


def first_client_port():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as handle:
        return int(handle.read().split()[0])


def _is_free(port):
    try:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


class Ports:
    def __init__(self, own_namespace):
        self.own = own_namespace
        self.last = min(LAST_PORT, first_client_port() - 1)
        self.next = FIRST_PORT if self.own else random.randrange(FIRST_PORT, self.last)

    def take(self, count=1):
        """The first of so many in a row; not those that were taken last."""
        for _ in range(self.last - FIRST_PORT):
            if self.next + count > self.last:
                self.next = FIRST_PORT
            first = self.next
            self.next += count
            if self.own or all(_is_free(port) for port in range(first, first + count)):
                return first
        raise OSError("no %d free ports in a row" % count)

    def echo(self):
        """The classic inetds have their own echo on its port alone, which takes root."""
        return ECHO_PORT if self.own else self.take()
