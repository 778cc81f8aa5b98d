# SPDX-License-Identifier: ISC
"""The programs of test_programs.py: what each needs, its entry as its package ships or
documents it, and a conversation that ends in something two servers can be compared by."""
import atexit
import contextlib
import ftplib
import pathlib
import poplib
import re
import smtplib
import socket
import struct
import urllib.request

from fetched import environment, where
from harness import DEADLINE, connect, datagram_socket, exchange
from realworld import run, succeed


class Program:
    """prepare(directory) makes what the entry's {directory} names; talk(port, directory)
    returns the answer with all that may differ taken out; unless(test) is the test, or one
    that is skipped."""

    def __init__(self, name, needs, entry, talk, prepare=lambda directory: None,
                 unless=lambda test: test):
        self.name, self.needs, self.talk, self.prepare = name, needs, talk, prepare
        self.entry, self.unless = entry, unless


def tcp(server, args="", user="nobody", **more):
    return {"socket_type": "stream", "protocol": "tcp", "wait": "no", "user": user,
            "server": server, "server_args": args, "env": environment(server), **more}


def udp(server, args="", user="root", **more):
    return {**tcp(server, args, user, **more), "socket_type": "dgram", "protocol": "udp",
            "wait": "yes"}


def put_file(directory):
    (directory / "files").mkdir()
    (directory / "files").chmod(0o755)
    (directory / "files" / "file").write_text("what the file says\n" * 200)
    (directory / "files" / "file").chmod(0o644)


def read_until(connection, end):
    data = b""
    while not data.endswith(end):
        part = connection.recv(1)
        if not part:
            raise AssertionError("the server left after %r" % data)
        data += part
    return data


def raw(question, size=None, hide=None):
    """Send and read to the end, or `size` bytes; what matches `hide` may differ."""
    def talk(port, directory):
        said = question.replace(b"DIRECTORY", str(directory).encode())
        if size is None:
            data = exchange(port, said)
        else:
            with contextlib.closing(connect(port)) as client:
                client.sendall(said)
                data = b""
                while len(data) < size:
                    part = client.recv(size - len(data))
                    if not part:
                        raise AssertionError("%d bytes, then the end" % len(data))
                    data += part
        return re.sub(hide, b"*", data) if hide else data
    return talk


def lines(*questions, hide=None, greeting=True):
    """A line at a time, an answer before the next question."""
    def talk(port, _directory):
        with contextlib.closing(connect(port)) as client:
            said = [read_until(client, b"\n")] if greeting else []
            for question in questions:
                client.sendall(question + b"\r\n")
                said.append(read_until(client, b"\n"))
        return [re.sub(hide, b"*", line) if hide else line for line in said]
    return talk


def tftp(port, _directory):
    with datagram_socket() as client:
        client.sendto(b"\0\1file\0octet\0", ("127.0.0.1", port))
        got, block = b"", 0
        while True:
            data, peer = client.recvfrom(600)
            kind, number = struct.unpack("!HH", data[:4])
            if kind != 3:
                raise AssertionError(data)
            client.sendto(struct.pack("!HH", 4, number), peer)
            if number == block + 1:
                block, got = number, got + data[4:]
                if len(data) < 516:
                    return got


def ftp(port, _directory):
    got = []
    with ftplib.FTP() as client:
        welcome = client.connect("127.0.0.1", port, DEADLINE)
        client.login()
        names = client.nlst()
        client.retrbinary("RETR file", got.append)
        client.quit()
    return welcome, names, b"".join(got)


def make_ftp(directory):
    put_file(directory)
    (directory / "empty").mkdir()
    # Whatever the umask: vsftpd wants no root that can be written to.
    (directory / "empty").chmod(0o755)
    (directory / "config").write_text(
        "listen=NO\nanonymous_enable=YES\nlocal_enable=NO\nftp_username=daemon\n"
        "xferlog_enable=NO\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n"
        "anon_root=%s/files\nsecure_chroot_dir=%s/empty\n" % (directory, directory))


def make_git(directory):
    repository = directory / "repository.git"
    succeed("git", "init", "-q", "--bare", repository)
    (repository / "git-daemon-export-ok").write_text("")
    tree = succeed("git", "-C", repository, "hash-object", "-t", "tree", "-w",
                   "/dev/null").strip()
    who = {name % part: "a@localhost" for name in ("GIT_%s_NAME", "GIT_%s_EMAIL")
           for part in ("AUTHOR", "COMMITTER")}
    commit = succeed("git", "-C", repository, "commit-tree", tree, "-m", "one", env=who)
    succeed("git", "-C", repository, "update-ref", "refs/heads/main", commit.strip())
    succeed("chown", "-R", "nobody", repository)


