#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit tests under AddressSanitizer (with its search for leaks) and UBSan.
. "$(dirname "$0")/common.sh"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:strict_string_checks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
check 'meson configures' configure "$BUILD/sanitizers" -Db_sanitize=address,undefined \
	-Db_lundef=false --buildtype=debug
check 'everything compiles' ninja -C "$BUILD/sanitizers"
unit_tests "$BUILD/sanitizers"
finish
