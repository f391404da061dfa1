#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Many frames through a real guest: each is released once, each is accounted for, nothing grows.
. "$(dirname "$0")/lib.sh"
guest=volume
# host/volume has 100000 of them through the host's driver alone, in a tenth of the time.
frames=${VDMABUF_VOLUME_FRAMES:-5000}
guest-start "$guest" || exit 1
socket=$(socket_of "$guest")

broker_fds() {
	ls "/proc/$(pgrep -f "vhost-user-vdmabuf.*$guest")/fd" | wc -l
}

slab() {
	# Caches are trimmed first, so that what is left is in use.
	echo 3 >/proc/sys/vm/drop_caches
	awk '$1 == "SUnreclaim:" { print $2 }' /proc/meminfo
}

# volume FRAMES: three buffers, two consumers
volume() {
	vdmabuf-steps "connect $socket" "consume $1 900" >"$work/first" 2>&1 &
	first=$!
	vdmabuf-steps "connect $socket" "consume $1 900" >"$work/second" 2>&1 &
	second=$!
	within 30 two_consumers || return 1
	in_guest 1000 vdmabuf-steps open 'alloc 65536' 'alloc 65536' 'alloc 65536' \
		"cycle 3 $1 900" || return 1
	wait $first && wait $second
	status=$?
	cat "$work/first" "$work/second"
	return $status
}

two_consumers() {
	vdmabuf-recv list --json "$guest" | grep -q '"consumers" *: *3'
}

check 'a thousand frames to warm up' volume 1000
fds=$(broker_fds)
kernel=$(slab)
check "$frames frames: each released once, none unaccounted for" volume "$frames"

not_grown() {
	echo "slab: $kernel kB before, $(slab) kB after"
	[ "$(slab)" -le $((kernel + 4096)) ]
}
check 'the kernel memory in use has not grown with them' not_grown
check 'the broker has no more files open' [ "$(broker_fds)" -le "$fds" ]
check 'no page is pinned' no_pins

guest-stop "$guest"
check 'the kernel has nothing to report' no_kernel_reports
finish
