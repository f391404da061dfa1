#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The broker behind a real QEMU: memory that is plugged while the rings run, rings that stop and
# start again, other programs on its sockets, the limits and the rights of the domain's XML.
. "$(dirname "$0")/lib.sh"
guest=broker
socket=$(socket_of "$guest")
vhost=/run/vdmabuf/$guest/vdmabuf0.vhost

# The project's example, with room for a DIMM and with limits that a test can reach.
sed -e 's|<vdmabuf:limits .*/>|<vdmabuf:limits buffers="6" memory="64" unit="MiB"/>|' \
	-e 's|<vdmabuf:consumers write="no">|<vdmabuf:consumers max="3" write="no">|' \
	-e 's|<memory unit="MiB">|<maxMemory slots="2" unit="MiB">2048</maxMemory>&|' \
	-e 's|<cpu mode="host-passthrough"/>|<cpu mode="host-passthrough"><numa>\
		<cell id="0" cpus="0" memory="1048576" unit="KiB"/></numa></cpu>|' \
	/opt/vdmabuf/domain-xml/example.xml >"$work/domain.xml"
guest-start "$guest" "$work/domain.xml" || exit 1

unit=vhost-user-vdmabuf@$guest-vdmabuf0.service

# logged UNIT: what it has said, one message a line
logged() {
	journalctl --no-pager --output=cat --unit="$1"
}

# A buffer makes its way, whatever happened before; the consumer may be somebody else.
works() {
	background guest1 in_guest 60 vdmabuf-steps open 'alloc 8192' 'fill 0 0 8192 0x7e' \
		'export 0' 'await released 50'
	"$@" vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 8192 0x7e' release
	status=$?
	letgo guest1 && return $status
}
check 'the device works' works

# fails STATUS WORDS COMMAND...: it says so in one sentence on standard error
fails() {
	want=$1
	words=$2
	shift 2
	"$@" </dev/null >"$work/out" 2>"$work/said"
	got=$?
	echo "status $got"
	cat "$work/out" "$work/said"
	# Not an error, but what a producer says while nobody looks
	grep -v 'No consumer is connected' "$work/said" >"$work/err"
	[ "$got" = "$want" ] && grep -q "$words" "$work/err" && [ "$(wc -l <"$work/err")" = 1 ]
}

# The limits of the domain's XML
limits="limit of shared buffers or bytes is reached.*the domain's configuration"
check "the guest cannot have more buffers than the domain's XML says" fails 1 "$limits" \
	in_guest 60 vdmabuf-send --pattern 64x64 --queued --buffers 7 --frames 7
check 'nor more memory in all' fails 1 "$limits" \
	in_guest 60 vdmabuf-send --pattern 2048x2048 --queued --buffers 5 --frames 5
check 'nor a single buffer that is larger' fails 1 "68157440 bytes.*67108864" \
	in_guest 60 vdmabuf-send --size 65M --buffers 1 --timeout 1 /etc/hostname
too_high() {
	sed 's|buffers="6"|buffers="1000000"|' "$work/domain.xml" >"$work/high.xml"
	guest-xml broker-high "$work/high.xml" >"$work/high-lab.xml" || return 1
	virsh -q define "$work/high-lab.xml" || return 1
	virsh start broker-high 2>"$work/high"
	status=$?
	virsh -q undefine broker-high
	cat "$work/high"
	[ $status -ne 0 ] &&
		grep -q '1000000 buffers.*higher than the module allows; lower them' "$work/high" &&
		[ ! -e /run/vdmabuf/broker-high ]
}
check 'a domain with higher limits than those of the module does not start, and says why' too_high
check 'the device works as before' works

# Who may look
as_nobody() {
	runuser -u nobody -- "$@"
}
as_lab() {
	runuser -u lab -- "$@"
}
check 'a member of the group libvirt may be a consumer' works as_lab
check 'another user may not, and is told of the group' \
	fails 1 "$socket.*group libvirt" as_nobody vdmabuf-recv grab "$guest"
check 'also when there is nothing to do but to list' \
	fails 1 "$socket.*group libvirt" as_nobody vdmabuf-recv list "$guest"
