# SPDX-License-Identifier: ISC
"""Further programs for test_programs.py: those that Debian's packages keep from being
installed beside the others, so that fetch_programs.sh unpacks them."""
import contextlib
import imaplib
import re
import socket
import struct

from fetched import environment, root, where
from harness import DEADLINE, connect
from programs import Program, ftp, pop, put_file, read_until, talk_look_up, tcp, udp
from realworld import give_to, needs_capability

CAP_SYS_ADMIN = 21  # capabilities(7)


def make_proftpd(directory):
    put_file(directory)
    (directory / "config").write_text(
        "ServerType inetd\nServerName here\nUser daemon\nGroup daemon\nUseIPv6 off\n"
        "UseReverseDNS off\nUseFtpUsers off\nRequireValidShell off\nWtmpLog off\n"
        "ScoreboardFile none\nTransferLog none\nSystemLog none\nDelayEngine off\nServerIdent on here\n"
        "<Anonymous %s/files>\nUser daemon\nUserAlias anonymous daemon\n"
        "RequireValidShell off\n</Anonymous>\n" % directory)


def hiding(talk, *differs):
    """As `talk`, without what may differ from one time to the next."""
    def clean(answer):
        if isinstance(answer, bytes):
            for each in differs:
                answer = re.sub(each, b"*", answer)
            return answer
        return [clean(each) for each in answer]
    return lambda port, directory: clean(talk(port, directory))


def ftp_refused(port, _directory):
    with contextlib.closing(connect(port)) as client:
        # Of an answer of many lines the last has no hyphen.
        def said():
            text = b""
            while not re.search(rb"(?m)^\d{3} .*\n\Z", text):
                text += read_until(client, b"\n")
            return text
        answers = [said()]
        for question in b"SYST", b"USER no-such-user-here", b"QUIT":
            client.sendall(question + b"\r\n")
            answers.append(said())
    return answers


def ident(port, _directory):
    """Who has the other end of this very connection: the server."""
    with contextlib.closing(connect(port)) as client:
        client.sendall(b"%d, %d\r\n" % (port, client.getsockname()[1]))
        return read_until(client, b"\n").split(b":", 1)[1]


def imap(port, _directory):
    client = imaplib.IMAP4("127.0.0.1", port, DEADLINE)
    said = [client.capability()]
    try:
        client.login("no-such-user-here", "wrong")
    except imaplib.IMAP4.error as error:
        said.append(str(error))
    said.append(client.logout()[0])
    return said


# Where it writes and looks for those who may ask stands in the program.
AMANDAD = """set -e
if [ -d {root} ]; then mount --bind {root} /mnt; fi
mount --bind {directory}/home /var/backups
mount --bind {directory}/log /var/log
mount --bind {directory}/work /tmp
{environment}
export LD_LIBRARY_PATH
exec setpriv --reuid=backup --regid=backup --clear-groups {server} "$@"
"""


def make_amanda(directory):
    server = where("amandad")
    environment_there = environment(server).replace(str(root()), "/mnt")
    (directory / "inside").write_text(AMANDAD.format(
        root=root(), directory=directory, environment=environment_there,
        server=server.replace(str(root()), "/mnt")))
    (directory / "amandad").write_text(
        "#!/bin/sh\nexec unshare --mount /bin/sh %s/inside \"$@\"\n" % directory)
    (directory / "amandad").chmod(0o755)
    for name in "home", "log", "work":
        (directory / name).mkdir()
    (directory / "home" / ".amandahosts").write_text("localhost root amdump\n")
    (directory / "home" / ".amandahosts").chmod(0o600)
    for name in "home", "log", "work":
        give_to("backup", directory / name)


def amanda(port, _directory):
    """The service noop, asked for as Amanda's server does it: from a port of root's. Each
    packet has its length, a number of a stream and a byte for its kind (0 asks) before it;
    the answer is the first."""
    question = b"\0SECURITY USER root\nSERVICE noop\nOPTIONS features=ffffffff;\n\0"
    with socket.socket() as client:
        client.settimeout(DEADLINE)
        for source in range(1023, 512, -1):
            try:
                client.bind(("127.0.0.1", source))
                break
            except OSError:
                continue
        client.connect(("127.0.0.1", port))
        client.sendall(struct.pack("!II", len(question), 1) + question)
        reply = client.makefile("rb")
        length, _stream = struct.unpack("!II", reply.read(8))
        return reply.read(length)


UNPACKED = (
    Program("proftpd", ["proftpd"], tcp(where("proftpd"), "-c {directory}/config", "root"),
            ftp, make_proftpd),
    Program("pure-ftpd", ["pure-ftpd"], tcp(where("pure-ftpd"), "-A -H -u 1", "root"),
            hiding(ftp_refused, rb"now .*", rb"number \d+")),
    Program("ftpd", ["ftpd"], tcp(where("ftpd"), "-l", "root"), ftp_refused),
    Program("oidentd", ["oidentd"], tcp(where("oidentd"), "-I", "root"), ident),
    Program("imap4d", ["imap4d"], tcp(where("imap4d"), "--no-config --inetd", "root"), imap),
    Program("pop3d", ["pop3d"], tcp(where("pop3d"), "--no-config --inetd", "root"), pop),
    Program("amanda", ["amandad", "unshare", "setpriv"],
            tcp("{directory}/amandad", "-auth=bsdtcp amdump", "root"), amanda, make_amanda,
            needs_capability(CAP_SYS_ADMIN, "CAP_SYS_ADMIN")),
    Program("linux-talk", ["in.ntalkd"], udp(where("in.ntalkd"), user="nobody",
                                             group="tty"), talk_look_up),
)
