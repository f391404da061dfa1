#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The ioctls of the guest's driver, one by one: what they promise, what they refuse, and what is left
# behind. tests/guest has the cases.
. "$(dirname "$0")/lib.sh"
guest=guest-driver

# Limits that are easily reached
sed 's|<vdmabuf:limits .*/>|<vdmabuf:limits buffers="6" memory="64" unit="MiB" entries="1024"/>|' \
	/opt/vdmabuf/domain-xml/example.xml >"$work/domain.xml"
guest-start "$guest" "$work/domain.xml" || exit 1

in_guest 30 'modprobe vgem && dmesg --clear' || exit 1
background host1 vdmabuf-steps "connect $(socket_of "$guest")" drain
within 30 said host1 '^drain' || exit 1
cases in_guest 600 guest-test-device --tap
check 'the consumer has lived through it' letgo host1
check "the guest's kernel has nothing to report" in_guest 30 \
	"! dmesg | grep -E 'BUG:|WARNING:|Oops|KASAN|possible recursive|INFO: task|refcount_t'"
no_buffers() {
	vdmabuf-recv list --json "$guest" | jq -e '.[0].buffers == []'
}
check 'the guest has no buffer left on the host' within 30 no_buffers
check "the guest's module can be unloaded" in_guest 60 'modprobe -r virtio_vdmabuf'

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