write_refused() {
	background guest1 in_guest 60 vdmabuf-steps open 'alloc 4096' 'export 0' 'await released 50'
	fails 1 'for reading only.*configuration' \
		as_lab vdmabuf-steps "connect $socket" 'await frame 60' 'import rw'
	status=$?
	letgo guest1 && return $status
}
check 'nobody may write where the XML does not say so, and the frame goes back' write_refused
too_many() {
	for n in 1 2 3; do
		background "host$n" vdmabuf-steps "connect $socket" hold
		within 30 said "host$n" '^hold' || return 1
	done
	fails 1 'All consumers that this domain may have are connected' \
		vdmabuf-recv grab "$guest"
	status=$?
	for n in 1 2 3; do
		letgo "host$n" || return 1
	done
	return $status
}
check 'more consumers than the XML allows are refused, with the reason' too_many

# Memory that is plugged: the table changes while a consumer holds a frame.
regions() {
	grep -c memory-backend "/proc/$(systemctl show --value -P MainPID "$unit")/maps"
}
memory_plugged() {
	background guest1 in_guest 120 vdmabuf-steps open 'alloc 65536' 'fill 0 0 65536 3' \
		'export 0' hold 'fill 0 40000 1 4' 'await released 60' 'export 0' 'await released 60'
	background host2 vdmabuf-steps "connect $socket" 'await frame 60' import \
		'expect 0 0 65536 3' hold 'until 0 40000 4 60' 'expect 0 0 40000 3' release \
		'await frame 60' import 'expect 1 40000 1 4' release
	within 60 said host2 '^hold' || return 1
	before=$(regions)
	cat >"$work/dimm.xml" <<-END
		<memory model='dimm'><target><size unit='MiB'>256</size><node>0</node></target></memory>
	END
	virsh attach-device --live "$guest" "$work/dimm.xml" || return 1
	echo "$before regions of memory before, $(regions) now"
	[ "$(regions)" -gt "$before" ] || return 1
	go_on guest1
	letgo host2 && letgo guest1
}
check 'memory is plugged: an import keeps its contents, the frame goes back, and the next comes' \
	memory_plugged
# The guest was started with less than 4 GiB, which end below that address: what lies above is new.
memory_new() {
	within 60 in_guest 10 '[ "$(sed -n "s/^MemTotal: *\([0-9]*\).*/\1/p" /proc/meminfo)" \
		-gt 1100000 ]' || return 1
	background guest1 in_guest 60 vdmabuf-steps open 'memfd 65536' 'pfn 0 0' \
		'fill 0 0 65536 0x5d' 'export 0' 'await released 50'
	vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 65536 0x5d' release
	status=$?
	letgo guest1 || return 1
	pfn=$(sed -n 's/^pfn //p' "$work/guest1")
	[ $status = 0 ] && [ $((pfn)) -ge $((0x100000)) ]
}
check 'a buffer in the new memory arrives' memory_new

# The rings stop and start again; who is connected stays so.
served_again() {
	in_guest 60 vdmabuf-steps open 'alloc 8192' 'fill 0 0 8192 0x42' 'export 0' \
		'await released 50' || return 1
	letgo host2
}
module_again() {
	background host2 vdmabuf-steps "connect $socket" 'await state 60' 'await state 60' \
		'await state 60' 'await frame 60' import 'expect 0 0 8192 0x42' release
	within 30 said host2 '^event 3 state 3' || return 1
	in_guest 60 'modprobe -r virtio_vdmabuf' || return 1
	within 30 said host2 '^event 3 state 2' || return 1
	in_guest 60 'modprobe virtio_vdmabuf && udevadm settle' && served_again
}
check "the guest's driver goes and comes back: its consumer is told of both, and goes on" \
	module_again

