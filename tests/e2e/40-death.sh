#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Each party dies in turn: the others are told and go on, no page stays pinned, and the device
# works again.
. "$(dirname "$0")/lib.sh"
guest=death
guest-start --writable "$guest" || exit 1
socket=$(socket_of "$guest")

# A buffer makes its way, whatever happened before.
works() {
	# A guest takes its time to see what was plugged.
	within 60 in_guest 10 test -e /dev/virtio-vdmabuf || return 1
	in_guest 60 vdmabuf-steps open 'alloc 8192' 'fill 0 0 8192 0x7e' 'export 0' \
		'await released 60' >"$work/works" 2>&1 &
	vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 8192 0x7e' release &&
		wait $!
	status=$?
	cat "$work/works"
	return $status
}
check 'the device works' works

# The producer
producer_killed() {
	background host1 vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 4096 9' \
		'await gone 60' 'expect 0 0 4096 9' hold
	background guest2 in_guest 60 vdmabuf-steps open 'alloc 4096' 'fill 0 0 4096 9' \
		'export 0' hold
	within 60 said host1 '^expect' || return 1
	in_guest 20 pkill -KILL vdmabuf-steps
	letgo guest2
	within 60 said host1 '^hold' && letgo host1
}
check 'a producer is killed: its consumer is told, and what it imported stays readable' \
	producer_killed
check 'no page is left pinned' no_pins
check 'the device works again' works

# A consumer that holds a frame and an import
consumer_killed() {
	background guest1 in_guest 90 vdmabuf-steps open 'alloc 65536' 'export 0' \
		'await released 80'
	background host2 vdmabuf-steps "connect $socket" 'await frame 60' 'import rw' hold
	within 60 said host2 '^hold' || return 1
	kill -9 "$(cat "$work/host2.pid")"
	letgo host2
	letgo guest1
}
check 'a consumer is killed with a frame: the producer gets it back' consumer_killed
check 'no page is left pinned' no_pins

# In the middle of importing 65536 runs of pages: each time the frame comes back to the producer,
# which exports it for the next.
import_killed() {
	background guest1 in_guest 300 vdmabuf-steps open 'alloc 268435456 scattered' \
		'cycle 1 6 280'
	for turn in 1 2 3 4 5 6; do
		vdmabuf-steps "connect $socket" 'await frame 120' import import import import import \
			>"$work/importer" 2>&1 &
		importer=$!
		within 150 grep -q '^event' "$work/importer" || return 1
		# As soon as the frame is there, and some time later
		[ $turn -gt 3 ] && within 60 grep -q '^buffer' "$work/importer"
		kill -9 $importer
		wait $importer
		within 60 no_pins || return 1
	done
	letgo guest1
}
check 'a viewer is killed in the middle of an import: its pins go with it' import_killed
check 'the device works again' works

# Modules with live buffers
unload_refused() {
	background guest1 in_guest 60 vdmabuf-steps open 'alloc 4096' 'export 0' hold
	within 60 said guest1 '^export' || return 1
	! modprobe -r vhost_vdmabuf && ! in_guest 20 modprobe -r virtio_vdmabuf
	status=$?
	letgo guest1
	return $status
}
check 'neither module can be unloaded while buffers live' unload_refused
reload() {
	in_guest 60 'modprobe -r virtio_vdmabuf && modprobe virtio_vdmabuf' && works
}
check "the guest's module can be unloaded and loaded without them" reload

# The broker
broker_killed() {
	background host1 vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 4096 5' \
		'await dead 60' 'expect 0 0 4096 5' hold
	background guest2 in_guest 400 vdmabuf-steps open 'alloc 4096' \
		'fill 0 0 4096 5' 'export 0' 'await released 300'
	within 60 said host1 '^buffer' || return 1
	systemctl kill --signal=KILL "vhost-user-vdmabuf@$guest-vdmabuf0.service"
	within 60 said host1 '^hold' || return 1
	letgo host1
	guest-replug "$guest" vdmabuf0 || return 1
	# The producer held the device that is gone: it must have been told, not left waiting
	letgo guest2
	said guest2 'device' || return 1
}
check 'the broker is killed: viewers and producer are told, the device is replugged' broker_killed
check 'no page is left pinned' no_pins
check 'the device works again' works

# The guest's kernel, and the whole VM
guest_panic() {
	background host1 vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 4096 6' \
		'await dead 120' 'expect 0 0 4096 6' hold
	background guest2 in_guest 60 vdmabuf-steps open 'alloc 4096' \
		'fill 0 0 4096 6' 'export 0' hold
	within 60 said host1 '^expect' || return 1
	in_guest 10 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'
	virsh destroy "$guest" || return 1
	within 60 said host1 '^hold' || return 1
	letgo guest2
	[ "$(pins)" -gt 0 ] || { echo 'the import was not pinned'; return 1; }
	letgo host1
}
check 'the guest panics and is destroyed: the consumer is told, its import stays readable' \
	guest_panic
check 'no page is left pinned' no_pins
check 'nothing of the broker is left in /run' [ ! -e "/run/vdmabuf/$guest" ]

restarted() {
	guest-start --writable "$guest" && works
}
check 'the domain starts again and its device works' restarted

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the host module can be unloaded' modprobe -r vhost_vdmabuf
modprobe vhost_vdmabuf
check 'the kernel has nothing to report' no_kernel_reports
finish
