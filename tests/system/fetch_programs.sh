#!/bin/sh
# usage: tests/system/fetch_programs.sh [DIRECTORY]
#
# Programs of Debian for test_programs.py and others (fetched.py finds them) that cannot be
# installed beside one another, or that nobody wants installed for a test: their packages
# are downloaded and unpacked into DIRECTORY, build/programs unless it or USHERD_PROGRAMS
# says otherwise, with the libraries they need. Nothing is installed, configured or started,
# nothing is written elsewhere, and no rights are needed. The directory is replaced, in one
# piece, if it was made for another list of programs.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
directory=${1:-${USHERD_PROGRAMS:-$top/build/programs}}
programs="proftpd-core pure-ftpd inetutils-ftpd oidentd mailutils-imap4d mailutils-pop3d
	amanda-client atftpd leafnode micro-httpd talkd openbsd-inetd inetutils-inetd"
# What holds a program or library of one of those without being named lib...
helpers="amanda-common guile-3.0-libs"

say() {
	printf '==> %s\n' "$*"
}

# wanted PACKAGE: it, and the libraries that an installation of it would bring
wanted() {
	printf '%s\n' "$1"
	apt-get -s -q --no-install-recommends install "$1" 2>/dev/null |
		awk -v helpers=" $helpers " '$1 == "Inst" && ($2 ~ /^lib/ && $2 !~ /perl/ ||
			index(helpers, " " $2 " ")) { print $2 }'
}

unpack_all() {
	for program in $programs; do
		wanted "$program"
	done | sort -u >packages
	# apt would leave its own user no right to the directory of another.
	xargs apt-get -q -o APT::Sandbox::User=root download <packages
	for package in *.deb; do
		dpkg-deb -x "$package" root
	done
	rm -rf root/usr/share root/usr/lib/*/guile root/var
	# For users other than the one who calls, whatever his mask.
	chmod -R u+w,a+rX root
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	say "no apt-get and dpkg-deb here: no further programs for the tests"
	exit 0
fi
if [ "$(cat "$directory/programs" 2>/dev/null)" = "$programs" ]; then
	say "$directory is there"
	exit 0
fi
mkdir -p "$(dirname "$directory")"
work=$(mktemp -d "$directory.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"
unpack_all >log 2>&1 || {
	cat log
	say "the packages cannot be downloaded; the tests that need them are skipped"
	exit 1
}
printf '%s\n' "$programs" >root/programs
rm -rf "$directory"
mv root "$directory"
say "$(find "$directory" -type f | wc -l) files of $(wc -l <packages) packages in $directory"
