#!/bin/sh
# usage: packaging/quickstart.sh run|test|build|deps [run|test]
#
#   run     install what is missing, build, serve the examples of services.d; Ctrl-C stops
#   test    install what is missing, build with assertions, run every test
#   build   install what is missing, build only
#   deps    install what `run` needs, or with the word `test` what `test` needs
#
# Plain POSIX sh: works on a bare system before anything is installed. Installing needs
# root or sudo; nothing else does. Services that come with the test programs (ftp, tftp,
# ssh servers) are neither started nor enabled.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
policy=/usr/sbin/policy-rc.d
policy_is_ours=

usage() {
	sed -n '2,7s/^# \{0,1\}//p' "$0"
}

say() {
	printf '==> %s\n' "$*"
}

die() {
	printf 'quickstart: %s\n' "$*" >&2
	exit 1
}

# as_root COMMAND...
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "these are missing, and installing them needs root or sudo: $*"
	fi
}

manager() {
	for name in apt-get dnf apk zypper pacman; do
		if command -v "$name" >/dev/null 2>&1; then
			echo "$name"
			return
		fi
	done
}

# packages MANAGER build|test: what to install, one list per manager and purpose
packages() {
	case $1:$2 in
	apt-get:build)
		echo gcc libc6-dev cmake ninja-build pkg-config libconfuse-dev libseccomp-dev \
			libcap-ng-dev uthash-dev libmicrohttpd-dev libtirpc-dev \
			libwrap0-dev netcat-openbsd curl
		;;
	apt-get:test)
		echo libcmocka-dev universal-ctags tftpd-hpa tftp-hpa git rsync vsftpd apache2-utils \
			openssh-server openssh-client busybox socat python3 iproute2 procps \
			strace \
			cvs subversion dropbear-bin inetutils-telnetd fingerd finger tcpd \
			inetutils-talkd ident2 exim4-daemon-light popa3d nagios-nrpe-server \
			nagios-nrpe-plugin haproxy bitlbee nbd-server distcc xinetd \
			rpcbind rusersd
		;;
	dnf:build)
		echo gcc cmake ninja-build pkgconf-pkg-config libconfuse-devel \
			libseccomp-devel libcap-ng-devel uthash-devel libmicrohttpd-devel libtirpc-devel nmap-ncat curl
		;;
	dnf:test)
		echo libcmocka-devel ctags tftp-server tftp git rsync vsftpd httpd-tools \
			openssh-server openssh-clients busybox socat python3 iproute procps-ng \
			strace
		;;
	apk:build)
		echo gcc musl-dev linux-headers cmake samurai pkgconf \
			confuse-dev libseccomp-dev libcap-ng-dev uthash-dev libmicrohttpd-dev \
			libtirpc-dev netcat-openbsd curl
		;;
	apk:test)
		echo cmocka-dev ctags tftp-hpa git rsync vsftpd apache2-utils openssh busybox socat \
			python3 iproute2 procps strace
		;;
	zypper:build)
		echo gcc cmake ninja pkgconf-pkg-config libconfuse-devel libseccomp-devel \
			libcap-ng-devel uthash-devel libmicrohttpd-devel libtirpc-devel \
			netcat-openbsd curl
		;;
	zypper:test)
		echo libcmocka-devel ctags tftp git rsync vsftpd apache2-utils openssh busybox socat \
			python3 iproute2 procps strace
		;;
	pacman:build)
		echo gcc cmake ninja pkgconf confuse libseccomp libcap-ng uthash \
			libmicrohttpd libtirpc openbsd-netcat curl
		;;
	pacman:test)
		echo cmocka ctags tftp-hpa git rsync vsftpd openssh busybox socat python \
			iproute2 procps-ng strace
		;;
	esac
}

# missing MANAGER PACKAGE...: those that are not installed, by name or as a command
missing() {
	name=$1
	shift
	for package in "$@"; do
		command -v "$package" >/dev/null 2>&1 && continue
		case $name in
		apt-get)
			[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ]
			;;
		dnf | zypper) rpm -q --whatprovides "$package" >/dev/null 2>&1 ;;
		apk) apk info -e "$package" >/dev/null 2>&1 ;;
		pacman) pacman -Qi "$package" >/dev/null 2>&1 ;;
		esac || echo "$package"
	done
}

