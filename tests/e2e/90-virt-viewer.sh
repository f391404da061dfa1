#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What virt-viewer shows of a guest's vdmabuf outputs, in a weston on the host that has no screen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/viewer-lib.sh"
guest=viewer
guest-start "$guest" && guest-weston "$guest" 640x480 || exit 1
eval "$(lab-weston --size 1024x768)" || exit 1

# The client stands still, unless something is to move: then pictures taken one after the other can be of
# the same frame.
stop() {
	in_guest 20 pkill -STOP weston-simple
}
go() {
	in_guest 20 pkill -CONT weston-simple
}
stop || exit 1

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

# It would only take time from now on.
viewer one action vdmabuf0 monitor-0 false >"$work/null"
same() {
	host_screenshot "$work/host.png" && guest-screenshot "$guest" "$work/guest.png" &&
		find-picture "$work/host.png" "$work/guest.png"
}
check "the guest's screenshot is on the host's screen, pixel for pixel" within 120 same
cp "$work/host.png" "$LAB_OUT/screen.png"
own_screenshot() {
	viewer_screenshot one vdmabuf0 "$work/own.png" &&
		guest-screenshot "$guest" "$work/guest.png" &&
		vdmabuf-recv compare "$work/own.png" "$work/guest.png"
}
check "virt-viewer's screenshot equals the guest's" within 120 own_screenshot

# Several times, since the guest's clock moves too, once in a minute
moves() {
	go && host_screenshot "$work/before.png" || return 1
	for frame in 1 2 3; do
		within 60 moved || return 1
		mv "$work/after.png" "$work/before.png"
	done
	stop
}
moved() {
	host_screenshot "$work/after.png" && ! cmp -s "$work/before.png" "$work/after.png"
}
check 'what moves in the guest moves on the host' moves

sized() {
	viewer one windows | grep -F '(vdmabuf0)' | grep -q "view $1"
}
zoom() {
	viewer one action vdmabuf0 zoom-out && within 30 sized 576x432 &&
		viewer one action vdmabuf0 zoom-reset && within 30 sized 640x480 &&
		viewer one action vdmabuf0 zoom-in && within 30 sized 704x528 &&
		viewer one action vdmabuf0 zoom-reset && within 30 sized 640x480
}
check 'zoom: the window follows, out, in and back' zoom

fullscreen() {
	viewer one action vdmabuf0 fullscreen true && within 30 sized 1024x768 || return 1
	viewer one action vdmabuf0 fullscreen false && within 30 sized 640x480
}
check 'full screen, and back' fullscreen
check 'and the picture is the same again' within 120 same

statistics() {
	host_screenshot "$work/plain.png" || return 1
	viewer one action vdmabuf0 vdmabuf-statistics true && within 60 appears || return 1
	cp "$work/panel.png" "$LAB_OUT/statistics.png"
	viewer one action vdmabuf0 vdmabuf-statistics false && within 60 same
}
appears() {
	host_screenshot "$work/panel.png" && ! cmp -s "$work/plain.png" "$work/panel.png" &&
		! find-picture "$work/panel.png" "$work/guest.png"
}
check 'the statistics appear and go' statistics

hidden() {
	viewer one action vdmabuf0 monitor-0 true && viewer one action vdmabuf0 monitor-1 false &&
		within 30 viewer_hides one '(vdmabuf0)' || return 1
	# A new picture does not open a window that somebody has closed, and does not wait for it.
	go && vdmabuf-recv watch "$guest" --count 10 --timeout 60 && stop &&
		viewer_hides one '(vdmabuf0)' && viewer one action + monitor-1 true && shown
}
check 'its entry in the menu hides and shows it' hidden

mode() {
	in_guest 30 pkill -x weston
	guest-weston "$guest" 800x600 && within 120 sized 800x600 && stop && within 120 own_screenshot
}
check 'another mode of the guest: window and picture have its size' mode

outputs() {
	in_guest 30 'pkill -x weston; pkill -x vdmabuf-scanout; while pidof vdmabuf-scanout; do sleep 0.1; done'
	background send1 in_guest 600 vdmabuf-send --pattern 640x480 --rate 5
	background send2 in_guest 600 vdmabuf-send --pattern 320x240 --output 1 --rate 20
	within 120 viewer_shows one '(vdmabuf0, output 2)' 'picture: ViewerDisplay' &&
		within 60 viewer_shows one '(vdmabuf0, output 1)' 'picture: ViewerDisplay' || return 1
	host_screenshot "$LAB_OUT/outputs.png"
	viewer_screenshot one output+1 "$work/one.png" && measures "$work/one.png" 640 480 &&
		viewer_screenshot one output+2 "$work/two.png" && measures "$work/two.png" 320 240
}
check 'two outputs of a device: two windows of different sizes' outputs
check 'nobody has complained' viewer_stop one
kill "$(cat "$work/send1.pid")" "$(cat "$work/send2.pid")"
guest-stop "$guest"
screen_off
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
