# SPDX-License-Identifier: ISC
"""Programs that people have in xinetd's files: usherd serves them from such a file, and
where the real xinetd is installed it serves the same conversation, with the same answer.
Those that are not installed are taken from where fetch_programs.sh has unpacked them."""
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

import harness
from fetched import needs
from harness import Case, needs_program, needs_root
from programs import PROGRAMS, tcp
from programs_unpacked import UNPACKED

ENTRY = """service {name}
{{
	type		= UNLISTED
	disable		= no
	bind		= 127.0.0.1
	port		= {port}
{attributes}
	log_type	= FILE {directory}/{port}.log
	log_on_failure	= HOST
}}
"""


def entry(name, attributes, port, directory):
    words = {"log_on_success": "PID HOST EXIT DURATION", "flags": "IPv4", **attributes}
    # xinetd sees the server's own name in server_args if it has read NAMEINARGS before.
    order = sorted(words.items(), key=lambda pair: pair[0] != "flags")
    text = "\n".join("\t%s\t= %s" % (key, value.format(directory=directory))
                     for key, value in order if value)
    return ENTRY.format(name=name, port=port, directory=directory, attributes=text)


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as handle:
        return [int(word) for word in handle.read().split()]


class Served(Case):
    def usherd(self, text):
        path = self.scratch() / "xinetd.conf"
        path.write_text(text)
        return self.daemon('xinetd_conf = "%s"\n' % path)

    def xinetd(self, text):
        directory = self.scratch()
        (directory / "xinetd.conf").write_text(text)
        log = directory / "log"
        process = subprocess.Popen(
            [harness.program("xinetd"), "-dontfork", "-stayalive", "-filelog", log, "-f",
             directory / "xinetd.conf", "-pidfile", directory / "pid"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(self.end_xinetd, process)
        harness.eventually(lambda: log.exists() and "Started working" in log.read_text(),
                           "xinetd is at work")

    def end_xinetd(self, process):
        # Its programs outlive it, those that wait for datagrams for minutes.
        left = children(process.pid)
        process.terminate()
        process.wait(harness.DEADLINE)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@needs_root
class Programs(Served):
    def converse(self, program):
        directory = self.scratch()
        program.prepare(directory)
        ours, theirs = harness.free_port(), harness.free_port()
        log = self.usherd(entry(program.name, program.entry, ours, directory))
        self.assertEqual(log.matches(r"error:"), [], log.lines)
        answer = program.talk(ours, directory)
        self.assertTrue(answer)
        if program.entry.get("log_on_success") != "":
            # Where log_type says, or in the daemon's own log.
            path = directory / ("%d.log" % ours)
            pattern = r"START: %s " % re.escape(program.name)
            harness.eventually(lambda: log.matches(pattern) or path.exists() and
                               re.search(pattern, path.read_text()), pattern)
        if harness.program("xinetd"):
            self.xinetd(entry(program.name, program.entry, theirs, directory))
            self.assertEqual(answer, program.talk(theirs, directory))


# In the manner of Galera's and others' checks: a status for the balancer and its reason.
CHECK = """#!/bin/sh
read -r request
if [ -e {directory}/up ]; then status="200 OK"; else status="503 Service Unavailable"; fi
printf 'HTTP/1.1 %s\\r\\nConnection: close\\r\\n\\r\\n' "$status"
printf 'node is %s\\r\\n' "$status"
"""
NODE = """#!/bin/sh
while read -r line && [ ${#line} -gt 1 ]; do :; done
printf 'HTTP/1.0 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nnode\\n'
"""
BALANCER = """
defaults
    mode http
    timeout connect 20s
    timeout client 60s
    timeout server 60s
    timeout check 20s
frontend front
    bind 127.0.0.1:{front}
    default_backend nodes
backend nodes
    option httpchk OPTIONS /
    server one 127.0.0.1:{node} check port {check} inter 300ms rise 1 fall 1
"""


@needs_program("haproxy")
@needs_root
class Balancer(Served):
    def status(self):
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/" % self.front,
                                        timeout=harness.DEADLINE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def balance(self, serve):
        directory = self.scratch()
        node, check, self.front = (harness.free_port() for _ in range(3))
        self.write(directory / "check", CHECK.format(directory=directory))
        self.write(directory / "node", NODE)
        serve("".join(entry(name, {**tcp("{directory}/%s" % name, cps="0 1",
                                         log_on_success="", only_from="127.0.0.1",
                                         per_source="UNLIMITED")}, port, directory)
                      for name, port in (("node", node), ("check", check))))
        config = self.write(directory / "haproxy.cfg", BALANCER.format(
            front=self.front, node=node, check=check))
        process = subprocess.Popen([harness.program("haproxy"), "-db", "-f", config],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, harness.DEADLINE)
        self.addCleanup(process.terminate)
        harness.eventually(lambda: self.status() == 503, "the node is down at first")
        (directory / "up").write_text("")
        harness.eventually(lambda: self.status() == 200, "the node comes up")
        (directory / "up").unlink()
        harness.eventually(lambda: self.status() == 503, "the node goes down")

    def write(self, path, text):
        path.write_text(text)
        path.chmod(0o755)
        return path

    def test_a_check_takes_a_node_up_and_down(self):
        self.balance(self.usherd)

    @needs_program("xinetd")
    def test_a_check_takes_a_node_up_and_down_under_xinetd(self):
        self.balance(self.xinetd)


def make_test(program):
    @program.unless
    @needs(*program.needs)
    def test(self):
        self.converse(program)
    return test


for each in PROGRAMS + UNPACKED:
    setattr(Programs, "test_" + each.name.replace("-", "_"), make_test(each))


if __name__ == "__main__":
    harness.main()
