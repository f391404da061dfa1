#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The domains of the tests in a real libvirt, which writes their XML anew: attaching and detaching
# is the identity there as well, and what is attached is valid in libvirt's own eyes.
. "$(dirname "$0")/../../tests/e2e/lib.sh"
fixtures=$(dirname "$0")/fixtures
export LC_ALL=C.UTF-8

forget() {
	virsh -q undefine --nvram "$1" >"$work/undefine" 2>&1 || virsh -q undefine "$1"
}

# round_trip NAME: of a domain that is defined, as $work/before has it
round_trip() {
	virt-vdmabuf attach "$1" --alias screen &&
		virsh dumpxml --inactive "$1" >"$work/with" &&
		! cmp -s "$work/before" "$work/with" &&
		virsh -q define --validate "$work/with" &&
		virt-vdmabuf detach "$1" &&
		virsh dumpxml --inactive "$1" | diff "$work/before" -
}

# Files that differ in nothing that libvirt keeps, but for the UUID, are one domain to it and tried
# once.
known() {
	sed "/<uuid>/d" "$work/before" | sha256sum >"$work/sum"
	grep -q -F -f "$work/sum" "$work/sums" && return
	cat "$work/sum" >>"$work/sums"
	return 1
}

name_of() {
	xmllint --xpath 'string(/domain/name)' "$1"
}

: >"$work/sums"
for file in "$fixtures"/domains/*.xml; do
	[ -e "${file%.xml}.err" ] && continue
	title=${file##*/}
	name=$(name_of "$file")
	# Not every emulator is installed here, and some of the files are as nobody would start them.
	if ! virsh -q define "$file" >"$work/define" 2>&1; then
		tests=$((tests + 1))
		echo "ok $tests - $title # SKIP $(sed -n 2p "$work/define")"
		continue
	fi
	virsh dumpxml --inactive "$name" >"$work/before"
	known || check "attach and detach: $title" round_trip "$name"
	forget "$name"
done

finish
