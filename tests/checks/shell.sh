#!/bin/sh
# usage: shell.sh SOURCE-DIRECTORY
#
# Every shell script we ship or run is read by shellcheck. Skips when that is not installed.
set -eu
cd "${1:?usage: shell.sh SOURCE-DIRECTORY}"

command -v shellcheck >/dev/null 2>&1 || {
	echo "skipped: shellcheck is not installed"
	exit 77
}
{
	find packaging tests -type f -name '*.sh'
	find packaging/sysv .ci -type f
} | LC_ALL=C sort | xargs shellcheck --severity=warning
echo "shellcheck has nothing to say"
