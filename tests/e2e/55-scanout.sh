#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vdmabuf-scanout beside a compositor that does not know of it: two outputs, both modes, the cursor,
# each option. Where it matters what is shown, kms-steps takes the place of weston.
. "$(dirname "$0")/lib.sh"
guest=scanout
socket=$(socket_of "$guest")
sed 's|heads="1"|heads="2"|' /opt/vdmabuf/domain-xml/example.xml >"$work/domain.xml"
guest-start "$guest" "$work/domain.xml" || exit 1
# The second head has no display behind it, and is told to be on nevertheless.
in_guest 30 'mkdir -p /run/lab; echo on >/sys/class/drm/card0-Virtual-2/status'

# scanout OPTION...: start it anew in the guest; it is ready when it has the device open.
scanout() {
	in_guest 30 "pkill -x vdmabuf-scanout; while pidof vdmabuf-scanout; do sleep 0.1; done
		setsid vdmabuf-scanout $* >/run/lab/scanout.out 2>/run/lab/scanout.log </dev/null &
		until ls -l /proc/\$!/fd | grep -q virtio-vdmabuf; do
			kill -0 \$! || { cat /run/lab/scanout.log; exit 1; }
			sleep 0.1
		done"
}
# stats: end it with SIGTERM; what it has printed last
stats() {
	in_guest 30 'pid=$(pidof vdmabuf-scanout); kill $pid
		while kill -0 $pid 2>/dev/null; do sleep 0.1; done
		cat /run/lab/scanout.log >&2; tail -n 1 /run/lab/scanout.out' >"$work/stats"
	cat "$work/stats"
}
counted() {
	jq -e "$1" "$work/stats"
}

# What a consumer sees that stays connected: watch, then seen FILTER, a condition on a frame, then
# unwatch
watch() {
	background watch3 vdmabuf-recv watch --json "$guest"
	within 30 grep -q state "$work/watch3"
}
seen() {
	within 60 jq -e -s "any(.[]; .event == \"frame\" and (.frame | $1))" "$work/watch3"
}
unwatch() {
	# It ends by itself with its device.
	kill "$(cat "$work/watch3.pid")" 2>"$work/null"
	letgo watch3 >"$work/null"
}
# size OUTPUT WIDTH HEIGHT: of a picture
size() {
	echo ".flags == [] and .output == $1 and .width == $2 and .height == $3"
}
listed() {
	vdmabuf-recv list --json "$guest" | jq -e ".[0] | $1"
}

# ---- with weston
before_compositor() {
	scanout --verbose && watch && guest-weston "$guest" 1280x800 &&
		seen "$(size 0 1280 800)" && seen "$(size 1 1024 768)"
}
check 'it is started before the compositor: both of its outputs come, each in its size' \
	before_compositor
mode_changes() {
	guest-weston "$guest" 800x600 && seen "$(size 0 800 600)" && seen "$(size 1 1024 768)"
}
check 'another compositor, another mode: who looks goes on without connecting anew' mode_changes
unwatch

# held MODE: a frame that a consumer holds while it and another one get twenty more: what its sums
# are
held() {
	scanout "--mode=$1" --output=Virtual-1 || return 1
	background host1 vdmabuf-steps "connect $socket" 'await frame 60' import 'sum 0' drain \
		'sum 0' release
	within 60 said host1 '^drain' || return 1
	vdmabuf-recv measure --json "$guest" --count 20 --duration 0 --timeout 60 >"$work/measure"
	cat "$work/measure"
	jq -e '.frames == 20' "$work/measure" || return 1
	letgo host1 && sums=$(sed -n 's/^sum//p' "$work/host1" | sort | uniq -c | awk '{ print $1 }')
}
keeps() {
	held copy && [ "$sums" = 2 ]
}
check 'copy mode keeps its promise: a frame does not change while a consumer holds it' keeps
tears() {
	held direct && [ "$(echo $sums)" = '1 1' ]
}
check 'direct mode does not promise that: the compositor draws into it' tears

# ---- with kms-steps
in_guest 30 'pkill -x weston; while pidof weston; do sleep 0.1; done' >"$work/null"
background guest1 in_guest 600 kms-steps 'card /dev/dri/card0' 'mode 0 1280x800 0x40' \
	'mode 1 1024x768 0x20' -
# show STEP...: and wait until it is done
show() {
	for step in "$@"; do
		feed guest1 "$step"
		within 30 grep -qx "$step" "$work/guest1" || { cat "$work/guest1"; return 1; }
	done
}
dry_run() {
	within 30 said guest1 '^mode 1' || { cat "$work/guest1"; return 1; }
	in_guest 30 vdmabuf-scanout --dry-run --json --card /dev/dri/card0 >"$work/report"
	cat "$work/report"
	jq -e '.cards[0] | .driver == "virtio_gpu" and
		([.outputs[] | [.name, .output, .primary.width, .primary.height, .primary.fourcc]] ==
		[["card0-Virtual-1", 0, 1280, 800, "XR24"], ["card0-Virtual-2", 1, 1024, 768, "XR24"]])
		' "$work/report" &&
		in_guest 30 vdmabuf-scanout --dry-run |
			grep -q 'output 0: card0-Virtual-1 1280x800 at'
}
check '--dry-run says what there is, as text and as JSON' dry_run
help_text() {
	in_guest 30 'vdmabuf-scanout --help && vdmabuf-scanout -V' >"$work/help"
	grep -q -- '--max-rate=N' "$work/help" && grep -q '^vdmabuf-scanout [0-9]' "$work/help"
}
check '--help and --version' help_text

