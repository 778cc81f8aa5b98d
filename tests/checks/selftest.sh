#!/bin/sh
# usage: selftest.sh SOURCE-DIRECTORY
#
# A check that cannot fail is worth nothing: builds a small tree, lets every check pass it,
# then breaks one rule at a time and expects the check to fail and to name the place.
set -eu
checks=${1:?usage: selftest.sh SOURCE-DIRECTORY}/tests/checks
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT INT TERM
failed=0

fresh_tree() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/src/base" "$tree/src/upper" "$tree/src/beside" \
		"$tree/include/usherd/base" "$tree/include/usherd/upper" \
		"$tree/include/usherd/beside" "$tree/tests"
	printf 'usherd_floor(base)\nusherd_floor(upper BELOW base LIBRARIES x)\nusherd_floor(beside BELOW base)\n' \
		>"$tree/src/CMakeLists.txt"
	for floor in base upper beside; do
		printf '#include <stddef.h>\nstruct %s {\n\tint a;\n};\n' "$floor" \
			>"$tree/include/usherd/$floor/$floor.h"
		sed -i "1i #ifndef H_$floor\n#define H_$floor" "$tree/include/usherd/$floor/$floor.h"
		echo '#endif' >>"$tree/include/usherd/$floor/$floor.h"
		printf '/* strcpy(a, b) and // here are words, not code */\n#include "usherd/base/base.h"\n\nint %s_f(void)\n{\n\treturn sizeof("system(\\"//\\")");\n}\n' \
			"$floor" >"$tree/src/$floor/$floor.c"
	done
}

# expect pass|fail TEXT CHECK...: the check's exit status, and what it must print
expect() {
	wanted=$1
	text=$2
	shift 2
	status=0
	output=$("$@" "$tree" 2>&1) || status=$?
	if [ "$status" -eq 77 ]; then
		echo "not tried: $*: $output"
		return
	fi
	case $wanted:$status in
	pass:0 | fail:1 | fail:123) ;;
	*)
		echo "error: '$*' must $wanted, but its status is $status: $output"
		failed=1
		return
		;;
	esac
	case $output in
	*"$text"*) ;;
	*)
		echo "error: '$*' must say '$text', but says: $output"
		failed=1
		;;
	esac
}

floors="$checks/floors.sh"
fresh_tree
expect pass "none goes up" "$floors"
expect pass "compile alone" "$checks/headers.sh"
expect pass "functions, none" "$checks/style.sh" functions
expect pass "files, none" "$checks/style.sh" files
expect pass "without a forbidden word" "$checks/style.sh" words

echo '#include "usherd/upper/upper.h"' >>"$tree/src/base/base.c"
expect fail "src/base/base.c:8: error: floor 'base' must not include" "$floors"

fresh_tree
echo '#include "usherd/beside/beside.h"' >>"$tree/include/usherd/upper/upper.h"
expect fail "floor 'upper' must not include 'usherd/beside/beside.h'" "$floors"

fresh_tree
echo '#include "../base/secret.h"' >>"$tree/src/upper/upper.c"
expect fail "is not a private header of floor 'upper'" "$floors"

fresh_tree
mkdir "$tree/src/cellar"
echo >"$tree/src/cellar/cellar.c"
expect fail "src/cellar/cellar.c: error: stands on no floor" "$floors"

fresh_tree
echo 'usherd_floor(low BELOW roof)' >>"$tree/src/CMakeLists.txt"
expect fail "floor 'low' stands on 'roof'" "$floors"

fresh_tree
echo 'size_t f(FILE *file);' >>"$tree/include/usherd/base/base.h"
expect fail "does not compile alone" "$checks/headers.sh"

fresh_tree
{
	printf 'int long_one(void)\n{\n'
	seq 1 58 | sed 's/.*/\t;/'
	echo '}'
} >>"$tree/src/base/base.c"
expect fail "long_one() has 61 lines" "$checks/style.sh" functions

fresh_tree
seq 1 401 | sed 's/.*/ /' >"$tree/src/base/base.c"
expect fail "more than 400 lines" "$checks/style.sh" files

for word in 'strcpy(a, b);' 'int x; // note' 'x = atoi (y);' '#include <confuse.h>'; do
	fresh_tree
	echo "$word" >>"$tree/src/upper/upper.c"
	expect fail "src/upper/upper.c:8: error:" "$checks/style.sh" words
done

fresh_tree
cp "$checks/../../.clang-format" "$tree/"
echo 'int  badly_spaced ( void ) ;' >>"$tree/src/upper/upper.c"
expect fail "upper.c:8" "$checks/style.sh" format

# The library of exec/ with a function in each file of the child that returns $1.
make_child() {
	fresh_tree
	for member in steps descriptors limits privileges; do
		printf '#include <unistd.h>\nint %s(void);\nint %s(void)\n{\n\treturn %s;\n}\n' \
			"$member" "$member" "$1" >"$tree/$member.c"
		cc -c -o "$tree/$member.c.o" "$tree/$member.c"
	done
	(cd "$tree" && ar rc libusherd_exec.a ./*.c.o)
}

if command -v cc >/dev/null 2>&1 && command -v ar >/dev/null 2>&1; then
	make_child 0
	expect pass "all of them its own" "$checks/child.sh"
	make_child '(int)syscall(1)'
	expect fail "syscall: error: called in the child, by" "$checks/child.sh"
	rm "$tree/libusherd_exec.a" "$tree/limits.c.o"
	(cd "$tree" && ar rc libusherd_exec.a ./*.c.o)
	expect fail "limits.c: error: not in the library" "$checks/child.sh"
else
	echo "not tried: child.sh: no compiler"
fi

[ "$failed" -eq 0 ] && echo "every check passes a good tree and fails a bad one"
exit "$failed"
