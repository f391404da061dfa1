#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# virt-viewer shows ten thousand frames, as fast as the guest makes them: what it has of memory, of
# open files and of pinned pages is at the end what it was when all had been seen once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/viewer-lib.sh"
guest=flat
step=${VDMABUF_FRAMES:-1000}
guest-start "$guest" || exit 1
eval "$(lab-weston --size 1024x768)" || exit 1
background send1 in_guest 3600 vdmabuf-send --pattern 640x480 --rate 60

begin() {
	viewer_start one "$guest" &&
		within 120 viewer_shows one '(vdmabuf0)' 'picture: ViewerDisplay' &&
		within 120 viewer_shows one "$guest (1)" 'picture: VirtViewerDisplayVnc'
}
check 'virt-viewer starts' begin
pid=$(cat "$work/one.pid")

# sample: a line of resident memory (KiB), open files, dma-bufs among them, and pinned pages
sample() {
	rss=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
	echo "$rss $(ls "/proc/$pid/fd" | wc -l)" \
		"$(cat "/proc/$pid"/fdinfo/* 2>/dev/null | grep -c '^exp_name:.*vdmabuf')" "$(pins)" |
		tee -a "$work/samples"
}
# The first thousand is for what is made once.
frames() {
	for part in 0 1 2 3 4 5 6 7 8 9; do
		viewer_draws one vdmabuf0 "$step" && sample || return 1
	done
}
check "ten times $step frames are shown" frames
sed 's/^/# KiB, files, dma-bufs, pins: /' "$work/samples"
# flat COLUMN MARGIN: never more than behind the second sample, but for a margin
flat() {
	awk -v c="$1" -v margin="$2" 'NR == 2 { first = $c }
		NR > 2 && $c > first + margin { print $0; bad = 1 } END { exit bad }' "$work/samples"
}
check 'resident memory stays, to the megabyte' flat 1 1024
# Mesa makes and drops the buffers of its windows as it likes, in both programs.
check 'open files stay, but for the buffers of a window' flat 2 8
check 'imported buffers stay' flat 3 0
check "pinned pages stay, but for these" flat 4 4096
check 'nobody has complained' viewer_stop one
kill "$(cat "$work/send1.pid")"
guest-stop "$guest"
screen_off
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
