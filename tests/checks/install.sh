#!/bin/sh
# usage: install.sh CMAKE BUILD-DIRECTORY PREFIX
#
# Installs into an empty DESTDIR and looks at what is there: every expected file with its
# mode, nothing outside DESTDIR, an existing usherd.conf kept, no unreplaced @NAME@.
set -eu
usage='usage: install.sh CMAKE BUILD-DIRECTORY PREFIX'
cmake=${1:?$usage}
build=${2:?$usage}
prefix=${3:?$usage}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT INT TERM
failed=0

fail() {
	echo "error: $*"
	failed=1
}

install_it() {
	DESTDIR="$tree" "$cmake" --install "$build" >"$tree.log" 2>&1 || {
		cat "$tree.log"
		rm -f "$tree.log"
		exit 1
	}
	rm -f "$tree.log"
}

umask 022
install_it

while read -r mode file; do
	[ -n "$mode" ] || continue
	if [ ! -e "$tree$file" ]; then
		fail "$file is not installed"
	elif [ "$(stat -c %a "$tree$file")" != "$mode" ]; then
		fail "$file has mode $(stat -c %a "$tree$file"), not $mode"
	fi
done <<END
755 $prefix/sbin/usherd
$([ ! -x "$build/src/usherd-http" ] || echo "755 $prefix/libexec/usherd/usherd-http")
$([ ! -x "$build/src/usherd-rpc" ] || echo "755 $prefix/libexec/usherd/usherd-rpc")
$([ ! -x "$build/src/usherd-libwrap" ] || echo "755 $prefix/libexec/usherd/usherd-libwrap")
644 /etc/usherd.conf
755 /etc/usherd.d
644 /etc/usherd.d/README
755 /etc/init.d/usherd
644 $prefix/lib/systemd/system/usherd.service
644 $prefix/share/man/man8/usherd.8
644 $prefix/share/man/man5/usherd.conf.5
644 $prefix/share/man/man7/usherd-inetd.7
644 $prefix/share/doc/usherd/examples/echo.conf
644 $prefix/share/doc/usherd/README.md
END

outside=$(cd "$tree" && find . -type f ! -path ".$prefix/*" ! -path './etc/*')
[ -z "$outside" ] || fail "installed outside $prefix and /etc: $outside"
unreplaced=$(grep -rIlE '@[A-Z_]{3,}@' "$tree" || true)
[ -z "$unreplaced" ] || fail "unreplaced names in $unreplaced"

sh -n "$tree/etc/init.d/usherd" || fail "/etc/init.d/usherd is no shell script"
"$tree$prefix/sbin/usherd" -t -f "$tree/etc/usherd.conf" || fail "the installed usherd.conf is refused"
if command -v systemd-analyze >/dev/null 2>&1; then
	sed "s|^\(Exec[A-Za-z]*=\)$prefix|\1$tree$prefix|" "$tree$prefix/lib/systemd/system/usherd.service" \
		>"$tree/usherd.service"
	warnings=$(systemd-analyze verify --man=no "$tree/usherd.service" 2>&1 |
		grep 'usherd\.service' || true)
	[ -z "$warnings" ] || fail "systemd-analyze: $warnings"
fi

echo '# mine' >"$tree/etc/usherd.conf"
install_it
[ "$(cat "$tree/etc/usherd.conf")" = '# mine' ] || fail "an existing usherd.conf was overwritten"

[ "$failed" -ne 0 ] || (cd "$tree" && find . -type f | LC_ALL=C sort)
exit "$failed"
