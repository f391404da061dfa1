#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vdmabuf-send in the guest, vdmabuf-recv on the host: what leaves is what arrives.
. "$(dirname "$0")/lib.sh"
guest=transfer
guest-start "$guest" || exit 1

# transfer SIZE SEND-OPTION...
transfer() {
	size=$1
	shift
	in_guest 60 "head -c $size /dev/urandom >/tmp/data" || return 1
	sum=$(in_guest 60 'sha256sum </tmp/data') || return 1
	vdmabuf-recv receive "$guest" --file "$work/data" --timeout 120 &
	receiver=$!
	in_guest 120 vdmabuf-send "$@" /tmp/data || return 1
	wait $receiver || return 1
	echo "sent $sum, received $(sha256sum <"$work/data")"
	[ "$sum" = "$(sha256sum <"$work/data")" ]
}

check 'a file of one byte' transfer 1
check 'a file larger than its buffers together' transfer 9999999
check 'the same through scattered buffers' transfer 9999999 --scattered
if in_guest 20 test -e /dev/udmabuf; then
	check "the same through buffers of the guest's udmabuf" transfer 9999999 --udmabuf
else
	skip "the same through buffers of the guest's udmabuf" 'its kernel has none'
fi

pattern() {
	in_guest 120 vdmabuf-send --pattern 640x480 --frames 3 &
	vdmabuf-recv grab "$guest" --timeout 60 --png "$work/pattern.png" || return 1
	wait $!
	file=$(head -c 8 "$work/pattern.png" | od -A n -t x1)
	[ "$file" = ' 89 50 4e 47 0d 0a 1a 0a' ]
}
check 'a test card arrives as a picture' pattern
check 'the domain and its device are listed' sh -c "vdmabuf-recv list | grep -q '$guest'"

# Frames wait for who still writes to their buffer, and for those before them; their producer does not,
# nor does another output.
fences() {
	in_guest 30 modprobe vgem || return 1
	background host1 vdmabuf-steps "connect $(socket_of "$guest")" 'await frame 60' release \
		'await frame 60' release 'await frame 60' release
	within 30 said host1 '^connected' || return 1
	background guest2 in_guest 90 vdmabuf-steps open 'vgem 8192' 'alloc 4096' 'alloc 4096' \
		'fence 0' 'export 0 0 queued' 'export 1 0 queued' 'export 2 1' 'await released 60' \
		'signal 0' 'await released 60' 'await released 60'
	letgo guest2 && letgo host1 || return 1
	# shellcheck disable=SC2046 # three words
	set -- $(awk '$1 == "export" { print $NF }' "$work/guest2")
	# shellcheck disable=SC2046
	[ "$3 $1 $2" = "$(echo $(awk '$1 == "event" { print $NF }' "$work/host1"))" ]
}
check 'a frame waits for the fence of its buffer and holds up its own output only' fences
abandoned() {
	in_guest 60 vdmabuf-steps open 'vgem 8192' 'fence 0' 'export 0' || return 1
	in_guest 60 'modprobe -r virtio_vdmabuf vgem && modprobe virtio_vdmabuf'
}
check 'a producer that ends meanwhile leaves nothing behind' abandoned
check 'a file goes through after that' transfer 4097

# What goes wrong is said in a sentence, with a status that is not 0, and leaves nothing.
refused() {
	words=$1
	shift
	"$@" </dev/null >"$work/out" 2>"$work/err"
	status=$?
	cat "$work/err"
	[ "$status" -ne 0 ] && grep -q "$words" "$work/err" && [ "$(wc -l <"$work/err")" -eq 1 ]
}
check 'a domain that is not there' refused 'no-such-domain' vdmabuf-recv grab no-such-domain
check 'a socket that is not there' refused '/run/vdmabuf/x.sock' \
	vdmabuf-recv grab --socket /run/vdmabuf/x.sock
check 'nobody sends: the time is over' refused 'in time' vdmabuf-recv grab "$guest" --timeout 1
check 'a user without the right' refused 'libvirt' \
	runuser -u nobody -- vdmabuf-recv grab "$guest" --timeout 1
check 'a device that is not there' refused '/dev/virtio-vdmabuf9' \
	in_guest 60 vdmabuf-send --device /dev/virtio-vdmabuf9 /tmp/data
check 'a file that is no buffer' refused 'dma-buf' \
	in_guest 60 vdmabuf-send --fd 0 --size 4096

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
