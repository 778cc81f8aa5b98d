#!/bin/sh
# usage: headers.sh SOURCE-DIRECTORY
#
# Every header compiles alone, and twice in a row, with gcc and with clang where they are
# installed. Skips when there is neither.
set -eu
cd "${1:?usage: headers.sh SOURCE-DIRECTORY}"

compilers=
for compiler in gcc clang; do
	if command -v "$compiler" >/dev/null 2>&1; then
		compilers="$compilers $compiler"
	else
		echo "not checked with $compiler: not installed"
	fi
done
if [ -z "$compilers" ]; then
	exit 77
fi

count=0
failed=0
for header in $(find include src -name '*.h' | LC_ALL=C sort); do
	count=$((count + 1))
	for compiler in $compilers; do
		printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
			"$compiler" -std=c11 -D_GNU_SOURCE -DUSHERD_VERSION='""' \
				-DUSHERD_SYSCONFDIR='""' -Wall -Wextra -Werror -Iinclude -I. \
				-fsyntax-only -x c - || {
			echo "$header: error: does not compile alone with $compiler"
			failed=1
		}
	done
done
if [ "$count" -eq 0 ]; then
	echo "include: error: no header found: nothing was checked"
	exit 1
fi
if [ "$failed" -eq 0 ]; then
	echo "$count headers compile alone with$compilers"
fi
exit "$failed"
