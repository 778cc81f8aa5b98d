/* SPDX-License-Identifier: ISC */
/*
 * inetd.conf in every style that people write it in: what each text is taken for. Of each
 * service one line, "TITLE: ATTRIBUTE=VALUE,... ...", "TITLE: -" when it is left out;
 * then what is said about it.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usherd/conf/reader_inetd.h"

/* clang-format off */
static const struct {
	const char *text;
	const char *expected;
} corpus[] = {
	{ "ftp stream tcp nowait root /usr/sbin/in.ftpd in.ftpd -l",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/usr/sbin/in.ftpd groups=yes argv0=in.ftpd server_args=-l\n" },
	{ "ftp\tstream\ttcp\tnowait\troot\t/usr/sbin/tcpd\tin.ftpd -l -a",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/usr/sbin/tcpd groups=yes argv0=in.ftpd server_args=-l|-a\n" },
	{ "ftp   stream \t tcp  nowait\t\troot   /usr/sbin/tcpd    /usr/sbin/in.ftpd",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/usr/sbin/tcpd groups=yes argv0=/usr/sbin/in.ftpd\n" },
	{ "ftp stream tcp nowait root /usr/sbin/in.ftpd in.ftpd -l\r\n",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/usr/sbin/in.ftpd groups=yes argv0=in.ftpd server_args=-l\n" },
	{ "ftp stream tcp nowait root /usr/sbin/in.ftpd in.ftpd -l   ",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/usr/sbin/in.ftpd groups=yes argv0=in.ftpd server_args=-l\n" },
	{ "ftp stream tcp nowait root /usr/sbin/in.ftpd",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/usr/sbin/in.ftpd groups=yes\n" },
	{ " ftp stream tcp nowait root /bin/cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "tftp dgram udp wait nobody /usr/sbin/tcpd in.tftpd -s /srv/tftp",
	  "tftp/udp: protocol=udp name=tftp socket_type=dgram wait=yes user=nobody server=/usr/sbin/tcpd groups=yes argv0=in.tftpd server_args=-s|/srv/tftp\n" },
	{ "talk dgram udp nowait nobody.tty /usr/sbin/in.talkd in.talkd",
	  "talk/udp: protocol=udp name=talk socket_type=dgram wait=no user=nobody.tty server=/usr/sbin/in.talkd groups=yes argv0=in.talkd\n" },
	{ "swat stream tcp nowait.400 root /usr/sbin/swat swat",
	  "swat/tcp: protocol=tcp name=swat socket_type=stream wait=no cpm=400|10 user=root server=/usr/sbin/swat groups=yes argv0=swat\n" },
	{ "# ftp stream tcp nowait root /bin/cat cat",
	  "" },
	{ "#<off># ftp stream tcp nowait root /bin/cat cat",
	  "" },
	{ "#<off>#ftp\tstream\ttcp\tnowait\troot\t/bin/cat cat",
	  "" },
	{ "   # indented",
	  "" },
	{ "\t\n \n\r\n",
	  "" },
	{ "",
	  "" },
	{ "#:STANDARD: These are standard services.",
	  "" },
	{ "ftp stream tcp nowait root /bin/cat cat # not one",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=#|not|one\n"
	  "1: warning: '#' does not begin a comment here: it is one of the arguments\n" },
	{ "#@ ipsec esp/transport//require\nftp stream tcp nowait root /bin/cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: warning: a policy of IPsec is not set by usherd; ip-xfrm(8) sets it for ports\n" },
	{ "#@\nftp stream tcp nowait root /bin/cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "#@ # a comment all the same",
	  "1: warning: a policy of IPsec is not set by usherd; ip-xfrm(8) sets it for ports\n" },
	{ "ftp stream tcp nowait\n\troot /bin/cat cat -a",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=-a\n" },
	{ "ftp stream tcp\n nowait root\n /bin/cat cat\n -a\n -b",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=-a|-b\n" },
	{ "ftp stream tcp nowait root /bin/cat cat\r\n\t-a\r\n",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=-a\n" },
	{ "ftp stream tcp nowait root /bin/cat\n\n\t-a",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "-a: -\n"
	  "3: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 1 field, of which the first is '-a'; the service is left out\n" },
	{ "ftp stream tcp nowait root /bin/cat cat\n  # comment\nssh stream tcp nowait root /bin/cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "ftp stream tcp nowait root /bin/cat cat\n ssh stream tcp nowait root /bin/cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=ssh|stream|tcp|nowait|root|/bin/cat\n"
	  "2: warning: this looks like an entry, but begins with a blank: it goes on with the one above\n" },
	{ "21 stream tcp nowait root /bin/cat cat",
	  "21/tcp: protocol=tcp port=21 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "65536 stream tcp nowait root /bin/cat cat",
	  "65536/tcp: protocol=tcp port=65536 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "3com-tsmux stream tcp nowait root /bin/cat cat",
	  "3com-tsmux/tcp: protocol=tcp name=3com-tsmux socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "FTP stream tcp nowait root /bin/cat cat",
	  "FTP/tcp: protocol=tcp name=FTP socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "pop-3 stream tcp nowait root /bin/cat cat",
	  "pop-3/tcp: protocol=tcp name=pop-3 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1:ftp stream tcp nowait root /bin/cat cat",
	  "127.0.0.1:ftp/tcp: protocol=tcp name=ftp bind=127.0.0.1 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "*:ftp stream tcp nowait root /bin/cat cat",
	  "*:ftp/tcp: protocol=tcp name=ftp bind=* socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "10.0.0.1,10.0.0.2:ftp stream tcp nowait root /bin/cat cat",
	  "10.0.0.1,10.0.0.2:ftp/tcp: protocol=tcp name=ftp bind=10.0.0.1|10.0.0.2 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "[::1]:ftp stream tcp6 nowait root /bin/cat cat",
	  "[::1]:ftp/tcp6: protocol=tcp name=ftp bind=::1 flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "::1:ftp stream tcp6 nowait root /bin/cat cat",
	  "::1:ftp/tcp6: protocol=tcp name=ftp bind=::1 flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "[::1],127.0.0.1:8021 stream tcp nowait root /bin/cat cat",
	  "[::1],127.0.0.1:8021/tcp: protocol=tcp port=8021 bind=::1|127.0.0.1 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "@localhost:ftp stream tcp nowait root /bin/cat cat",
	  "@localhost:ftp/tcp: protocol=tcp name=ftp bind=localhost socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "localhost:ftp stream tcp4 nowait root /bin/cat cat",
	  "localhost:ftp/tcp4: protocol=tcp name=ftp bind=localhost flags=IPv4 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1,:ftp stream tcp nowait root /bin/cat cat",
	  "127.0.0.1,:ftp/tcp: -\n"
	  "1: error: an address is empty; the service is left out\n" },
	{ ":ftp stream tcp nowait root /bin/cat cat",
	  ":ftp/tcp: -\n"
	  "1: error: an address is empty; the service is left out\n" },
	{ "127.0.0.1: stream tcp nowait root /bin/cat cat",
	  "127.0.0.1:/tcp: -\n"
	  "1: error: the name of the service is empty; the service is left out\n" },
	{ "127.0.0.1:\nftp stream tcp nowait root /bin/cat cat",
	  "127.0.0.1:ftp/tcp: protocol=tcp name=ftp bind=127.0.0.1 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1:\n*:\nftp stream tcp nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1:\n10.0.0.1:ftp stream tcp nowait root /bin/cat cat",
	  "10.0.0.1:ftp/tcp: protocol=tcp name=ftp bind=10.0.0.1 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1:\n*:ftp stream tcp nowait root /bin/cat cat",
	  "*:ftp/tcp: protocol=tcp name=ftp bind=* socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "  127.0.0.1:\nftp stream tcp nowait root /bin/cat cat",
	  "127.0.0.1:ftp/tcp: protocol=tcp name=ftp bind=127.0.0.1 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1,::1:\nftp stream tcp nowait root /bin/cat cat\ntime dgram udp wait root internal",
	  "127.0.0.1,::1:ftp/tcp: protocol=tcp name=ftp bind=127.0.0.1|::1 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "127.0.0.1,::1:time/udp: protocol=udp name=time bind=127.0.0.1|::1 socket_type=dgram wait=yes user=root internal=time\n" },
	{ "127.0.0.1:\n/run/s stream unix nowait root /bin/cat cat",
	  "/run/s: protocol=unix bind=/run/s socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp dgram tcp nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=dgram wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "x raw icmp wait root /bin/cat cat",
	  "x/icmp: protocol=icmp name=x socket_type=raw wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "x rdm tcp wait root /bin/cat cat",
	  "x/tcp: -\n"
	  "1: error: socket type: 'rdm' is not served: no protocol of IP has it; the service is left out\n" },
	{ "x seqpacket tcp wait root /bin/cat cat",
	  "x/tcp: protocol=tcp name=x socket_type=seqpacket wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp STREAM tcp nowait root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: socket type: expected stream, dgram, raw or seqpacket, got 'STREAM'; the service is left out\n" },
	{ "ftp strem tcp nowait root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: socket type: expected stream, dgram, raw or seqpacket, got 'strem'; the service is left out\n" },
	{ "http stream:httpready tcp nowait root /bin/cat cat",
	  "http/tcp: protocol=tcp name=http socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: socket type: the filter 'httpready' is not applied\n" },
	{ "http stream/accf tcp nowait root /bin/cat cat",
	  "http/tcp: protocol=tcp name=http socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: socket type: the filter 'accf' is not applied\n" },
	{ "ftp stream tcp4 nowait root /bin/cat cat",
	  "ftp/tcp4: protocol=tcp name=ftp flags=IPv4 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp6 nowait root /bin/cat cat",
	  "ftp/tcp6: protocol=tcp name=ftp flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp46 nowait root /bin/cat cat",
	  "ftp/tcp46: protocol=tcp name=ftp flags=IPv4|IPv6 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp6only nowait root /bin/cat cat",
	  "ftp/tcp6only: protocol=tcp name=ftp flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp4 wait root /bin/cat cat",
	  "tftp/udp4: protocol=udp name=tftp flags=IPv4 socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp6 wait root /bin/cat cat",
	  "tftp/udp6: protocol=udp name=tftp flags=IPv6 v6only=yes socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp46 wait root /bin/cat cat",
	  "tftp/udp46: protocol=udp name=tftp flags=IPv4|IPv6 socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp6only wait root /bin/cat cat",
	  "tftp/udp6only: protocol=udp name=tftp flags=IPv6 v6only=yes socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream TCP nowait root /bin/cat cat",
	  "ftp: -\n"
	  "1: error: protocol: expected tcp or udp (with 4, 6 or 46 behind it, or rpc/ before it), unix or one of the protocols database, got 'TCP'; the service is left out\n" },
	{ "ftp stream sctp nowait root /bin/cat cat",
	  "ftp/sctp: protocol=sctp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp/faith nowait root /bin/cat cat",
	  "ftp: -\n"
	  "1: error: protocol: expected tcp or udp (with 4, 6 or 46 behind it, or rpc/ before it), unix or one of the protocols database, got 'tcp/faith'; the service is left out\n" },
	{ "ftp stream tcp,sndbuf=64k nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: the sizes of buffers are left to the kernel, which fits them to each connection\n" },
	{ "ftp stream tcp,rcvbuf=16384,sndbuf=1m nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: the sizes of buffers are left to the kernel, which fits them to each connection\n" },
	{ "ftp stream tcp,nodelay nowait root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: protocol: expected sndbuf=SIZE or rcvbuf=SIZE behind the comma, got 'nodelay'; the service is left out\n" },
	{ "ftp stream tcp nowait root /bin/cat cat\nftp stream tcp6 nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat flags=IPv4\n"
	  "ftp/tcp6: protocol=tcp name=ftp flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp6 nowait root /bin/cat cat\nftp stream tcp nowait root /bin/cat cat",
	  "ftp/tcp6: protocol=tcp name=ftp flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat flags=IPv4\n" },
	{ "ftp stream tcp46 nowait root /bin/cat cat\nftp stream tcp6 nowait root /bin/cat cat",
	  "ftp/tcp46: protocol=tcp name=ftp flags=IPv4|IPv6 socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "ftp/tcp6: protocol=tcp name=ftp flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait root /bin/cat cat\nssh stream tcp6 nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "ssh/tcp6: protocol=tcp name=ssh flags=IPv6 v6only=yes socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait root /bin/cat cat\nftp stream tcp nowait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "rstatd/1-3 dgram rpc/udp wait root /usr/sbin/rpc.rstatd rpc.rstatd",
	  "rstatd/1-3/udp: protocol=udp type=RPC name=rstatd rpc_version=1-3 socket_type=dgram wait=yes user=root server=/usr/sbin/rpc.rstatd groups=yes argv0=rpc.rstatd\n" },
	{ "rusersd/2 dgram rpc/udp wait root /bin/cat cat",
	  "rusersd/2/udp: protocol=udp type=RPC name=rusersd rpc_version=2 socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "100002/2-3 dgram rpc/udp wait root /bin/cat cat",
	  "100002/2-3/udp: protocol=udp type=RPC rpc_number=100002 rpc_version=2-3 socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "mountd/1,3 stream rpc/tcp wait root /bin/cat cat",
	  "mountd/1,3/tcp: protocol=tcp type=RPC name=mountd rpc_version=1,3 socket_type=stream wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "mountd/1 stream rpc/tcp6 wait root /bin/cat cat",
	  "mountd/1/tcp6: protocol=tcp type=RPC name=mountd rpc_version=1 flags=IPv6 v6only=yes socket_type=stream wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "mountd stream rpc/tcp wait root /bin/cat cat",
	  "mountd/tcp: -\n"
	  "1: error: an RPC service is NAME/VERSION or NAME/FIRST-LAST, not 'mountd'; the service is left out\n" },
	{ "mountd/ stream rpc/tcp wait root /bin/cat cat",
	  "mountd//tcp: -\n"
	  "1: error: an RPC service is NAME/VERSION or NAME/FIRST-LAST, not 'mountd/'; the service is left out\n" },
	{ "/1 stream rpc/tcp wait root /bin/cat cat",
	  "/1/tcp: -\n"
	  "1: error: an RPC service is NAME/VERSION or NAME/FIRST-LAST, not '/1'; the service is left out\n" },
	{ "mountd/1 stream rpc/unix wait root /bin/cat cat",
	  "mountd/1: -\n"
	  "1: error: protocol: expected tcp or udp (with 4, 6 or 46 behind it, or rpc/ before it), unix or one of the protocols database, got 'rpc/unix'; the service is left out\n" },
	{ "mountd/1 stream rpc wait root /bin/cat cat",
	  "mountd/1: -\n"
	  "1: error: protocol: expected tcp or udp (with 4, 6 or 46 behind it, or rpc/ before it), unix or one of the protocols database, got 'rpc'; the service is left out\n" },
	{ "127.0.0.1:mountd/1 stream rpc/tcp wait root /bin/cat cat",
	  "127.0.0.1:mountd/1/tcp: protocol=tcp type=RPC name=mountd rpc_version=1 bind=127.0.0.1 socket_type=stream wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "/run/x.sock stream unix nowait root /bin/cat cat",
	  "/run/x.sock: protocol=unix bind=/run/x.sock socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "/run/x.sock dgram unix wait root /bin/cat cat",
	  "/run/x.sock: protocol=unix bind=/run/x.sock socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ ":root:staff:0660:/run/x.sock stream unix nowait root /bin/cat cat",
	  "/run/x.sock: protocol=unix socket_owner=root socket_group=staff socket_mode=0660 bind=/run/x.sock socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ ":::0600:/run/x.sock stream unix nowait root /bin/cat cat",
	  "/run/x.sock: protocol=unix socket_mode=0600 bind=/run/x.sock socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ ":root:staff:/run/x.sock stream unix nowait root /bin/cat cat",
	  "unix: -\n"
	  "1: error: expected an absolute path for protocol unix, or :USER:GROUP:MODE:PATH, got ':root:staff:/run/x.sock'; the service is left out\n" },
	{ "x.sock stream unix nowait root /bin/cat cat",
	  "x.sock: -\n"
	  "1: error: expected an absolute path for protocol unix, or :USER:GROUP:MODE:PATH, got 'x.sock'; the service is left out\n" },
	{ "/run/long/long/long/long/long/long/long/long/long/long/long/long/long/long/x.sock stream unix nowait root /bin/cat cat",
	  "...ong/long/long/long/long/long/long/long/long/long/long/x.sock: protocol=unix bind=/run/long/long/long/long/long/long/long/long/long/long/long/long/long/long/x.sock socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp wait root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait.1 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no cpm=1|10 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait:40 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no cpm=40|10 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp wait.60 root /bin/cat cat",
	  "tftp/udp: protocol=udp name=tftp socket_type=dgram wait=yes cpm=60|10 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait/10 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no instances=10 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait/10/20 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no instances=10 per_source_cpm=20 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait/10/20/3 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no instances=10 per_source_cpm=20 per_source=3 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp wait/0/20 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=yes user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: no more than 20 starts in a minute for one client: with wait its program accepts the clients, and this limit is not kept\n" },
	{ "tftp dgram udp wait/1/20 root /bin/cat cat",
	  "tftp/udp: protocol=udp name=tftp socket_type=dgram wait=yes per_source_cpm=20 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp on protocol=tcp, wait=no, user=root, ip_max=x, exec=/bin/cat;",
	  "ftp/tcp: -\n"
	  "1: error: ip_max: expected a number, got 'x'; the service is left out\n" },
	{ "ftp stream tcp nowait/0/0/3 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no per_source=3 user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait/0 root /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp wait/1 root /bin/cat cat",
	  "tftp/udp: protocol=udp name=tftp socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n" },
	{ "tftp dgram udp wait/5 root /bin/cat cat",
	  "tftp/udp: protocol=udp name=tftp socket_type=dgram wait=yes user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: wait: one program has the socket at a time, not up to 5\n" },
	{ "ftp stream tcp nowait. root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected how often in a minute, 1 or more, got ''; the service is left out\n" },
	{ "ftp stream tcp nowait.0 root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected how often in a minute, 1 or more, got '0'; the service is left out\n" },
	{ "ftp stream tcp nowait.x root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected how often in a minute, 1 or more, got 'x'; the service is left out\n" },
	{ "ftp stream tcp nowait.-1 root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected how often in a minute, 1 or more, got '-1'; the service is left out\n" },
	{ "ftp stream tcp nowait.9999999999 root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected how often in a minute, 1 or more, got '9999999999'; the service is left out\n" },
	{ "ftp stream tcp nowait/ root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected wait or nowait, then nothing, .NUMBER, :NUMBER or /NUMBER[/NUMBER[/NUMBER]], got 'nowait/'; the service is left out\n" },
	{ "ftp stream tcp nowait/1/2/3/4 root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected wait or nowait, then nothing, .NUMBER, :NUMBER or /NUMBER[/NUMBER[/NUMBER]], got 'nowait/1/2/3/4'; the service is left out\n" },
	{ "ftp stream tcp nowait/1x root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected wait or nowait, then nothing, .NUMBER, :NUMBER or /NUMBER[/NUMBER[/NUMBER]], got 'nowait/1x'; the service is left out\n" },
	{ "ftp stream tcp waits root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected wait or nowait, then nothing, .NUMBER, :NUMBER or /NUMBER[/NUMBER[/NUMBER]], got 'waits'; the service is left out\n" },
	{ "ftp stream tcp no root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: expected wait or nowait, got 'no'; the service is left out\n" },
	{ "ftp stream tcp nowait root:daemon /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root group=daemon server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait root.daemon /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root.daemon server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait nobody/daemon /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=nobody server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: user: the login class 'daemon' has no effect\n" },
	{ "ftp stream tcp nowait nobody:nogroup/daemon /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=nobody group=nogroup server=/bin/cat groups=yes argv0=cat\n"
	  "1: warning: user: the login class 'daemon' has no effect\n" },
	{ "ftp stream tcp nowait 65534 /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=65534 server=/bin/cat groups=yes argv0=cat\n" },
	{ "ftp stream tcp nowait :daemon /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: user: expected USER, USER:GROUP or USER.GROUP; the service is left out\n" },
	{ "ftp stream tcp nowait root: /bin/cat cat",
	  "ftp/tcp: -\n"
	  "1: error: user: expected USER, USER:GROUP or USER.GROUP; the service is left out\n" },
	{ "ftp stream tcp nowait www.data /bin/cat cat",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=www.data server=/bin/cat groups=yes argv0=cat\n" },
	{ "echo stream tcp nowait root internal",
	  "echo/tcp: protocol=tcp name=echo socket_type=stream wait=no user=root internal=echo\n" },
	{ "echo dgram udp wait root internal",
	  "echo/udp: protocol=udp name=echo socket_type=dgram wait=yes user=root internal=echo\n" },
	{ "127.0.0.1:echo stream tcp nowait root internal",
	  "127.0.0.1:echo/tcp: protocol=tcp name=echo bind=127.0.0.1 socket_type=stream wait=no user=root internal=echo\n" },
	{ "discard stream tcp nowait root internal internal",
	  "discard/tcp: protocol=tcp name=discard socket_type=stream wait=no user=root internal=discard\n" },
	{ "auth stream tcp nowait root internal auth -r -f",
	  "auth/tcp: protocol=tcp name=auth socket_type=stream wait=no user=root internal=ident\n"
	  "1: warning: the arguments of an in-process service have no effect\n" },
	{ "tcpmux stream tcp nowait root internal",
	  "tcpmux/tcp: protocol=tcp name=tcpmux socket_type=stream wait=no user=root internal=tcpmux\n" },
	{ "tcpmux/hello stream tcp nowait nobody /bin/cat cat",
	  "tcpmux/hello: protocol=tcp type=TCPMUX|UNLISTED name=hello socket_type=stream wait=no user=nobody server=/bin/cat groups=yes argv0=cat\n" },
	{ "tcpmux/+hello stream tcp nowait nobody /bin/cat cat",
	  "tcpmux/+hello: protocol=tcp type=TCPMUXPLUS|UNLISTED name=hello socket_type=stream wait=no user=nobody server=/bin/cat groups=yes argv0=cat\n" },
	{ "127.0.0.1:\ntcpmux/hello stream tcp nowait nobody /bin/cat cat",
	  "127.0.0.1:tcpmux/hello: protocol=tcp type=TCPMUX|UNLISTED name=hello socket_type=stream wait=no user=nobody server=/bin/cat groups=yes argv0=cat\n" },
	{ "tcpmux/ stream tcp nowait nobody /bin/cat cat",
	  "tcpmux/: -\n"
	  "1: error: a tcpmux service needs a name behind the '/'; the service is left out\n" },
	{ "ftp stream tcp nowait root /bin/sh sh -c \"echo a b\"",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/sh groups=yes argv0=sh server_args=-c|echo a b\n" },
	{ "ftp stream tcp nowait root /bin/sh sh -c 'echo \"a\"'",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/sh groups=yes argv0=sh server_args=-c|echo \"a\"\n" },
	{ "ftp stream tcp nowait root /bin/sh sh -c 'a\\b' \"\" ''",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/sh groups=yes argv0=sh server_args=-c|a\\b||\n" },
	{ "ftp stream tcp nowait root /bin/sh sh it's a-\"b c\"",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/sh groups=yes argv0=sh server_args=it's|a-\"b|c\"\n" },
	{ "ftp stream tcp nowait root /bin/sh sh \"open\nssh stream tcp nowait root /bin/cat",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: a quote is not closed on its line; the service is left out\n" },
	{ "ftp",
	  "ftp: -\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 1 field, of which the first is 'ftp'; the service is left out\n" },
	{ "ftp stream",
	  "ftp: -\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 2 fields, of which the first is 'ftp'; the service is left out\n" },
	{ "ftp stream tcp nowait root",
	  "ftp: -\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 5 fields, of which the first is 'ftp'; the service is left out\n" },
	{ "ftp stream tcp nowait root:\nssh stream tcp nowait root /bin/cat",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 5 fields, of which the first is 'ftp'; the service is left out\n" },
	{ ":",
	  ":: -\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 1 field, of which the first is ':'; the service is left out\n" },
	{ ".include /etc/inetd.d/*\nssh stream tcp nowait root /bin/cat",
	  "1: include '/etc/inetd.d/*' -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "127.0.0.1:\n.include \"/etc/my inetd.d/*\"",
	  "2: include '/etc/my inetd.d/*' 127.0.0.1\n" },
	{ ".include",
	  ".include: -\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 1 field, of which the first is '.include'; the service is left out\n" },
	{ ".includes x",
	  ".includes: -\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 2 fields, of which the first is '.includes'; the service is left out\n" },
	{ "ftp on socktype=stream, protocol=tcp, wait=no, user=root, exec=/bin/cat, args=cat -a;",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=-a\n" },
	{ "ftp on\n\tprotocol = tcp, # a comment\n\twait = no,\n\tuser = root,\n\texec = /bin/cat,\n\targs = cat \"a b\" 'c\\td' e\\f;\n",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat server_args=a b|c\td|e\\f\n" },
	{ "ftp off protocol=tcp, wait=no, user=root, exec=/bin/cat;",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes disable=yes\n" },
	{ "echo on protocol=udp, user=root;",
	  "echo/udp: protocol=udp name=echo socket_type=dgram wait=no user=root internal=echo\n" },
	{ "echo on protocol = tcp, user = nobody;ssh on protocol=tcp,wait=no,user=root,exec=/bin/cat;",
	  "echo/tcp: protocol=tcp name=echo socket_type=stream wait=no user=nobody internal=echo\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "ftp on bind=127.0.0.1, protocol=tcp4, wait=no, user=root, group=daemon, service_max=40, ip_max=5, exec=/bin/cat;",
	  "127.0.0.1:ftp/tcp4: protocol=tcp name=ftp bind=127.0.0.1 flags=IPv4 socket_type=stream wait=no cpm=40|10 per_source_cpm=5 user=root group=daemon server=/bin/cat groups=yes\n" },
	{ "127.0.0.1:\nftp on bind=*, protocol=tcp, wait=yes, user=root, exec=/bin/cat;",
	  "*:ftp/tcp: protocol=tcp name=ftp bind=* socket_type=stream wait=yes user=root server=/bin/cat groups=yes\n" },
	{ "ftp on protocol=tcp, wait=no, user=root, exec=/bin/cat, sndbuf=4k, recvbuf=8k, acceptfilter=x, accept_max=3, ipsec=;",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: warning: 'sndbuf' has no effect\n"
	  "1: warning: 'recvbuf' has no effect\n"
	  "1: warning: 'acceptfilter' has no effect\n"
	  "1: warning: 'accept_max' has no effect\n" },
	{ "ftp on protocol=tcp, wait=maybe, user=root, exec=/bin/cat;\nssh stream tcp nowait root /bin/cat",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: wait: expected yes or no, got 'maybe'; the service is left out\n" },
	{ "ftp on protocol=tcp, wait=no, exec=/bin/cat;",
	  "ftp/tcp: -\n"
	  "1: error: not given: user; the service is left out\n" },
	{ "ftp on wait=no, user=root, exec=/bin/cat;",
	  "ftp: -\n"
	  "1: error: not given: protocol; the service is left out\n" },
	{ "ftp on protocol=tcp, user=root, exec=/bin/cat;",
	  "ftp/tcp: -\n"
	  "1: error: not given: wait; the service is left out\n" },
	{ "ftp on color=red;",
	  "ftp: -\n"
	  "1: error: unknown key 'color'; the service is left out\n" },
	{ "ftp on user=a b;",
	  "ftp: -\n"
	  "1: error: expected one value, no more and no less, of 'user'; the service is left out\n" },
	{ "ftp on user=a, user=b;",
	  "ftp: -\n"
	  "1: error: given twice: 'user'; the service is left out\n" },
	{ "ftp on protocol=tcp, user=root\nssh stream tcp nowait root /bin/cat",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: the entry has no ';'; the service is left out\n" },
	{ "ftp on protocol=tcp,\nssh on protocol=tcp, wait=no, user=root, exec=/bin/cat;",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: the entry has no ';'; the service is left out\n" },
	{ "ftp on protocol=tcp, user=root",
	  "ftp: -\n"
	  "1: error: the entry has no ';'; the service is left out\n" },
	{ "ftp on",
	  "ftp: -\n"
	  "1: error: the entry has no ';'; the service is left out\n" },
	{ "ftp on ;",
	  "ftp: -\n"
	  "1: error: not given: protocol; the service is left out\n" },
	{ "ftp on protocol tcp;\nssh stream tcp nowait root /bin/cat",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: expected '=' behind 'protocol'; the service is left out\n" },
	{ "ftp on = tcp;",
	  "ftp: -\n"
	  "1: error: expected a key before '='; the service is left out\n" },
	{ "ftp on user=\"root;\nssh stream tcp nowait root /bin/cat",
	  "ftp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes\n"
	  "1: error: a quote is not closed; the service is left out\n" },
	{ "/run/x on protocol=unix, socktype=stream, wait=no, user=root, exec=/bin/cat;",
	  "/run/x: protocol=unix bind=/run/x socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "ftp on # nothing yet\n\n  protocol\n=\ntcp\n,\nwait=no,user=root,exec=/bin/cat\n;",
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes\n" },
	{ "short line\nftp stream tcp nowait root /bin/cat cat",
	  "short: -\n"
	  "ftp/tcp: protocol=tcp name=ftp socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: error: expected 'NAME TYPE PROTOCOL WAIT USER PROGRAM [ARGUMENT...]', got 2 fields, of which the first is 'short'; the service is left out\n" },
	{ "ftp stream tcp nowait.x root /bin/cat cat\nssh stream tcp nowait root /bin/cat cat",
	  "ftp/tcp: -\n"
	  "ssh/tcp: protocol=tcp name=ssh socket_type=stream wait=no user=root server=/bin/cat groups=yes argv0=cat\n"
	  "1: error: expected how often in a minute, 1 or more, got 'x'; the service is left out\n" },
};
/* clang-format on */

struct includer {
	struct inetd_includer base;
	FILE *out;
};

static int include(struct inetd_includer *base, const char *pattern, const char *address,
		   unsigned line)
{
	const struct includer *includer = (struct includer *)base;

	(void)fprintf(includer->out, "%u: include '%s' %s\n", line, pattern,
		      address != NULL ? address : "-");
	return 0;
}

static void print_service(const struct stanza *stanza, FILE *out)
{
	(void)fprintf(out, "%s:", stanza->title);
	if (stanza->broken)
		(void)fputs(" -", out);
	for (size_t i = 0; i < stanza->count && !stanza->broken; i++) {
		const struct stanza_attribute *given = &stanza->attributes[i];

		(void)fprintf(out, " %s", given->name);
		for (size_t k = 0; k < given->values.count; k++)
			(void)fprintf(out, "%c%s", k == 0 ? '=' : '|',
				      given->values.items[k]);
	}
	(void)fputc('\n', out);
}

/* What the text is taken for; owned by the caller. */
static char *read_text(const char *text)
{
	struct includer includer = { { include }, NULL };
	struct diagnostics diagnostics = { 0 };
	struct stanzas stanzas = { 0 };
	char *copy = strdup(text);
	char *result = NULL;
	size_t size = 0;

	includer.out = open_memstream(&result, &size);
	assert_non_null(includer.out);
	assert_non_null(copy);
	assert_int_equal(
		reader_inetd(copy, "t", NULL, &includer.base, &stanzas, &diagnostics), 0);
	for (size_t i = 0; i < stanzas.count; i++) {
		assert_int_equal(stanzas.items[i].dialect, DIALECT_INETD);
		print_service(&stanzas.items[i], includer.out);
	}
	for (size_t i = 0; i < diagnostics.count; i++) {
		char line[512];

		(void)fprintf(
			includer.out, "%s\n",
			diagnostic_format(&diagnostics.items[i], line, sizeof(line)) + 2);
	}
	assert_int_equal(diagnostics.errors, 0);
	assert_int_equal(fclose(includer.out), 0);
	stanzas_done(&stanzas);
	diagnostics_done(&diagnostics);
	free(copy);
	return result;
}

static void takes_each_text_for_what_it_is(void **state)
{
	size_t failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++) {
		char *got = read_text(corpus[i].text);

		if (strcmp(got, corpus[i].expected) != 0) {
			print_error("%s\nexpected:\n%sgot:\n%s\n", corpus[i].text,
				    corpus[i].expected, got);
			failed++;
		}
		free(got);
	}
	assert_int_equal(failed, 0);
}

/* Whatever is cut off, the reader comes to an end and complains of nothing but services.
 */
static void ends_at_every_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++)
		for (size_t k = 0; k < strlen(corpus[i].text); k++) {
			char *part = strndup(corpus[i].text, k);
			char *got = read_text(part);

			free(got);
			free(part);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_each_text_for_what_it_is),
		cmocka_unit_test(ends_at_every_byte),
	};

	return cmocka_run_group_tests_name("reader_inetd", tests, NULL, NULL);
}
