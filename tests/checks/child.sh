#!/bin/sh
# usage: child.sh DIRECTORY-WITH-THE-FLOORS'-LIBRARIES
#
# What a child runs in the daemon's memory, between clone and exec, calls nothing but itself:
# no function of the C library, which might write errno or take a lock while the daemon does
# the same. Reads the symbol tables. Skips for instrumented builds, and for processors on
# which children have a copy of the memory (src/exec/raw.h).
set -eu
cd "${1:?usage: child.sh DIRECTORY}"

library=libusherd_exec.a
# The files whose code runs in the child; and what compilers add by themselves, none of which
# has a state.
members='steps descriptors limits privileges'
allowed='__stack_chk_fail memset memcpy'

skip() {
	echo "skipped: $*"
	exit 77
}

command -v nm >/dev/null 2>&1 || skip "nm is not installed"
if nm "$library" 2>/dev/null | grep -qE '__(asan|ubsan|gcov|sanitizer)_'; then
	skip "an instrumented build"
fi
case $(uname -m) in
x86_64 | aarch64) ;;
*) skip "memory is not shared on this processor" ;;
esac

nm -A "$library" 2>/dev/null | awk -v members="$members" -v allowed="$allowed" '
	BEGIN {
		n = split(members, names, " ")
		for (i = 1; i <= n; i++)
			wanted[names[i]] = 1
		n = split(allowed, names, " ")
		for (i = 1; i <= n; i++)
			defined[names[i]] = 1
	}
	{
		split($1, place, ":")
		member = place[2]
		sub(/\.c\.o$/, "", member)
		if (!(member in wanted))
			next
		seen[member] = 1
		if ($(NF - 1) == "U")
			used[$NF] = used[$NF] " " member
		else
			defined[$NF] = 1
	}
	END {
		for (member in wanted)
			if (!(member in seen)) {
				print member ".c: error: not in the library: nothing was checked"
				failed = 1
			}
		for (name in used) {
			count++
			if (!(name in defined)) {
				print name ": error: called in the child, by" used[name]
				failed = 1
			}
		}
		if (!failed) print count " functions used in the child, all of them its own"
		exit failed
	}'
