#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# test-packaging.sh BROKER UNIT PROFILE FRAGMENT: what systemd, AppArmor and udev say of the files that
# are for them. Each check is skipped where its program is not there.
broker=$(realpath "$1")
unit=$2
profile=$3
fragment=$4
here=$(dirname "$0")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0
PATH=$PATH:/usr/sbin:/sbin

# check PROGRAM DESCRIPTION COMMAND...
check() {
	program=$1 what=$2
	shift 2
	number=$((number + 1))
	if ! command -v "$program" >/dev/null; then
		echo "ok $number - $what # SKIP no $program"
	elif "$@" >"$work/said" 2>&1; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		sed 's/^/# /' "$work/said"
	fi
}

# An instance, with a program that is there
instance=$work/vhost-user-vdmabuf@web-vdmabuf0.service
sed "s|^ExecStart=:[^ ]*|ExecStart=:$broker|; /^Documentation=/d" "$unit" >"$instance"

verified() {
	systemd-analyze verify "$instance" >"$work/verify" 2>&1
	cat "$work/verify"
	! grep -q "${instance##*/}\|${unit##*/}" "$work/verify"
}

# Exposure in tenths, of 100
confined() {
	systemd-analyze security --no-pager --offline=true --threshold=20 "$instance"
}

compiled() {
	apparmor_parser --skip-kernel-load --skip-cache --names "$profile" &&
		apparmor_parser --skip-kernel-load --skip-cache "$profile"
}

# As libvirt's profiles include it
included() {
	printf 'abi <abi/4.0>,\nprofile guest flags=(attach_disconnected) {\n%s\n}\n' \
		"$(cat "$fragment")" >"$work/guest"
	apparmor_parser --skip-kernel-load --skip-cache "$work/guest"
}

users() {
	mkdir -p "$work/root/etc"
	systemd-sysusers --root="$work/root" "$here/sysusers/vdmabuf.conf" &&
		grep -q '^vdmabuf:' "$work/root/etc/passwd" &&
		grep -q '^vdmabuf:' "$work/root/etc/group"
}

folders() {
	sed 's/ root root / - - /' "$here/tmpfiles/vdmabuf.conf" >"$work/tmpfiles.conf"
	systemd-tmpfiles --root="$work/root" --create "$work/tmpfiles.conf" &&
		[ "$(stat -c %a "$work/root/run/vdmabuf")" = 755 ]
}

echo 1..7
check systemd-analyze 'the unit has no mistake' verified
check systemd-analyze 'its exposure is 2.0 or better' confined
check apparmor_parser "the broker's profile compiles" compiled
check apparmor_parser "what guests' profiles include compiles" included
check systemd-sysusers 'there is a user for brokers' users
check systemd-tmpfiles 'there is a directory for them' folders
check udevadm 'the rules have no mistake' udevadm verify --resolve-names=never "$here"/udev/*.rules
