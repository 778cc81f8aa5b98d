#!/bin/sh
# usage: style.sh functions|files|words|format SOURCE-DIRECTORY
#
#   functions   none is longer than 60 lines (universal-ctags counts)
#   files       none in src and include is longer than 400 lines
#   words       no forbidden function, no // comment, confuse.h only in its reader
#   format      clang-format 14 has nothing to change
#
# Exit status 77 when the tool it needs is not installed.
set -eu
what=${1:?usage: style.sh functions|files|words|format SOURCE-DIRECTORY}
cd "${2:?usage: style.sh functions|files|words|format SOURCE-DIRECTORY}"

FUNCTION_LINES=60
FILE_LINES=400
FORBIDDEN='strcpy strcat sprintf vsprintf atoi atol atoll strtok gets system popen alloca rand'
CONFUSE_READER=src/conf/reader_native.c

sources() {
	find "$@" -type f -name '*.[ch]' 2>/dev/null | LC_ALL=C sort
}

skip() {
	echo "skipped: $*"
	exit 77
}

check_functions() {
	ctags --version 2>/dev/null | grep -q 'Universal Ctags' ||
		skip "universal-ctags is not installed"
	sources src tests | ctags --languages=C --kinds-C=f --fields=+ne -L - -o - |
		awk -F '\t' -v limit="$FUNCTION_LINES" '
		/^!/ { next }
		{
			first = last = 0
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) first = substr($i, 6)
				if ($i ~ /^end:/) last = substr($i, 5)
			}
			count++
			if (last - first + 1 > limit) {
				print $2 ":" first ": error: " $1 "() has " last - first + 1 \
				      " lines, more than " limit
				failed = 1
			}
		}
		END {
			if (count == 0) { print "src: error: no function found"; exit 1 }
			if (!failed) print count " functions, none longer than " limit " lines"
			exit failed
		}'
}

check_files() {
	sources src include | xargs awk -v limit="$FILE_LINES" '
		FNR == 1 { count++ }
		FNR == limit + 1 {
			print FILENAME ": error: more than " limit " lines"
			failed = 1
		}
		END {
			if (count == 0) { print "src: error: no file found"; exit 1 }
			if (!failed) print count " files, none longer than " limit " lines"
			exit failed
		}'
}

# Looks at the code alone: what stands in comments, strings and characters is cut first.
check_words() {
	sources src include tests | xargs awk -v forbidden="$FORBIDDEN" -v reader="$CONFUSE_READER" '
		function fail(what) { print FILENAME ":" FNR ": error: " what; failed = 1 }
		function code_of(line,   out, quote, at) {
			out = ""
			while (line != "") {
				if (comment) {
					at = index(line, "*/")
					if (!at) return out
					line = substr(line, at + 2)
					comment = 0
				} else if (match(line, /\/\*|\/\/|["\047]/)) {
					out = out substr(line, 1, RSTART - 1)
					quote = substr(line, RSTART, RLENGTH)
					line = substr(line, RSTART + RLENGTH)
					if (quote == "/*") comment = 1
					else if (quote == "//") { fail("// comment"); return out }
					else line = after(line, quote)
				} else {
					return out line
				}
			}
			return out
		}
		function after(line, quote,   i, c) {
			for (i = 1; (c = substr(line, i, 1)) != ""; i++) {
				if (c == "\\") i++
				else if (c == quote) return substr(line, i + 1)
			}
			return ""
		}
		BEGIN {
			n = split(forbidden, names, " ")
			for (i = 1; i <= n; i++)
				pattern[i] = "(^|[^A-Za-z0-9_.>])" names[i] "[ \t]*\\("
		}
		FNR == 1 { comment = 0; count++ }
		/^[ \t]*#[ \t]*include/ {
			if (/<confuse\.h>/ && FILENAME != reader)
				fail("only " reader " may include confuse.h")
			next
		}
		{
			code = code_of($0)
			for (i = 1; i <= n; i++)
				if (code ~ pattern[i])
					fail("forbidden function " names[i] "()")
		}
		END {
			if (count == 0) { print "src: error: no file found"; exit 1 }
			if (!failed) print count " files without a forbidden word"
			exit failed
		}'
}

check_format() {
	for tool in clang-format-14 clang-format; do
		if "$tool" --version 2>/dev/null | grep -q 'version 14\.'; then
			sources src include tests | xargs "$tool" --dry-run -Werror
			echo "$tool has nothing to change"
			return
		fi
	done
	skip "clang-format 14 is not installed"
}

case $what in
functions | files | words | format) "check_$what" ;;
*)
	echo "style.sh: no check named '$what'" >&2
	exit 64
	;;
esac
