# SPDX-License-Identifier: ISC
"""Programs of Debian packages, installed or not. Those that cannot be installed side by
side are fetched and unpacked into a cache, with the libraries that they miss."""
import os
import pathlib
import shutil
import subprocess

from bench.scene import Unavailable

SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin"


def _run(words, cwd=None):
    done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(errors="replace")


def _installed(package):
    status, text = _run(["dpkg-query", "-W", "-f", "${Status}", package])
    return status == 0 and text.startswith("install ok installed")


class Packages:
    def __init__(self, cache):
        self.cache = cache
        self.missing = {}           # package to the reason that it cannot be had
        self.found = {}

    def fetch(self, package):
        """Makes a package available, while there is a network; what goes wrong is raised
        when it is asked for."""
        try:
            if not _installed(package):
                self._unpack(package)
        except Unavailable as reason:
            self.missing[package] = str(reason)

    def _unpack(self, package):
        """The directory that the package is unpacked in."""
        directory = self.cache / package
        if package in self.missing:
            raise Unavailable(self.missing[package])
        if directory.exists():
            return directory
        self.cache.mkdir(parents=True, exist_ok=True)
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise Unavailable("not installed, and no Debian to fetch %s from" % package)
        status, _ = _run(["apt-get", "-q", "download", package], cwd=self.cache)
        archives = sorted(self.cache.glob(package + "_*.deb"))
        if status != 0 or not archives:
            raise Unavailable("not installed, and apt-get cannot fetch %s" % package)
        partial = self.cache / (package + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        status, _ = _run(["dpkg-deb", "-x", str(archives[-1]), str(partial)])
        if status != 0:
            raise Unavailable("%s cannot be unpacked" % archives[-1].name)
        self._fetch_libraries(package, partial)
        partial.rename(directory)
        return directory

    def _fetch_libraries(self, package, directory):
        """Unpacks the libraries that programs of the package miss, and those of these."""
        programs = [path for path in directory.rglob("*bin/*") if path.is_file()]
        lacking = any("not found" in _run(["ldd", str(path)])[1] for path in programs)
        _, text = _run(["apt-cache", "depends", "--recurse", "--important",
                        package])
        names = {line.split()[1] for line in text.splitlines()
                 if line.strip().startswith("Depends:")}
        for name in sorted(names) if lacking else []:
            if name.startswith("lib") and not _installed(name):
                self._unpack(name)

    def library_path(self):
        return ":".join(str(path) for path in
                        sorted(self.cache.glob("*/usr/lib/*-linux-gnu")))

    def program(self, package, name):
        """Path of a program, as installed or else from the unpacked package."""
        if (package, name) not in self.found:
            self.found[package, name] = self._find_program(package, name)
        return self.found[package, name]

    def _find_program(self, package, name):
        if _installed(package):
            found = shutil.which(name, path=SEARCH)
            if found:
                return pathlib.Path(found)
        else:
            for path in sorted(self._unpack(package).rglob(name)):
                if path.parent.name in ("bin", "sbin") and os.access(path, os.X_OK):
                    return path
        raise Unavailable("%s has no program %s" % (package, name))

    def busybox(self, applet):
        """busybox, if it is one with this applet; Debian's is built without servers."""
        program = self.program("busybox", "busybox")
        if applet not in _run([str(program), "--list"])[1].split():
            raise Unavailable("this busybox is built without " + applet)
        return program

    def file(self, package, pattern):
        """Another file of a package."""
        if _installed(package):
            paths = [pathlib.Path(line) for line in
                     _run(["dpkg-query", "-L", package])[1].splitlines()]
        else:
            paths = sorted(self._unpack(package).rglob("*"))
        for path in paths:
            if path.match(pattern) and path.is_file():
                return path
        raise Unavailable("%s has no file %s" % (package, pattern))

    def version(self, package):
        status, text = _run(["dpkg-query", "-W", "-f", "${Version}", package])
        if status == 0 and text:
            return text
        archives = sorted(self.cache.glob(package + "_*.deb"))
        return archives[-1].name.split("_")[1].replace("%3a", ":") if archives else "?"
