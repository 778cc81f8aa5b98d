#!/bin/sh
# The manual pages against mandoc's lint, and usherd(8) against the program's own --help.
# usage: manual.sh SOURCE-DIRECTORY USHERD
set -eu
source=${1:?usage: manual.sh SOURCE-DIRECTORY USHERD}
usherd=${2:?usage: manual.sh SOURCE-DIRECTORY USHERD}
command -v mandoc >/dev/null 2>&1 || {
	echo "mandoc is not installed"
	exit 77
}
status=0
for page in "$source"/packaging/man/*.[1-8]; do
	mandoc -T lint -W warning "$page" || status=1
done

# Every option of --help has an entry, "Fl , -name", and every entry is an option.
"$usherd" --help | sed -n 's/^ .* *--\([a-z-]*\).*/\1/p' | sort >"${TMPDIR:-/tmp}/options.$$"
sed -n 's/^\.It Fl \(. , \)\{0,1\}-\([a-z-]*\).*/\2/p' "$source/packaging/man/usherd.8" |
	sort >"${TMPDIR:-/tmp}/entries.$$"
diff "${TMPDIR:-/tmp}/options.$$" "${TMPDIR:-/tmp}/entries.$$" || {
	echo "usherd(8) (>) and --help (<) do not list the same options"
	status=1
}
rm -f "${TMPDIR:-/tmp}/options.$$" "${TMPDIR:-/tmp}/entries.$$"
exit $status
