#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# virt-viewer on an X server that only has a frame buffer: the picture drawn by the CPU, and a person's
# keyboard and pointer over it, through VNC and through SPICE.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/viewer-lib.sh"
guest=typing

# guest_begin SED: the domain with a tablet, edited, and weston in it
guest_begin() {
	tablet="<input type='tablet' bus='virtio'><address type='pci' domain='0x0000' bus='0x00' slot='0x1c' function='0x0'/></input>"
	guest-xml "$guest" | sed -e "s|</devices>|$tablet</devices>|" -e "$1" >"$work/domain.xml"
	virsh -q define "$work/domain.xml" && virsh -q start "$guest" && guest-wait "$guest" &&
		guest-weston "$guest" 1280x768 && in_guest 20 pkill -STOP weston-simple
}
export DISPLAY=:7 GDK_BACKEND=x11
Xvfb $DISPLAY -screen 0 1600x1000x24 >"$work/xvfb.log" 2>&1 &
xvfb=$!
trap 'kill $xvfb; rm -rf "$work"' EXIT
within 60 xdotool getdisplaygeometry || exit 1

shown() {
	within 120 viewer_shows one '(vdmabuf0)' 'picture: ViewerDisplay'
}
# There is no window manager: the window is put into the corner, above the others, and given the focus.
arrange() {
	window=$(xdotool search --name 'vdmabuf0' | tail -n 1)
	xdotool windowmove --sync "$window" 0 0 2>/dev/null
	xdotool windowraise "$window" windowfocus --sync "$window"
}
# Where the picture is in the window, and how wide
find_view() {
	place=$(viewer one windows |
		sed -n 's/.*(vdmabuf0).*view \([0-9]*\)x[0-9]* \([0-9]*\) \([0-9]*\) .*/\1 \2 \3/p')
	[ -n "$place" ] || return 1
	width=${place%% *} top=${place##* }
	left=${place#* } left=${left% *}
}
# at X Y: moves the pointer to a place of the picture, in pixels of the host
at() {
	find_view
	xdotool mousemove --sync --window "$window" $((left + $1)) $((top + $2))
}

guest_begin '' || exit 1
check 'virt-viewer starts' viewer_start one "$guest"
check "the device's window has a picture" shown
arrange
same() {
	x-screenshot "$work/x.png" && guest-screenshot "$guest" "$work/guest.png" &&
		find-picture "$work/x.png" "$work/guest.png"
}
check "the guest's screenshot is on the X screen, pixel for pixel" within 120 same

terminal_runs() {
	in_guest 20 pidof weston-terminal
}
# A click on the one thing that weston's panel has: a terminal opens. One beside it does nothing.
clicks() {
	terminal_ends
	at $(($1 * 3)) "$2" && xdotool click 1
	at "$1" "$2" && ! terminal_runs && xdotool click 1 && within 60 terminal_runs
}
terminal_ends() {
	in_guest 20 'pkill weston-terminal; ! pidof weston-terminal'
}
# In it there is a shell, which has the keyboard.
types() {
	in_guest 20 rm -f /run/typed
	within 60 typed
}
typed() {
	xdotool type --delay 50 'echo Yes-9 >/run/typed' && xdotool key Return &&
		within 10 in_guest 20 grep -x Yes-9 /run/typed
}
check 'a click opens what was clicked at' clicks 22 16
check 'what is typed reaches the program that it opened' types
# In steps of about a tenth
half() {
	for step in 1 2 3 4 5 6; do
		find_view || return 1
		before=$width
		[ "$before" -gt 660 ] || break
		viewer one action vdmabuf0 zoom-out && within 30 smaller || return 1
	done
	echo "$width"
	[ "$width" -gt 600 ] && [ "$width" -le 660 ]
}
smaller() {
	find_view && [ "$width" -lt "$before" ]
}
check 'zoom to a half' half
arrange
check 'a click lands there too' clicks $((22 * width / 1280)) $((16 * width / 1280))

# kms-steps shows a picture of one colour, and a cursor of another one.
in_guest 30 'pkill -x weston; while pidof weston; do sleep 0.1; done'
background guest1 in_guest 600 kms-steps 'card /dev/dri/card0' 'mode 0 640x480 0x40' -
show() {
	feed guest1 "$1"
	within 30 grep -qx "$1" "$work/guest1"
}
# colour X Y VALUE: of the picture on the screen; the window is in the corner
colour() {
	x-screenshot "$work/x.png" &&
		find-picture --pixel "$work/x.png" $((left + $1)) $((top + $2)) | grep -x "$3 $3 $3"
}
# Half of 0x80, which is that of the cursor, above half of 0x40
drawn() {
	viewer one action vdmabuf0 zoom-reset &&
		within 60 viewer_shows one '(vdmabuf0)' 'view 640x480' || return 1
	arrange
	xdotool mousemove --sync 1590 990
	show 'cursor 0 64x64 0x80 5 9' && show 'move 0 100 200' && find_view &&
		within 60 colour 120 220 160 && colour 99 220 64 && colour 120 264 64
}
check 'the cursor is drawn where the guest has it while the pointer is elsewhere' drawn
pointer() {
	at 300 300
	within 30 pointer_is 64x64 5 9 80808080 && within 30 colour 120 220 64 || return 1
	show 'cursor 0 64x64 0x90 0 63' && within 30 pointer_is 64x64 0 63 90909090 &&
		show 'hide 0' && within 30 hidden
}
pointer_is() {
	x-cursor | tee "$work/pointer"
	grep -qx "$*" "$work/pointer"
}
hidden() {
	x-cursor | tee "$work/pointer"
	grep -qx '[0-9x]* [0-9]* [0-9]* 00000000' "$work/pointer"
}
check 'over the picture it is the pointer, hot spot and all' pointer
check 'nobody has complained' viewer_stop one
kill "$(cat "$work/guest1.pid")"
guest-stop "$guest"

guest_begin "s|<graphics type=.vnc.|<graphics type='spice'|" || exit 1
check 'with SPICE virt-viewer starts' viewer_start one "$guest"
check "the device's window has a picture" shown
arrange
check 'a click opens what was clicked at' clicks 22 16
check 'what is typed reaches the program that it opened' types
check 'nobody has complained' viewer_stop one
guest-stop "$guest"

check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