install_with() {
	name=$1
	shift
	case $name in
	apt-get)
		as_root apt-get -q update </dev/null
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
			-o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 \
			install --no-install-recommends "$@" </dev/null
		;;
	dnf) as_root dnf -y --setopt=install_weak_deps=False install "$@" </dev/null ;;
	apk) as_root apk add --quiet "$@" </dev/null ;;
	zypper) as_root zypper --non-interactive install --no-recommends "$@" </dev/null ;;
	pacman) as_root pacman -S --noconfirm --needed "$@" </dev/null ;;
	esac
}

# Debian starts and enables a service as soon as its package is there: forbid the one
# while we install, undo the other afterwards.
hold_services() {
	[ "$(manager)" = apt-get ] && [ ! -e "$policy" ] || return 0
	policy_is_ours=yes
	trap release_services EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
}

release_services() {
	[ -n "$policy_is_ours" ] || return 0
	policy_is_ours=
	as_root rm -f "$policy"
	trap - EXIT INT TERM
}

disable_services() {
	command -v update-rc.d >/dev/null 2>&1 || return 0
	for pair in tftpd-hpa:tftpd-hpa vsftpd:vsftpd openssh-server:ssh rsync:rsync \
		exim4-daemon-light:exim4 nagios-nrpe-server:nagios-nrpe-server \
		haproxy:haproxy bitlbee:bitlbee nbd-server:nbd-server distcc:distcc \
		xinetd:xinetd rpcbind:rpcbind rusersd:rusersd; do
		case " $* " in
		*" ${pair%%:*} "*)
			as_root update-rc.d "${pair#*:}" disable >/dev/null 2>&1 || true
			;;
		esac
	done
}

# deps build|test...
deps() {
	name=$(manager)
	if [ -z "$name" ]; then
		say "no known package manager here; see README.md for what usherd needs"
		return
	fi
	wanted=
	for purpose in "$@"; do
		wanted="$wanted $(packages "$name" "$purpose")"
	done
	# Both lists are words to be split.
	# shellcheck disable=SC2046,SC2086
	set -- $(missing "$name" $wanted)
	[ "$#" -gt 0 ] || return 0
	say "installing $*"
	hold_services
	install_with "$name" "$@"
	disable_services "$@"
	release_services
}

build_release() {
	say "building into build/release"
	cmake --preset release
	cmake --build --preset release
}

# The examples that are on, each with the commands after `# try:` in its file.
print_services() {
	for file in services.d/*.conf; do
		grep -q '^[[:space:]]*disable[[:space:]]*=[[:space:]]*yes' "$file" && continue
		title=$(basename "$file" .conf)
		sed -n 's/^[[:space:]]*#[[:space:]]*try:[[:space:]]*//p' "$file" |
			while IFS= read -r line; do
				printf '    %-12s %s\n' "$title" "$line"
				title=
			done
	done
}

do_run() {
	# Whom the examples' programs run as: without root it can only be the caller.
	[ "$(id -u)" -eq 0 ] || export DEMO_USER="${DEMO_USER:-$(id -un)}"
	deps build
	build_release
	build/release/src/usherd -t -f "$PWD/packaging/demo.conf"
	say "usherd serves these on the loopback address; try them from a second terminal"
	print_services
	say "the configuration is packaging/demo.conf and services.d; Ctrl-C stops"
	exec build/release/src/usherd -f "$PWD/packaging/demo.conf"
}

do_test() {
	deps build test
	say "building into build/debug"
	cmake --preset debug
	cmake --build --preset debug
	say "testing"
	exec ctest --preset debug
}

case ${1:-} in
run) do_run ;;
test) do_test ;;
build)
	deps build
	build_release
	;;
deps)
	case ${2:-run} in
	run) deps build ;;
	test) deps build test ;;
	*)
		usage >&2
		exit 64
		;;
	esac
	;;
-h | --help | help) usage ;;
*)
	usage >&2
	exit 64
	;;
esac
