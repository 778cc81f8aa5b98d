# SPDX-License-Identifier: ISC
"""The real xinetd, where it is installed, for tests that ask both."""
import re
import subprocess

import harness

ENTRY = """
service %(name)s
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	port = %(port)d
	bind = 127.0.0.1
	flags = IPv4
	wait = no
	user = nobody
	server = /bin/cat
	cps = 0 1
	log_on_failure = HOST
	%(more)s
}
"""


def configuration(entries, defaults=""):
    """/bin/cat for TCP clients, as @entries (name, port, more) and @defaults say."""
    return "defaults\n{\n%s\n}\n%s" % (
        defaults, "".join(ENTRY % entry for entry in entries))


def usherd(case, text):
    """usherd with the same file, but that the lines about clients go to its main log."""
    path = case.scratch() / "xinetd.conf"
    path.write_text(text.replace("{", "{\nlog_type = main", 1))
    return case.daemon("", options=["-x", str(path)])


class Xinetd:
    """It runs until the test ends, at the latest."""

    def __init__(self, case, text):
        directory = case.scratch()
        self.log = directory / "log"
        self.service_log = directory / "services.log"
        path = directory / "xinetd.conf"
        path.write_text(text.replace("{", "{\nlog_type = FILE %s" % self.service_log, 1))
        self.process = subprocess.Popen(
            [harness.program("xinetd"), "-dontfork", "-filelog", str(self.log), "-f",
             str(path), "-pidfile", str(directory / "pid")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        case.addCleanup(self.stop)
        self.wait_for(r"\d+ available services?")

    def wait_for(self, pattern):
        harness.eventually(
            lambda: any(re.search(pattern, each.read_text())
                        for each in (self.log, self.service_log) if each.exists()),
            "xinetd says " + pattern)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(harness.DEADLINE)
