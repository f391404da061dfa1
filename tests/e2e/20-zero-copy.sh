#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The host's buffer is the guest's memory: writes on either side are seen on the other without a
# message, and the physical pages are the same.
. "$(dirname "$0")/lib.sh"
guest=zero-copy
guest-start --writable "$guest" || exit 1

# The guest fills its buffer, hands it over, and then only looks at its memory.
background guest1 in_guest 120 vdmabuf-steps open 'alloc 65536 scattered' \
	'fill 0 0 65536 0x11' 'export 0' 'until 0 20000 0x22 60' 'fill 0 40001 1 0x33' \
	'until 0 65535 0x44 60' 'await released 60'
check 'the host reads what the guest wrote, and writes; the guest sees it and answers' \
	vdmabuf-steps "connect $(socket_of "$guest")" 'await frame 60' 'import rw' \
	'expect 0 0 65536 0x11' 'fill 0 20000 1 0x22' 'until 0 40001 0x33 60' \
	'fill 0 65535 1 0x44' 'release'
check 'the guest saw both of the writes at their offsets, and the release' letgo guest1

read_only() {
	background guest1 in_guest 120 vdmabuf-steps open 'alloc 8192' 'fill 0 0 8192 1' \
		'export 0' 'await released 60' 'fill 0 5000 1 2' 'export 0' 'await released 60'
	vdmabuf-steps "connect $(socket_of "$guest")" 'await frame 60' import 'expect 0 5000 1 1' \
		release 'await frame 60' 'expect 0 5000 1 2' release && letgo guest1
}
check 'a read-only import sees a write of the guest that follows it' read_only

# The page behind a guest's page: QEMU maps the guest's memory from one memfd, and below 2 GiB
# an offset in it is a guest-physical address.
host_page() {
	qemu=$(pgrep -f "guest=$guest,")
	grep memory-backend-memfd "/proc/$qemu/maps" >&2
	start=$(awk '/memory-backend-memfd/ { split($1, a, "-"); print a[1]; exit }' \
		"/proc/$qemu/maps")
	# Two halves, as a shell's numbers have a sign.
	# shellcheck disable=SC2046 # two words
	set -- $(dd if="/proc/$qemu/pagemap" bs=8 count=1 skip=$((0x$start / 4096 + $1)) 2>/dev/null |
		od -A n -t u4)
	echo "entry $*" >&2
	printf '0x%x\n' $(($1 + (($2 & 0x7fffff) << 32)))
}

# The kernel says which page it puts into the importer's address space.
same_page() {
	trace=/sys/kernel/tracing
	background guest1 in_guest 120 vdmabuf-steps open 'memfd 16384' \
		'fill 0 0 16384 0x55' 'pfn 0 8192' 'export 0' 'hold'
	within 60 said guest1 '^export' || return 1
	want=$(host_page "$(sed -n 's/^pfn //p' "$work/guest1")")
	# vmf_insert_pfn(vma, address, pfn)
	echo 'p:vdmabuf_insert vmf_insert_pfn pfn=%dx:x64' >"$trace/kprobe_events" || return 1
	echo 1 >"$trace/events/kprobes/vdmabuf_insert/enable"
	: >"$trace/trace"
	vdmabuf-steps "connect $(socket_of "$guest")" 'await frame 60' import 'expect 0 8192 1 0x55' \
		release || return 1
	echo 0 >"$trace/events/kprobes/vdmabuf_insert/enable"
	cp "$trace/trace" "$work/trace"
	echo >"$trace/kprobe_events"
	letgo guest1
	echo "wanted $want"
	cat "$work/trace"
	grep -q "pfn=$want\$" "$work/trace"
}
check 'the page that the importer gets is the page that the guest has' same_page

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