once() {
	background guest2 in_guest 60 vdmabuf-scanout --once --json --device /dev/virtio-vdmabuf
	within 30 listed '.outstanding == 2' || return 1
	vdmabuf-recv watch --count 3 "$guest" || return 1
	letgo guest2 && tail -n 1 "$work/guest2" | jq -e '[.outputs[].frames] == [1, 1]'
}
check '--once exports each output once, and ends when they are released' once

# The first byte of what output 0 shows
byte_is() {
	vdmabuf-recv grab "$guest" --output 0 --timeout 20 --raw "$work/raw" &&
		[ "$(head -c 1 "$work/raw" | od -A n -t x1)" = " $1" ]
}
cursor() {
	scanout && watch && show 'cursor 0 64x64 0x80 5 9' 'move 0 100 200' &&
		seen '.flags == ["cursor"] and [.output, .width, .height, .x, .y, .hot_x, .hot_y] ==
			[0, 64, 64, 105, 209, 5, 9]' &&
		show 'move 0 300 -4' && seen '.flags == ["cursor"] and [.x, .y] == [305, 5]' &&
		vdmabuf-recv grab "$guest" --cursor --timeout 20 --raw "$work/cursor" &&
		head -c 16384 /dev/zero | tr '\0' '\200' | cmp - "$work/cursor" &&
		show 'cursor 0 64x64 0x90 0 63' && seen '.flags == ["cursor"] and .hot_y == 63' &&
		show 'hide 0' && seen '.flags == ["cursor", "hidden"]'
}
check 'the cursor comes with its place and its hot spot, moves, changes, and is hidden' cursor
unwatch
turned_off() {
	watch && show 'off 1' && seen '.flags == ["hidden"] and .output == 1' &&
		show 'mode 1 800x600 0x21' && seen "$(size 1 800 600)"
}
check 'an output that is turned off is hidden, and comes back' turned_off
unwatch
check 'drawing in place is noticed' eval "show 'fill 0 0x77' && within 30 byte_is 77"

no_refresh() {
	scanout --refresh=0 --json && watch && seen "$(size 0 1280 800)" && show 'fill 0 0x11' &&
		show 'flip 0 0x12' && within 30 byte_is 12 && stats &&
		counted '.outputs[0] | .refreshes == 0 and .flips == 1'
}
check '--refresh=0 leaves that out, and a flip still comes' no_refresh
unwatch
slow() {
	scanout --max-rate=2 && vdmabuf-recv measure --json --duration 3 "$guest" >"$work/measure"
	cat "$work/measure"
	# Two outputs
	jq -e '.frames >= 2 and .frames <= 16' "$work/measure"
}
check '--max-rate bounds the frames of each output' slow
ring() {
	scanout --mode=copy --buffers=2 --output=Virtual-1 --json || return 1
	background host2 vdmabuf-steps "connect $socket" 'await frame 60' drain release
	within 60 said host2 '^drain' && watch || return 1
	for byte in 0x31 0x32 0x33 0x34; do
		show "flip 0 $byte" && within 30 byte_is "${byte#0x}" || return 1
	done
	listed '.buffers | length == 2' || return 1
	letgo host2 && stats && counted '.outputs[0].copied >= 5 * 1280 * 800 * 4'
}
check '--mode=copy --buffers=2 makes do with two' ring
unwatch
order() {
	scanout --output=Virtual-2 --output=card0-Virtual-1 && watch &&
		seen "$(size 0 800 600)" && seen "$(size 1 1280 800)"
}
check '--output chooses and orders the outputs' order
signal() {
	in_guest 30 'pkill -USR1 -x vdmabuf-scanout
		until grep "^output 1 (card0-Virtual-1): on, .* frames" /run/lab/scanout.out
		do sleep 0.1; done'
}
check 'SIGUSR1 prints what it has done' signal

# The device goes and comes back under it.
replugged() {
	guest-replug "$guest" vdmabuf0 && within 60 in_guest 10 'cat /run/lab/scanout.log
		grep -q "device is gone; waiting" /run/lab/scanout.log &&
			grep -q "device is back" /run/lab/scanout.log' && within 30 byte_is_other
}
byte_is_other() {
	vdmabuf-recv grab "$guest" --output 1 --timeout 20
}
check 'it waits for a device that is replugged, and goes on' replugged
unwatch
gone() {
	stats && listed '.buffers == []'
}
check 'at its end nothing is shared any more' gone
letgo guest1 >"$work/null"

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
