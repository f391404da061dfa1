#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a user may do wrong, with a real device: each program says so in a sentence, with a status
# that is not 0, and leaves nothing behind. tests/bad-input has the cases.
. "$(dirname "$0")/lib.sh"
guest=bad-input

# A second card, whose memory is not the guest's, and limits that are easily reached
sed -e 's|<vdmabuf:limits .*/>|<vdmabuf:limits buffers="6" memory="64" unit="MiB" entries="1024"/>|' \
	-e 's|</qemu:commandline>|<qemu:arg value="-device"/><qemu:arg value="bochs-display,addr=0x1c"/>&|' \
	/opt/vdmabuf/domain-xml/example.xml >"$work/domain.xml"

# Before the module is there
without_module() {
	modprobe -r vhost_vdmabuf
	vhost-user-vdmabuf "--socket-path=$work/v.vhost" "--consumer-socket=$work/v.sock" \
		2>"$work/broker"
	status=$?
	guest-xml "$guest" "$work/domain.xml" >"$work/lab.xml" && virsh -q define "$work/lab.xml"
	virsh start "$guest" 2>"$work/virsh" && return 1
	modprobe vhost_vdmabuf && udevadm settle
	virsh -q undefine "$guest"
	cat "$work/broker" "$work/virsh"
	[ $status = 1 ] && [ "$(wc -l <"$work/broker")" = 1 ] &&
		grep -q "modprobe vhost_vdmabuf" "$work/broker" &&
		grep -q "modprobe vhost_vdmabuf" "$work/virsh" &&
		[ ! -e "$work/v.sock" ] && [ ! -e "/run/vdmabuf/$guest" ]
}
check 'without the module neither broker nor domain start, and both say what to do' without_module

guest-start "$guest" "$work/domain.xml" || exit 1

background guest1 in_guest 600 vdmabuf-send --pattern 64x64 --rate 20
background guest2 in_guest 600 'while vdmabuf-send --size 64K --buffers 1 --frames 1 /dev/zero
	do :; done'
cases env CHECK_PINS=yes TMPDIR=/run/vdmabuf bad-input/run bad-input/host.cases
# The brackets keep the pattern from matching the shell that it is in.
in_guest 30 'pkill -f "[w]hile vdmabuf-send"; pkill -x vdmabuf-send'
letgo guest1 >"$work/null"
letgo guest2 >"$work/null"
check 'the guest has no buffer left on the host' \
	sh -c "vdmabuf-recv list --json '$guest' | jq -e '.[0].buffers == []'"

tar -c bad-input | in_guest 30 'tar -x -C /run'
cases in_guest 300 /run/bad-input/run /run/bad-input/guest.cases
check 'nor has it one now' \
	sh -c "vdmabuf-recv list --json '$guest' | jq -e '.[0].buffers == []'"

# A sentence comes in front of this one, that nobody is there to look.
nobody_looks() {
	in_guest 60 'echo text >/tmp/text; vdmabuf-send --timeout 0.5 /tmp/text' 2>"$work/err"
	status=$?
	cat "$work/err"
	[ $status = 3 ] && tail -n 1 "$work/err" | grep -q 'released no buffer in time (no consumer'
}
check 'a producer that nobody looks at, with --timeout' nobody_looks

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
