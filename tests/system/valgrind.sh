#!/bin/sh
# SPDX-License-Identifier: ISC
# The daemon under valgrind(1) with a light load of every kind of service, reloads, killed
# programs and a stop:
#
#     cmake -B build/valgrind -DCMAKE_BUILD_TYPE=Debug -DUSHERD_COVERAGE=ON
#     cmake --build build/valgrind --target usherd
#     USHERD=build/valgrind/src/usherd tests/system/valgrind.sh [SECONDS]
#
# USHERD_COVERAGE, because a worker's system call filter cannot be loaded under valgrind,
# and workers of such a build go without; no sanitizers. Exit status 0 if neither the
# supervisor nor a worker has made an error or lost memory; the reports are in the
# directory named.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
usherd=$(realpath "${USHERD:-build/debug/src/usherd}")
seconds=${1:-20}
reports=$(mktemp -d /tmp/usherd-valgrind.XXXXXX)
chmod 755 "$reports"

cat >"$reports/usherd" <<END
#!/bin/sh
exec valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect,possible \\
	--errors-for-leak-kinds=definite,indirect --track-fds=no --trace-children=no \\
	--error-exitcode=99 --log-file="$reports/%p.txt" "$usherd" "\$@"
END
chmod 755 "$reports/usherd"

status=0
USHERD="$reports/usherd" USHERD_TEST_DEADLINE=120 \
	python3 -B "$here/soak.py" --light "$seconds" || status=1
# Ioctls that valgrind does not know are no error of ours.
if cat "$reports"/*.txt | grep -Ev 'unhandled ioctl|spurious value errors|README_MISSING'
then
	status=1
fi
echo "reports: $reports"
exit "$status"
