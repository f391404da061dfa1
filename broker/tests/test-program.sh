#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The program itself, as far as it goes without the kernel module: what it prints and how it ends.
program=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
number=0

# check NAME STATUS PATTERN ARGUMENTS...: the program ends with STATUS and says PATTERN
check() {
	name=$1 status=$2 pattern=$3
	shift 3
	number=$((number + 1))
	output=$("$program" "$@" 2>&1)
	got=$?
	if [ "$got" = "$status" ] && printf '%s\n' "$output" | grep -q -e "$pattern"; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		printf '%s\n' "status $got" "$output" | sed 's/^/# /'
	fi
}

echo 1..9
sockets="--socket-path=$dir/v.vhost --consumer-socket=$dir/v.sock"
check version 0 '^vhost-user-vdmabuf [0-9]' --version
check capabilities 0 '"type": "vdmabuf"' --print-capabilities
check help 0 'socket-path=PATH' --help
check 'unknown option' 2 '^vhost-user-vdmabuf: .*--nonsense.*see --help' --nonsense
check 'no socket' 2 'one of socket-path and fd is needed'
check 'no configuration' 1 "cannot read the configuration '$dir/none'" --config="$dir/none"
# shellcheck disable=SC2086 # two words
check 'no device' 1 "there is no $dir/none; load the kernel module" $sockets --device="$dir/none"
# shellcheck disable=SC2086
check 'not a vhost device' 1 '/dev/null is not the device of the vhost_vdmabuf module' $sockets --device=/dev/null
number=$((number + 1))
if [ -z "$(ls "$dir")" ]; then
	echo "ok $number - nothing is left behind"
else
	echo "not ok $number - nothing is left behind"
fi
