#!/bin/sh
# usage: globals.sh DIRECTORY-WITH-THE-FLOORS'-LIBRARIES
#
# No mutable variable with static storage outside log/ (the sink): state hangs off the
# struct that owns it. Reads the symbol tables, so that a static inside a function counts.
# Skips for instrumented builds, whose tools add variables of their own.
set -eu
cd "${1:?usage: globals.sh DIRECTORY}"

command -v nm >/dev/null 2>&1 || {
	echo "skipped: nm is not installed"
	exit 77
}
set -- libusherd_*.a
if nm "$@" 2>/dev/null | grep -qE '__(asan|ubsan|gcov|sanitizer)_'; then
	echo "skipped: an instrumented build"
	exit 77
fi
nm -A -f sysv "$@" 2>/dev/null | awk -F '|' '
	$7 ~ /^ *\*?(\.bss|\.data|\*COM\*)/ && $7 !~ /\.data\.rel\.ro/ && $4 ~ /OBJECT|TLS/ {
		if ($1 ~ /^libusherd_log\.a/)
			next
		print $1 ": error: mutable global (" $7 ")"
		failed = 1
	}
	$4 ~ /FUNC/ { functions++ }
	END {
		if (functions == 0) { print "error: no function found: nothing was checked"; exit 1 }
		if (!failed) print functions " functions, no mutable global outside log"
		exit failed
	}'
