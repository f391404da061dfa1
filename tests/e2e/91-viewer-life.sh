#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# virt-viewer is open while everything around it ends and begins anew, and is itself killed: the
# picture comes back by itself, and until then a sentence says what is missing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/viewer-lib.sh"
guest=life
guest-start "$guest" || exit 1
eval "$(lab-weston --size 1600x1000)" || exit 1

shown() {
	within 120 viewer_shows "${1:-one}" "(${2:-vdmabuf0})" 'picture: ViewerDisplay'
}
# says TEXT: the window says so. What it looks like is brought out.
says() {
	within 120 viewer_shows one '(vdmabuf0)' "status: .*$1" || return 1
	# The first one only gives it time to be drawn.
	host_screenshot "$work/early.png" && host_screenshot "$LAB_OUT/sentence-$2.png"
}
producer() {
	background send1 in_guest 900 vdmabuf-send --pattern 640x480 --rate 10
}
no_producer() {
	in_guest 20 pkill vdmabuf-send
	letgo send1
	return 0
}

in_guest 30 modprobe -r virtio_vdmabuf
check 'virt-viewer starts' viewer_start one "$guest"
check "waiting for the guest's driver" says 'virtio_vdmabuf, is not loaded any more' driver
in_guest 30 modprobe virtio_vdmabuf
check 'waiting for a producer' says 'no program in the guest exports one' producer
producer
check 'then the picture is there' shown
no_producer
check 'the producer has ended: no stale picture' says 'no program in the guest exports one' ended
producer
check 'another one: the picture is back' shown

broker=vhost-user-vdmabuf@$guest-vdmabuf0.service
no_broker() {
	systemctl stop "$broker"
	says 'The broker of this device, vhost-user-vdmabuf, is not running' broker
}
check 'the broker has ended' no_broker
replug() {
	guest-replug "$guest" vdmabuf0
	letgo send1
	in_guest 30 'udevadm settle'
	producer
	shown
}
check 'the device is plugged anew: the picture is back' replug

# What was shown stays until the driver of the new boot is there: a guest that is paused looks the same.
reboot() {
	virsh -q reset "$guest"
	kill "$(cat "$work/send1.pid")"
	letgo send1
	guest-wait "$guest" 300 || return 1
	within 120 viewer_shows one '(vdmabuf0)' 'status: .*no program in the guest' || return 1
	producer
	shown
}
check 'the guest has booted anew: the picture is back' reboot
check 'nobody has complained' viewer_stop one

# Killed in the middle of the stream. The host's weston has pages pinned as well, as long as it runs.
westons=$(pins)
few_pins() {
	count=$(pins)
	echo "$count pages are pinned, $westons before"
	[ "$count" -le "$westons" ]
}
killed() {
	for turn in $(seq "$1"); do
		viewer_start "victim$turn" "$guest" && shown "victim$turn" || return 1
		kill -9 "$(cat "$work/victim$turn.pid")"
		wait "$(cat "$work/victim$turn.pid")"
		within 60 few_pins || return 1
	done 2>"$work/killed"
	kill -0 "$(cat "$work/send1.pid")"
}
check 'virt-viewer is killed twenty times: each time its pins go with it' killed 20
flows() {
	vdmabuf-recv watch "$guest" --count 20 --timeout 60
}
check 'and the producer has never stopped' flows

# Without --shared QEMU's VNC server sends the first one away.
two() {
	viewer_start one "$guest" --shared && viewer_start two "$guest" --shared && shown one &&
		shown two && viewer_draws one vdmabuf0 5 && viewer_draws two vdmabuf0 5
}
check 'two viewers of one domain' two
check 'nobody has complained' viewer_stop one
check 'nobody has complained' viewer_stop two

# Another user, who may look at weston here
nobody() {
	chmod 711 "$XDG_RUNTIME_DIR"
	chmod 777 "$XDG_RUNTIME_DIR/$WAYLAND_DISPLAY"
	viewer_user=nobody
	viewer_start one "$guest" && says 'group libvirt' permission
	status=$?
	viewer_user=
	return $status
}
check 'somebody who may not: the sentence names the group' nobody
check 'nobody has complained' viewer_stop one

# A picture that neither EGL nor the CPU can read: tiles of some GPU
format() {
	no_producer
	background tiles2 in_guest 300 vdmabuf-steps open 'alloc 2097152' \
		'picture 0 640 480 XR24 0x0200000000000001' hold
	viewer_start one "$guest" && says 'XR24, modifier 0x0200000000000001' format
}
check 'a format that nothing here can show: the sentence names it' format
recovers() {
	kill "$(cat "$work/tiles2.pid")"
	letgo tiles2
	producer
	shown
}
check 'then one that can be shown: the picture is there' recovers
check 'nobody has complained' viewer_stop one

# The same domain through a connection that leads to a machine
remote() {
	printf 'auth_tcp = "none"\n' >>/etc/libvirt/libvirtd.conf
	systemctl stop libvirtd.service && systemctl start libvirtd-tcp.socket libvirtd.service || return 1
	viewer_uri=qemu+tcp://127.0.0.1/system
	viewer_start one "$guest" && says 'runs on 127.0.0.1' remote
	status=$?
	viewer_uri=
	return $status
}
check 'a remote connection: the sentence says that buffers cannot leave their machine' remote
check 'nobody has complained' viewer_stop one
guest-stop "$guest"

# Without <graphics>: virt-viewer alone refuses it.
alone() {
	guest-xml "$guest" | sed '/<graphics /d' >"$work/alone.xml"
	virsh -q define "$work/alone.xml" && virsh -q start "$guest" && guest-wait "$guest" || return 1
	producer
	viewer_start one "$guest" && shown
}
check 'a domain without graphics: its vdmabuf display is there' alone
# It stays for seconds only, so that somebody has to go on clicking while the picture is taken.
hint() {
	for click in 1 2 3 4 5 6 7 8; do
		viewer one event vdmabuf0 press 10 10 1
	done &
	clicks=$!
	host_screenshot "$LAB_OUT/sentence-input.png"
	wait "$clicks"
}
check 'a click there: a sentence says how to get a keyboard' hint
ended() {
	virsh -q destroy "$guest"
	within 60 viewer_over one
}
check 'the domain ends, and virt-viewer with it' ended
virsh -q undefine "$guest"
screen_off
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
