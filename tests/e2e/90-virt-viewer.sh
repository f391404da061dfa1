#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What virt-viewer shows of a guest's vdmabuf outputs, in a weston on the host that has no screen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/viewer-lib.sh"
guest=viewer
guest-start "$guest" && guest-weston "$guest" 640x480 || exit 1
eval "$(lab-weston --size 1600x1000)" || exit 1

# The client stands still, so that pictures taken one after the other can be of the same frame.
in_guest 20 pkill -STOP weston-flower
check 'virt-viewer starts with the plug-in' viewer_start one "$guest"
shown() {
	within 120 viewer_shows one '(vdmabuf0)' "${1:-picture: ViewerDisplay}"
}
check "the device has a window that names it, with a picture" shown
check "the domain's own display is as it was" viewer_shows one "$guest (1)" VirtViewerDisplayVnc
menu() {
	viewer one menu vdmabuf0 | tee "$work/menu"
	grep -q 'monitor-0 Display _1' "$work/menu" && grep -q 'monitor-1 vdmabuf0' "$work/menu"
}
check 'the menu of displays names both' menu

same() {
	host_screenshot "$work/host.png" && guest-screenshot "$guest" "$work/guest.png" &&
		find-picture "$work/host.png" "$work/guest.png"
}
viewer_place one 1 '(vdmabuf0)'
check "the guest's screenshot is on the host's screen, pixel for pixel" within 120 same

# screenshot TITLE FILE: by virt-viewer's own action
screenshot() {
	viewer one action "$1" screenshot && within 30 viewer one save "$2" &&
		within 30 test -s "$2"
}
own_screenshot() {
	rm -f "$work/own.png"
	screenshot vdmabuf0 "$work/own.png" && guest-screenshot "$guest" "$work/guest.png" &&
		vdmabuf-recv compare "$work/own.png" "$work/guest.png"
}
check "virt-viewer's screenshot equals the guest's" within 120 own_screenshot

moves() {
	in_guest 20 pkill -CONT weston-flower
	host_screenshot "$work/before.png" || return 1
	for frame in 1 2 3; do
		within 60 moved || return 1
		mv "$work/after.png" "$work/before.png"
	done
	in_guest 20 pkill -STOP weston-flower
}
moved() {
	host_screenshot "$work/after.png" && ! cmp -s "$work/before.png" "$work/after.png"
}
check "what moves in the guest moves on the host" moves

sized() {
	viewer one windows | grep -F '(vdmabuf0)' | grep -q "view $1"
}
zoom() {
	for size in 576x432 512x384 448x336 384x288 320x240; do
		viewer one action vdmabuf0 zoom-out && within 30 sized $size || return 1
	done
	viewer one action vdmabuf0 zoom-reset && within 30 sized 640x480
}
check 'zoom: the window follows, to a half and back' zoom
check 'and the picture is the same again' within 120 same

fullscreen() {
	viewer one action vdmabuf0 fullscreen true && within 30 sized 1333x1000 || return 1
	viewer one action vdmabuf0 fullscreen false && within 30 sized 640x480
}
check 'full screen, as large as its shape allows, and back' fullscreen

statistics() {
	host_screenshot "$work/plain.png" || return 1
	viewer one action vdmabuf0 vdmabuf-statistics true && within 60 appears || return 1
	cp "$work/panel.png" "$LAB_OUT/statistics.png"
	viewer one action vdmabuf0 vdmabuf-statistics false && within 60 same
}
appears() {
	host_screenshot "$work/panel.png" && ! cmp -s "$work/plain.png" "$work/panel.png"
}
check 'the statistics appear and go' statistics

hidden() {
	viewer one action vdmabuf0 monitor-1 false || return 1
	within 30 viewer_hides one '(vdmabuf0)' || return 1
	# A new picture does not open a window that somebody has closed.
	in_guest 20 pkill -CONT weston-flower
	vdmabuf-recv watch "$guest" --count 10 --timeout 60
	in_guest 20 pkill -STOP weston-flower
	viewer_hides one '(vdmabuf0)' && viewer one action + monitor-1 true && shown
}
check 'its entry in the menu hides and shows it' hidden

mode() {
	in_guest 30 pkill -x weston
	guest-weston "$guest" 800x600 || return 1
	within 120 sized 800x600 || return 1
	in_guest 20 pkill -STOP weston-flower
	within 120 own_screenshot
}
check 'another mode of the guest: window and picture have its size' mode
check 'nobody has complained' viewer_stop one

# Two outputs of one device, and a domain without a way in
in_guest 30 pkill -x weston
in_guest 30 pkill -x vdmabuf-scanout
background send1 in_guest 600 vdmabuf-send --pattern 640x480 --rate 5
background send2 in_guest 600 vdmabuf-send --pattern 320x240 --output 1 --rate 20
outputs() {
	viewer_start two "$guest" || return 1
	within 120 viewer_shows two '(vdmabuf0, output 1)' 'view 640x480.*picture' &&
		within 60 viewer_shows two '(vdmabuf0, output 2)' 'view 320x240.*picture'
}
check 'two outputs of a device: two windows of different sizes' outputs
check 'nobody has complained' viewer_stop two
kill "$(cat "$work/send1.pid")" "$(cat "$work/send2.pid")"
guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
