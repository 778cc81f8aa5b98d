#!/bin/sh
# usage: examples.sh SOURCE-DIRECTORY USHERD
#
# The examples of services.d together are a configuration that usherd accepts, and each
# has a `# try: COMMAND` comment, which packaging/quickstart.sh prints.
set -eu
cd "${1:?usage: examples.sh SOURCE-DIRECTORY USHERD}"
usherd=${2:?usage: examples.sh SOURCE-DIRECTORY USHERD}
failed=0

for file in services.d/*.conf; do
	grep -q '^# try: .' "$file" || {
		echo "$file:1: error: has no '# try: COMMAND' comment"
		failed=1
	}
done
if [ ! -x "$(dirname "$usherd")/usherd-http" ] && [ "$failed" -eq 0 ]; then
	echo "skipped: usherd-http is not built, and http.conf needs it"
	exit 77
fi
"$usherd" -t -f packaging/demo.conf || {
	echo "packaging/demo.conf: error: refused"
	failed=1
}
[ "$failed" -ne 0 ] || echo "usherd accepts every example"
exit "$failed"
