#!/bin/sh
# usage: floors.sh SOURCE-DIRECTORY
#
# Reads the floors from src/CMakeLists.txt, one usherd_floor(...) line each, and fails for
# every #include that goes up, or sideways to a floor that is not listed after BELOW.
set -eu
cd "${1:?usage: floors.sh SOURCE-DIRECTORY}"

find src include -type f -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function fail(where, what) { print where ": error: " what; failed = 1 }
function floor_of(path) {
	sub(/^include\/usherd\//, "", path)
	sub(/^src\//, "", path)
	return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : ""
}
function exists(path,   line, answer) {
	answer = (getline line < path) >= 0
	close(path)
	return answer
}
function read_table(file,   line, words, n, i, name) {
	while ((getline line < file) > 0) {
		number++
		if (line !~ /^usherd_floor\(/)
			continue
		gsub(/^usherd_floor\(|\)[ \t]*$/, "", line)
		sub(/ LIBRARIES .*/, "", line)
		n = split(line, words, " ")
		name = words[1]
		if (name !~ /^[a-z]+$/ || (n > 1 && words[2] != "BELOW"))
			fail(file ":" number, "cannot read this line as a floor")
		for (i = 3; i <= n; i++) {
			if (!(words[i] in known))
				fail(file ":" number, "floor \047" name "\047 stands on \047" \
				     words[i] "\047, which is not declared above it")
			allowed[name, words[i]] = 1
		}
		known[name] = allowed[name, name] = 1
		floors++
	}
	if (floors < 2)
		fail(file, "no table of floors found")
}
function check(where, own, name,   other) {
	if (name ~ /^usherd\//) {
		other = floor_of("include/" name)
		if (!(other in known))
			fail(where, "\047" name "\047 belongs to no floor")
		else if (!((own, other) in allowed))
			fail(where, "floor \047" own "\047 must not include \047" name "\047")
		else if (!exists("include/" name))
			fail(where, "\047include/" name "\047 does not exist")
	} else if (name ~ /\.\.\// || !(exists(directory "/" name) || exists("src/" own "/" name))) {
		fail(where, "\047" name "\047 is not a private header of floor \047" own "\047")
	}
}
BEGIN { read_table("src/CMakeLists.txt") }
FNR == 1 {
	own = floor_of(FILENAME)
	directory = FILENAME
	sub(/\/[^\/]*$/, "", directory)
	files++
	if (!(own in known))
		fail(FILENAME, "stands on no floor of src/CMakeLists.txt")
}
/^[ \t]*#[ \t]*include[ \t]*</ && /<usherd\// { fail(FILENAME ":" FNR, "include our headers with quotes") }
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	includes++
	check(FILENAME ":" FNR, own, part[2])
}
END {
	if (includes == 0)
		fail("src", "no include found: nothing was checked")
	if (!failed)
		print files " files, " includes " includes, " floors " floors: none goes up"
	exit failed
}'