def git(port, _directory):
    return succeed("git", "ls-remote", "git://127.0.0.1:%d/repository.git" % port)


def make_rsync(directory):
    put_file(directory)
    (directory / "config").write_text(
        "use chroot = no\nlog file = /dev/null\n[files]\npath = %s/files\n" % directory)


def rsync(port, directory):
    target = directory / ("copy%d" % port)
    url = "rsync://127.0.0.1:%d/" % port
    succeed("rsync", url + "files/file", target)
    return succeed("rsync", url), target.read_text()


def make_cvs(directory):
    succeed("cvs", "-d", directory / "root", "init")
    (directory / "root" / "CVSROOT" / "passwd").write_text("anonymous::nobody\n")
    succeed("chown", "-R", "nobody", directory / "root")


CVS = (b"BEGIN AUTH REQUEST\nDIRECTORY/root\nanonymous\nA\nEND AUTH REQUEST\n"
       b"Root DIRECTORY/root\nnoop\n")


def make_svn(directory):
    succeed("svnadmin", "create", directory / "repository")
    succeed("svn", "--config-dir", directory / "client", "mkdir", "-m", "one",
            "file://%s/repository/trunk" % directory)
    succeed("chown", "-R", "nobody", directory / "repository")


def svn(port, directory):
    return succeed("svn", "--non-interactive", "--config-dir", directory / "client", "ls",
                   "svn://127.0.0.1:%d/repository" % port)


