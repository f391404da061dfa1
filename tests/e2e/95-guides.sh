#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# README and the guides, as they stand: each block of commands that is for a host or for a guest is run there.
# Those that install packages, and those that build, are for static/packages.
. "$(dirname "$0")/lib.sh"
here=$(dirname "$(readlink -f "$0")")
guest=desktop
cd "$work" || exit 1

# The domain that README takes for granted: without a device, with a whole Debian and a desktop
GUEST_BOOT=full guest-xml "$guest" none >plain.xml && virsh -q define plain.xml || exit 1
desktop() {
	guest-wait "$guest" 240 && GUEST_TIMEOUT=180 guest-run "$guest" '
		variables=$(lab-weston --size 640x480) && eval "$variables"
		setsid weston-simple-shm >/run/lab/client.log 2>&1 </dev/null &' </dev/null
}

# follow DOCUMENT: each of its blocks is one test
follow() {
	rm -rf blocks && mkdir blocks && "$here/guide-commands" "$here/../../$1" blocks || exit 1
	for block in blocks/*; do
		place=${block#*-}
		name="$1, $place: $(head -n 1 "$block")"
		case $place in
		host)
			check "$name" sh -eux "$block"
			! grep -q '^virsh start' "$block" || check 'the guest has its desktop' desktop
			;;
		guest) check "$name" in_guest 120 "$(echo 'set -eux'; cat "$block")" ;;
		guest-background) background guest1 in_guest 300 "$(cat "$block")" ;;
		esac
	done
}

follow README.md
is_png() {
	[ "$(head -c 4 "$1" | tail -c 3)" = PNG ]
}
check 'README: the picture is there' is_png picture.png
follow docs/admin-guide.md

in_guest 60 systemctl stop vdmabuf-scanout
follow docs/developer-guide.md
check 'the producer of the guide has ended well' letgo guest1

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
