#!/usr/bin/env bash
# usage: tests/bootstrap/debian12.sh
#
# Does a fresh clone work on a bare system? Makes a minimal Debian 12 (minbase and git) in
# a temporary directory, clones the last commit into it and runs there the two commands
# README gives: `run` must answer on its echo port and stop at Ctrl-C, `test` must pass.
#
# Needs root, debootstrap, and an apt mirror for bookworm, which it takes from the apt
# configuration of this system (or from $DEBIAN_MIRROR). Exit status 77: cannot be tried.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
suite=bookworm
start_seconds=420 # installing and building included
stop_seconds=20

say() {
	printf '==> bootstrap: %s\n' "$*"
}

skip() {
	say "skipped: $*"
	exit 77
}

fail() {
	say "FAILED: $*" >&2
	exit 1
}

# "URI RELEASE COMPONENT" of every bookworm index this system knows
apt_targets() {
	if [ -n "${DEBIAN_MIRROR:-}" ]; then
		printf '%s %s main\n' "$DEBIAN_MIRROR" "$suite"
	else
		apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
			'Created-By: Packages' 2>/dev/null |
			awk -v suite="$suite" '$2 ~ "^" suite "(-updates|-security)?$" && $3 == "main"' |
			LC_ALL=C sort -u
	fi
}

# Settings of this system about how a mirror is reached: proxies and dated mirrors
apt_settings() {
	apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date) ' || true
}

make_system() {
	local root=$1 mirror=$2 proxy
	proxy=$(apt-config dump | sed -n 's/^Acquire::http::Proxy "\(.*\)";$/\1/p')
	say "installing a minimal $suite"
	env ${proxy:+http_proxy="$proxy"} \
		debootstrap --variant=minbase --include=git "$suite" "$root" "$mirror" \
		>"$root.log" 2>&1 || {
		tail -n 20 "$root.log"
		fail "debootstrap"
	}
	apt_targets | sed 's/^/deb /' >"$root/etc/apt/sources.list"
	apt_settings >"$root/etc/apt/apt.conf.d/99host"
	cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	cp -L /etc/hosts "$root/etc/hosts"
	# The clone's owner may be somebody else than root.
	GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' \
		git clone -q --no-local "$top" "$root/root/usherd"
	say "testing commit $(git -C "$root/root/usherd" log -1 --format='%h %s')"
}

# The commands are README's own words, so that README cannot promise something else.
readme_command() {
	grep -m1 -oE "packaging/quickstart\.sh $2\b" "$1/root/usherd/README.md" ||
		fail "README.md does not mention 'packaging/quickstart.sh $2'"
}

inside() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" \
		LANG=C.UTF-8 chroot "$1" /bin/sh -c "cd /root/usherd && exec $2"
}

# answers PORT: does the echo service give back what it gets?
answers() {
	local line
	{
		echo ping >&3 && read -r -t 3 line <&3 && [ "$line" = ping ]
	} 3<>"/dev/tcp/127.0.0.1/$1"
} 2>/dev/null

try_run() {
	local root=$1 port pid started=$SECONDS command
	command=$(readme_command "$root" run)
	port=$(sed -n 's/^[[:space:]]*port[[:space:]]*=[[:space:]]*\([0-9]*\).*/\1/p' \
		"$root/root/usherd/services.d/echo.conf" | head -n 1)
	[ -n "$port" ] || fail "services.d/echo.conf has no port"
	! answers "$port" || fail "something else already answers on port $port"

	say "$command"
	# Job control: a process group of its own, as a terminal would give it.
	set -m
	inside "$root" "$command" </dev/null &
	pid=$!
	set +m
	until answers "$port"; do
		kill -0 "$pid" 2>/dev/null || fail "'$command' ended before it served"
		[ $((SECONDS - started)) -lt "$start_seconds" ] || fail "no answer on port $port"
		sleep 0.5
	done
	say "echo answered on port $port after $((SECONDS - started)) s; sending SIGINT"

	kill -INT -- "-$pid"
	started=$SECONDS
	while kill -0 "$pid" 2>/dev/null; do
		[ $((SECONDS - started)) -lt "$stop_seconds" ] || fail "SIGINT did not stop it"
		sleep 0.1
	done
	local status=0
	wait "$pid" || status=$?
	[ "$status" -eq 0 ] || fail "'$command' ended with status $status"
	! answers "$port" || fail "port $port still answers"
}

try_test() {
	local command
	command=$(readme_command "$1" test)
	say "$command"
	inside "$1" "$command" </dev/null || fail "'$command'"
}

# In mount and process namespaces of its own: when this ends, whatever it mounted or
# started is gone.
in_namespace() {
	local root=$1
	# A mount point, as the root of a real system is: confinement pivots away from it.
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount --rbind /sys "$root/sys"
	try_run "$root"
	try_test "$root"
	say "passed in $SECONDS s"
}

if [ "${1:-}" = --in-namespace ]; then
	in_namespace "$2"
	exit 0
fi

[ "$(id -u)" -eq 0 ] || skip "needs root"
for tool in debootstrap unshare apt-get git; do
	command -v "$tool" >/dev/null 2>&1 || skip "$tool is not installed"
done
unshare --mount --pid --fork true 2>/dev/null || skip "namespaces are not allowed here"
mirror=$(apt_targets | awk -v suite="$suite" '$2 == suite { print $1; exit }')
[ -n "$mirror" ] || skip "no apt mirror for $suite known here; set DEBIAN_MIRROR"
if [ -n "$(git -C "$top" status --porcelain 2>/dev/null)" ]; then
	say "note: uncommitted changes are not in the clone"
fi

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
make_system "$work/root" "$mirror"
say "made in $SECONDS s"
unshare --mount --propagation private --pid --fork --kill-child \
	"$0" --in-namespace "$work/root"
