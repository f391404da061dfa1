#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest sleeps and is paused with its device in use; a second device beside the first.
. "$(dirname "$0")/lib.sh"
guest=suspend
guest-start --devices 2 "$guest" || exit 1
socket=$(socket_of "$guest")

# node SLOT: the node of the device behind the root port in that slot; the guest numbers its devices
# in the order in which it finds them
node() {
	in_guest 60 "for one in /sys/class/misc/virtio-vdmabuf*; do
		readlink -f \$one/device | grep -q :$1.0/ && echo /dev/\${one##*/}
	done"
}
first=$(node 1e)
second=$(node 1d)

reaches() {
	background guest1 in_guest 60 vdmabuf-steps "open $1" 'alloc 4096' "fill 0 0 4096 $2" \
		'export 0' 'await released 50'
	vdmabuf-steps "connect $(socket_of "$guest" "vdmabuf$2")" 'await frame 60' import \
		"expect 0 0 4096 $2" release
	status=$?
	letgo guest1 && return $status
}

both_devices() {
	reaches "$first" 0 && reaches "$second" 1
}
check 'two devices of one guest each reach their own socket' both_devices

# The kernel's own test of suspend: everything but the last step, for five seconds. The guest's
# connection to this suite does not live through it, so what runs there writes to files.
sleeps() {
	in_guest 10 "rm -f /run/woke; echo devices >/sys/power/pm_test
		setsid sh -c 'echo freeze >/sys/power/state && echo done >/run/woke' \
			>/dev/null 2>&1 </dev/null &"
	within 120 in_guest 10 test -e /run/woke
}
slept() {
	background host1 vdmabuf-steps "connect $socket" 'await frame 60' import 'await gone 60' \
		'await frame 60' import 'expect 1 0 4096 3' release hold
	in_guest 60 "setsid vdmabuf-steps 'open $first' 'alloc 4096' 'fill 0 0 4096 3' 'export 0' \
		'await released 100' 'export 0' 'await released 60' >/run/slept 2>&1 </dev/null &"
	within 60 said host1 '^buffer 0' || return 1
	sleeps || return 1
	within 60 said host1 '^hold' || return 1
	letgo host1
	# It came back as lost, and the second one as released
	within 60 in_guest 10 "cat /run/slept; [ \$(grep -c '^event 1' /run/slept) = 2 ]"
}
check 'over a suspend the producer keeps its device, and its next export works' slept

paused() {
	background host1 vdmabuf-steps "connect $socket" 'await frame 60' 'await state 60' \
		'await state 60' release hold
	background guest2 in_guest 120 vdmabuf-steps "open $first" 'alloc 4096' 'export 0' \
		'await released 100'
	within 60 said host1 '^event 1' || return 1
	virsh suspend "$guest" && virsh resume "$guest" || return 1
	within 60 said host1 '^hold' || return 1
	letgo host1
	letgo guest2
}
check 'a domain that is paused and resumed keeps its frames' paused

# There is nobody to say goodbye to, nor to start with again.
slept_alone() {
	systemctl kill --signal=KILL "vhost-user-vdmabuf@$guest-vdmabuf1.service"
	sleeps && reaches "$first" 0
}
check 'a device that has lost its broker keeps neither the guest from a suspend nor the other device' \
	slept_alone

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