boot_id='cat /proc/sys/kernel/random/boot_id'
new_boot() {
	id=$(in_guest 5 "udevadm settle && test -c /dev/virtio-vdmabuf && $boot_id") &&
		[ "$id" != "$1" ]
}
# held REBOOT...: the guest starts anew while a consumer holds a frame of one of its buffers
held() {
	background guest1 in_guest 120 vdmabuf-steps open 'alloc 65536' 'fill 0 0 65536 0x17' \
		'export 0' hold
	background host2 vdmabuf-steps "connect $socket" 'await frame 60' import \
		'expect 0 0 65536 0x17' 'await gone 120' 'close 0' 'await frame 120' import \
		'expect 1 0 8192 0x42' release
	within 60 said host2 '^expect' || return 1
	id=$(in_guest 10 "$boot_id")
	"$@"
	within 120 said host2 '^event 2' || return 1
	within 60 new_boot "$id" || return 1
	# Its connection went with the guest that it was to.
	kill "$(cat "$work/guest1.pid")"
	letgo guest1
	served_again
}
check 'virsh reset: a consumer is told that its buffer is gone, and is served when the guest is up' \
	held virsh reset "$guest"
check 'the guest reboots: the same' held in_guest 5 'reboot -f'
check 'no page is left pinned' no_pins

# Other programs on the socket that QEMU is connected to
said_more() {
	[ "$(logged "$1" | wc -l)" -ge "$2" ]
}
sent_away() {
	before=$(logged "$unit" | wc -l)
	./e2e/vhost-user-garbage "$vhost" unknown-request size-huge text >"$work/garbage" || return 1
	cat "$work/garbage"
	within 10 said_more "$unit" $((before + 4)) || return 1
	logged "$unit" | tail -n +$((before + 1)) | tee "$work/log"
	[ "$(grep -c closed "$work/garbage")" = 4 ] && [ "$(wc -l <"$work/log")" = 4 ] &&
		[ "$(grep -c 'is sent away: QEMU (process' "$work/log")" = 4 ]
}
check 'whoever else connects to the socket of a device in use is sent away, with a line in the log' \
	sent_away
second_qemu() {
	before=$(logged "$unit" | wc -l)
	timeout 60 qemu-system-x86_64 -S -nodefaults -display none -m 64 \
		-machine q35,memory-backend=mem \
		-object memory-backend-memfd,id=mem,size=64M,share=on \
		-chardev "socket,id=v,path=$vhost" -device \
		vhost-user-test-device-pci,chardev=v,virtio-id=37,num_vqs=2,vq_size=256,config_size=24
	status=$?
	logged "$unit" | tail -n +$((before + 1)) | tee "$work/log"
	[ $status = 1 ] && grep -q 'is sent away: QEMU (process' "$work/log"
}
check 'a second QEMU among them: it does not start' second_qemu
check 'the guest did not notice' works

# A broker that waits for QEMU, as the hook starts it, gets everything that QEMU would not send.
lone=vhost-user-vdmabuf@lone-vdmabuf0.service
has_fds() {
	[ "$(find "/proc/$1/fd" | wc -l)" = "$2" ]
}
lone_broker() {
	guest-xml lone >"$work/lone.xml" &&
		vdmabuf-libvirt-hook lone prepare begin - <"$work/lone.xml" || return 1
	process=$(systemctl show --value -P MainPID "$lone")
	fds=$(find "/proc/$process/fd" | wc -l)
	before=$(logged "$lone" | wc -l)
	./e2e/vhost-user-garbage /run/vdmabuf/lone/vdmabuf0.vhost >"$work/garbage" || return 1
	cat "$work/garbage"
	sent=$(grep -c . "$work/garbage")
	# Each connection: that it came, and why it ended; the last one ends by itself.
	within 10 said_more "$lone" $((before + 2 * sent)) || return 1
	logged "$lone" | tail -n +$((before + 1)) | tee "$work/log"
	[ "$(grep -c closed "$work/garbage")" = $((sent - 1)) ] &&
		grep -q '^features answered' "$work/garbage" &&
		[ "$(wc -l <"$work/log")" = $((2 * sent)) ] &&
		[ "$(grep -c '; the connection of QEMU (process' "$work/log")" = $((sent - 1)) ] &&
		[ "$(systemctl show --value -P MainPID "$lone")" = "$process" ] &&
		within 10 has_fds "$process" "$fds"
}
check 'each malformed message ends its connection with one line in the log, and nothing else' \
	lone_broker
vdmabuf-libvirt-hook lone release end - <"$work/lone.xml"

guest-stop "$guest"
check 'nothing of the broker is left in /run' [ ! -e "/run/vdmabuf/$guest" ]
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
