#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What weston shows in the guest is what arrives on the host, to the pixel.
# With --demo DIRECTORY it leaves the pictures there.
. "$(dirname "$0")/lib.sh"
guest=picture
pictures=$work
[ "${1:-}" = --demo ] && pictures=$2
guest-start --weston "$guest" || exit 1

grab() {
	vdmabuf-recv grab "$guest" --timeout 60 --png "$1"
}

# Frames of a moving client differ from one to the next.
moves() {
	grab "$work/one.png" || return 1
	within 60 different
}

different() {
	grab "$work/two.png" && ! cmp -s "$work/one.png" "$work/two.png"
}

# The client stands still, so that two pictures taken one after the other can be of the same frame.
same() {
	within 60 in_guest 20 pkill -STOP weston-simple && within 60 equal
}

equal() {
	grab "$pictures/host.png" || return 1
	guest-screenshot "$guest" "$pictures/guest.png" || return 1
	vdmabuf-recv compare "$pictures/host.png" "$pictures/guest.png"
}

check 'the scanout of the guest arrives, and moves' moves
check "the picture on the host equals the guest's own screenshot, pixel for pixel" same

if [ "${1:-}" != --demo ]; then
	mode_changes() {
		in_guest 30 pkill -x weston
		guest-weston "$guest" 1024x768 || return 1
		within 60 sized 1024 768
	}
	sized() {
		grab "$work/sized.png" && [ "$(od -A n -t u1 -j 16 -N 8 "$work/sized.png" |
			awk '{ print $3 * 256 + $4, $7 * 256 + $8 }')" = "$1 $2" ]
	}
	check 'another mode: the next pictures have its size' mode_changes
fi

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
