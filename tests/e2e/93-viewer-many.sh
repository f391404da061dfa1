#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Three domains, each with a virt-viewer of its own: each shows its own, and the end of one is nothing
# to the others.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/viewer-lib.sh"
eval "$(lab-weston --size 1600x1000)" || exit 1

# So that each picture has another size
begin() {
	for number in 1 2 3; do
		guest=many$number
		guest-start "$guest" || return 1
		background "send$number" in_guest 900 vdmabuf-send --pattern $((number * 160))x240 --rate 5
		viewer_start "viewer$number" "$guest" || return 1
	done
}
check 'three domains start, and a virt-viewer for each' begin
shown() {
	within 120 viewer_shows "viewer$1" '(vdmabuf0)' 'picture: ViewerDisplay' &&
		viewer_screenshot "viewer$1" vdmabuf0 "$work/$1.png" &&
		measures "$work/$1.png" $(($1 * 160)) 240 && viewer_draws "viewer$1" vdmabuf0 10
}
for number in 1 2 3; do
	check "the picture of number $number is its own, and moves" shown "$number"
done
host_screenshot "$LAB_OUT/many.png"

ended() {
	virsh -q destroy many2
	within 60 viewer_over viewer2 && viewer_draws viewer1 vdmabuf0 10 &&
		viewer_draws viewer3 vdmabuf0 10
}
check 'the second domain ends, and its virt-viewer with it: the others go on' ended
check 'nobody has complained' viewer_stop viewer1
check 'nobody has complained' viewer_stop viewer3
for number in 1 2 3; do
	kill "$(cat "$work/send$number.pid")" 2>"$work/null"
	guest-stop "many$number"
done
screen_off
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
