#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every fuzzer of tests/fuzz for a short time, with ASan and UBSan: over the inputs of its corpus,
# and over what becomes of them. $FUZZ_RUNS and $FUZZ_SECONDS are for a longer one.
. "$(dirname "$0")/common.sh"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:strict_string_checks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
found=$(mktemp -d)

# fuzz NAME
fuzz() {
	new=$(mktemp -d)
	"$BUILD/fuzz/tests/fuzz/fuzz-$1" -runs="${FUZZ_RUNS:-20000}" \
		-max_total_time="${FUZZ_SECONDS:-20}" -timeout=25 -rss_limit_mb=1024 \
		-artifact_prefix="$found/" "$new" "/src/tests/fuzz/corpus/$1"
	status=$?
	for input in "$found"/*; do
		[ -e "$input" ] && echo "$input:" && base64 "$input"
	done
	rm -rf "$new" "$found"/*
	return $status
}

export CC=clang
check 'meson configures' configure "$BUILD/fuzz" -Dfuzz=enabled -Db_sanitize=address,undefined \
	-Db_lundef=false --buildtype=debugoptimized
check 'the fuzzers compile' ninja -C "$BUILD/fuzz" fuzzers
for source in /src/tests/fuzz/fuzz-*.c; do
	name=${source##*/fuzz-}
	check "fuzz: ${name%.c}" fuzz "${name%.c}"
done
finish