def make_sshd(directory):
    for name in "host_key", "key":
        succeed("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name)
    (directory / "config").write_text(
        "HostKey {0}/host_key\nAuthorizedKeysFile {0}/key.pub\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n"
        .format(directory))
    # What the system's start script makes before sshd's first start.
    separation = pathlib.Path("/run/sshd")
    if not separation.exists():
        separation.mkdir(mode=0o755)
        atexit.register(separation.rmdir)


def ssh(port, directory, *options):
    return run("ssh", "-F", "none", "-T", "-p", port, *options, "-o", "BatchMode=yes",
               "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=%s/known%d" % (directory, port), "root@127.0.0.1",
               "echo $SSH_CONNECTION")


def sshd(port, directory):
    said = ssh(port, directory, "-i", directory / "key", "-o", "IdentitiesOnly=yes")
    client, _port, server, there = said.stdout.split()
    return said.returncode, client, server, int(there) == port


def make_dropbear(directory):
    succeed("dropbearkey", "-t", "ed25519", "-f", directory / "host_key")


def dropbear(port, directory):
    # Nobody's key: the key exchange is done and the log-in refused.
    said = ssh(port, directory, "-o", "IdentityFile=none")
    return said.returncode, said.stderr.splitlines()[-1]


def talk_look_up(port, _directory):
    # protocols/talkd.h: CTL_MSG asks for an invitation that nobody has left.
    with datagram_socket() as client:
        here = struct.pack("!HH4s8x", socket.AF_INET, client.getsockname()[1],
                           socket.inet_aton("127.0.0.1"))
        client.sendto(struct.pack("!BBBxI16s16si12s12s16s", 1, 1, 0, 7, here, here, 1,
                                  b"nobody", b"root", b""), ("127.0.0.1", port))
        said = client.recv(200)
        # Version, kind, verdict, number; a byte that the server leaves as it was.
        return said[:3], said[4:8]


def smtp(port, _directory):
    with smtplib.SMTP("127.0.0.1", port, "client.invalid", DEADLINE) as client:
        return client.ehlo(), client.noop(), client.verify("no-such-user-here")[0]


def pop(port, _directory):
    client = poplib.POP3("127.0.0.1", port, DEADLINE)
    said = [client.welcome[:3]]
    try:
        client.user("no-such-user-here")
        client.pass_("wrong")
    except poplib.error_proto as error:
        said.append(str(error))
    client.close()
    return said


def make_nrpe(directory):
    (directory / "config").write_text(
        "allowed_hosts=127.0.0.1\ndont_blame_nrpe=0\ncommand_timeout=60\n"
        "command[ours]=/bin/echo all is well\n")


def nrpe(port, _directory):
    check = "/usr/lib/nagios/plugins/check_nrpe"
    return succeed(check, "-n", "-H", "127.0.0.1", "-p", port, "-c", "ours", "-t", "60")


def http(port, _directory):
    with urllib.request.urlopen("http://127.0.0.1:%d/file" % port,
                                timeout=DEADLINE) as answer:
        return answer.status, answer.read()


def make_bitlbee(directory):
    (directory / "config").write_text("[settings]\nRunMode = Inetd\nHostname = here\n"
                                      "ConfigDir = %s\n" % directory)


def agent(directory):
    path = directory / "agent"
    path.write_text("#!/bin/sh\nprintf '<<<agent>>>\\nVersion: 1\\nFrom: %s\\n' "
                    "\"${REMOTE_HOST#::ffff:}\"\nprintf '<<<mem>>>\\n'\n"
                    "grep -o '^MemTotal' /proc/meminfo\n")
    path.chmod(0o755)


def make_distcc(directory):
    (directory / "one.c").write_text("int one(void) { return 1; }\n")


def distcc(port, directory):
    target = directory / ("one%d.o" % port)
    succeed("distcc", "gcc", "-c", "one.c", "-o", target, cwd=directory,
            env={"DISTCC_HOSTS": "127.0.0.1:%d" % port, "DISTCC_FALLBACK": "0",
                 "HOME": str(directory)})
    return target.read_bytes()


PROGRAMS = (
    Program("tftp", ["in.tftpd"], udp(where("in.tftpd"), "-s {directory}/files"), tftp,
            put_file),
    Program("atftp", ["atftpd"], udp(where("atftpd"), "--tftpd-timeout 2 "
                                     "--retry-timeout 1 {directory}/files"), tftp,
            put_file),
    Program("vsftpd", ["vsftpd"], tcp(where("vsftpd"), "{directory}/config", "root",
                                      nice="10"), ftp, make_ftp),
    Program("git", ["git"], tcp(where("git"), "daemon --inetd --base-path={directory}"),
            git, make_git),
    Program("rsync", ["rsync"], tcp(where("rsync"), "--daemon --config={directory}/config",
                                    "root"), rsync, make_rsync),
    Program("cvspserver", ["cvs"], tcp(where("cvs"), "-f --allow-root={directory}/root "
                                       "pserver", "root", passenv="PATH"),
            raw(CVS, 14), make_cvs),
    Program("svn", ["svnserve", "svn", "svnadmin"],
            tcp(where("svnserve"), "-i -r {directory}"), svn, make_svn),
    Program("ssh", ["sshd", "ssh"], tcp(where("sshd"), "-i -f {directory}/config", "root"),
            sshd, make_sshd),
    Program("dropbear", ["dropbear", "dropbearkey", "ssh"],
            tcp(where("dropbear"), "-i -r {directory}/host_key", "root"), dropbear,
            make_dropbear),
    Program("telnet", ["telnetd"], tcp(where("telnetd"), user="root", flags="REUSE"),
            raw(b"", 12)),
    Program("finger", ["in.fingerd", "tcpd", "finger"],
            tcp(where("tcpd"), "%s -w" % where("in.fingerd"), flags="NAMEINARGS"),
            # In front of the answer are the time and the load of the machine.
            raw(b"no-such-user-here\r\n", hide=rb"[0-9:]+ up .*")),
    Program("ntalk", ["talkd"], udp(where("talkd"), user="nobody", group="tty"),
            talk_look_up),
    Program("ident", ["ident2"], tcp(where("ident2"), "-i -n", "root"),
            lines(b"1, 2", greeting=False)),
    Program("nntp", ["leafnode"], tcp(where("leafnode"), user="news"),
            lines(b"QUIT", hide=rb"\S*<.*>")),
    Program("smtp", ["exim4"], tcp(where("exim4"), "-bs", "root"), smtp),
    Program("pop3", ["popa3d"], tcp(where("popa3d"), user="root"), pop),
    Program("nrpe", ["nrpe"], tcp(where("nrpe"), "-n -c {directory}/config --inetd",
                                  "nagios"), nrpe, make_nrpe),
    Program("httpd", ["busybox"], tcp(where("busybox"), "httpd -i -h {directory}/files"),
            http, put_file),
    Program("micro-httpd", ["micro-httpd"], tcp(where("micro-httpd"), "{directory}/files"),
            http, put_file),
    Program("ircd", ["bitlbee"], tcp(where("bitlbee"), "-I -c {directory}/config -d "
                                     "{directory}/"), lines(), make_bitlbee),
    Program("nbd", ["nbd-server"], tcp(where("nbd-server"), "0 {directory}/files/file"),
            raw(b"", 8), put_file),
    Program("distcc", ["distccd", "distcc", "gcc"],
            tcp(where("distccd"), "--inetd --allow 127.0.0.1 --enable-tcp-insecure"),
            distcc, make_distcc),
    Program("check_mk", [], tcp("{directory}/agent", log_on_success="",
                                only_from="127.0.0.1", per_source="3"), raw(b""), agent),
)
