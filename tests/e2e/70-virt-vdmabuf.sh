#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# virt-vdmabuf on a real libvirt and QEMU: a plain domain gets a device, runs with it, loses it while
# it runs, gets it back, and is in the end what it was; and what cannot work is refused.
. "$(dirname "$0")/lib.sh"
guest=tool
socket=$(socket_of "$guest")
start=$(journal_end)
cd "$work" || exit 1

# quietly FILE COMMAND...: its outputs go into FILE
quietly() {
	file=$1
	shift
	"$@" >"$file" 2>&1
	ended=$?
	cat "$file"
	return $ended
}

# fails STATUS TEXT COMMAND...: ends so, and says so
fails() {
	expected=$1
	text=$2
	shift 2
	quietly failure "$@"
	[ $? = "$expected" ] && grep -q "$text" failure
}

# A buffer makes its way through the guest's first device.
works() {
	in_guest 60 vdmabuf-steps open 'alloc 8192' 'fill 0 0 8192 0x7e' 'export 0' \
		'await released 60' >works 2>&1 &
	vdmabuf-steps "connect $socket" 'await frame 60' import 'expect 0 0 8192 0x7e' release &&
		wait $!
	status=$?
	cat works
	return $status
}

definition() {
	virsh dumpxml --inactive "$guest"
}

# --- The host ---

check 'the host is ready' virt-vdmabuf host-validate
check 'an ordinary user is told the same' runuser -u lab -- virt-vdmabuf host-validate
hook=/etc/libvirt/hooks/qemu.d/vdmabuf
seen='whether libvirt has seen the hook *: '
hook_is_missing() {
	mv $hook "$work/hook"
	fails 1 'hook qemu.d/vdmabuf *: FAIL (.*install' virt-vdmabuf host-validate
	status=$?
	mv "$work/hook" $hook
	return $status
}
check 'a host without the hook fails, with the remedy' hook_is_missing
hook_is_new() {
	chmod 755 $hook
	virt-vdmabuf host-validate >new
	systemctl reload libvirtd
	within 30 virt-vdmabuf host-validate | grep "$seen" >seen
	cat new seen
	grep -q "${seen}WARN (.*systemctl reload libvirtd" new && grep -q "${seen}PASS" seen
}
check 'a hook that libvirt has not seen is noticed, and helped by the remedy' hook_is_new
as_json() {
	virt-vdmabuf host-validate --json | jq -e 'length > 10 and all(.[]; .result == "PASS" or .hint)'
}
check 'the same as JSON' as_json

# --- A plain domain, and what cannot work ---

guest-xml "$guest" >made.xml
# Without a device or shared memory, and with two ports that are free
virt-vdmabuf detach made.xml 2>/dev/null |
	sed -e '/<memoryBacking>/,/<\/memoryBacking>/d' -e 's|</devices>|<controller type="pci" \
		index="1" model="pcie-root-port"/><controller type="pci" index="2" \
		model="pcie-root-port"/></devices>|' >plain.xml

check 'a domain cannot be changed on a remote connection' \
	fails 1 'is a remote connection' virt-vdmabuf -c qemu+ssh://root@localhost/system attach "$guest"
# emulator NAME: a program in its place, from standard input, and a domain NAME.xml that has it
emulator() {
	cat >"/usr/local/bin/$1" && chmod 755 "/usr/local/bin/$1" &&
		sed "s|</devices>|<emulator>/usr/local/bin/$1</emulator><vdmabuf/></devices>|" \
			plain.xml >"$1.xml"
}
# It has half a minute to answer, so it is asked now, and what came of it is seen below.
printf '#!/bin/sh\nexec sleep 1000\n' | emulator hanging-qemu
background hanging0 timeout 120 virt-vdmabuf define hanging-qemu.xml
old_qemu() {
	printf '#!/bin/sh\necho "name \\"virtio-net-pci\\", bus PCI"\n' | emulator old-qemu
	fails 1 'has no device vhost-user-test-device-pci: QEMU 10.2 or later' \
		virt-vdmabuf define old-qemu.xml && ! virsh domid "$guest" 2>/dev/null
}
check 'a QEMU without the device is noticed' old_qemu
transient() {
	virsh create plain.xml || return 1
	fails 1 'is transient' virt-vdmabuf attach "$guest" &&
		fails 1 'runs without shared memory' virt-vdmabuf attach --live "$guest"
	status=$?
	virsh destroy "$guest"
	[ ! -e "/run/vdmabuf/$guest" ] && return $status
}
check 'a transient domain has nothing to attach to, and one without shared memory no live device' \
	transient

hanging_qemu() {
	fails 3 'has not ended within' letgo hanging0 && ! virsh domid "$guest" 2>/dev/null
}
check 'a QEMU that does not answer is not waited for for ever' hanging_qemu

# --- Attached ---

check 'the plain domain is defined' virsh define plain.xml
definition >before.xml
nothing_changes() {
	virt-vdmabuf attach "$guest" --print-xml >printed 2>/dev/null &&
		virt-vdmabuf attach "$guest" --print-diff >diff 2>/dev/null &&
		echo n | virt-vdmabuf attach "$guest" --confirm || return 1
	grep -q 'urn:vdmabuf:domain:1' printed && grep -q '^+.*urn:vdmabuf:domain:1' diff &&
		definition | cmp - before.xml
}
check 'to print or to decline a change makes none' nothing_changes
attached() {
	quietly said virt-vdmabuf attach "$guest" --label 'Left, right' --buffers 16 --memory 64M &&
		grep -q 'shut down and started' said && definition >attached.xml || return 1
	virt-vdmabuf attach "$guest" --label 'Left, right' --buffers 16 --memory 64M &&
		definition | cmp - attached.xml
}
check 'attach says that a cold boot is needed, and can be repeated' attached
check 'libvirt takes the result as valid' virsh define --validate attached.xml
check 'so does virt-vdmabuf' virt-vdmabuf validate "$guest"
listed() {
	virt-vdmabuf list "$guest" --json | jq -e ".[0].devices == [$1]"
}
device='{"live":false,"config":true,"alias":"vdmabuf0","model":"auto","label":"Left, right",
	"limits":{"buffers":16,"bytes":67108864},"queue_size":256,
	"consumers":{"write":false,"users":[],"groups":[]}}'
check 'it is listed' listed "$device"
check 'a domain that does not run cannot be changed live' \
	fails 1 'is not running' virt-vdmabuf attach --live "$guest"

check 'the domain starts' virsh start "$guest"
guest-wait "$guest" || exit 1
check 'the guest has the device' in_guest 20 test -c /dev/virtio-vdmabuf
check 'it works' works

# --- Status ---

traffic() {
	background guest1 in_guest 200 vdmabuf-steps open 'alloc 65536' 'alloc 65536' \
		'cycle 2 1000000 180'
	background host2 vdmabuf-steps "connect $socket" 'consume 1000000 180'
	within 60 sh -c "virt-vdmabuf status $guest --json |
		jq -e '.[0] | .frames_per_second > 1 and .consumers == 1'" || return 1
	virt-vdmabuf status "$guest" --json | jq -e '.[0] | .driver and .broker.pid > 1 and
		.qemu_pid > 1 and .label == "Left, right" and .limits.buffers == 16 and
		.limits.bytes == 67108864 and .bytes_registered == 131072 and
		(.buffers | length) == 2 and .buffers[0].size == 65536'
}
check 'status tells of frames, buffers, limits, broker and consumers' traffic
in_words() {
	virt-vdmabuf status >words
	cat words
	grep -q "^$guest/vdmabuf0 (Left, right): running, driver loaded" words &&
		grep -q 'consumers *1 of' words && grep -q 'buffers *2 of 16' words &&
		grep -Eq 'frames *[0-9.]+ per second \(over' words
}
check 'in words, too' in_words
check 'a user who may consume may look' runuser -u lab -- virt-vdmabuf status "$guest"
check 'one who may not is told which group may' \
	fails 1 'group libvirt' runuser -u nobody -- virt-vdmabuf status
watched() {
	virt-vdmabuf status --watch --count 3 --interval 0.5 >watched || return 1
	[ "$(grep -c "^$guest/vdmabuf0" watched)" = 3 ]
}
check 'it is watched' watched
quit() {
	printf q | timeout 60 script --quiet --return --command 'virt-vdmabuf status --watch' typescript
}
check 'q ends the watch' quit
in_guest 20 pkill -KILL vdmabuf-steps
kill "$(cat "$work/host2.pid")"
letgo guest1 >/dev/null
letgo host2 >/dev/null
check 'to look has left no consumer behind' \
	within 30 sh -c "virt-vdmabuf status --json | jq -e '.[0].consumers == 0'"

# --- A running domain ---

broker_killed() {
	systemctl kill --signal=KILL "vhost-user-vdmabuf@$guest-vdmabuf0.service"
	within 30 sh -c 'virt-vdmabuf status | grep "not connected (virt-vdmabuf replug tool vdmabuf0)"'
}
check 'the broker dies: status names the remedy' broker_killed
replugged() {
	virt-vdmabuf replug "$guest" vdmabuf0 && within 30 in_guest 20 test -c /dev/virtio-vdmabuf
}
check 'which is to plug the device anew' replugged
check 'it works again' works
check 'an ordinary user cannot start brokers' \
	fails 1 'Only root' runuser -u lab -- virt-vdmabuf replug "$guest"

paused() {
	virsh suspend "$guest" &&
		fails 3 'has not given up the device' virt-vdmabuf detach --live --timeout 3 "$guest"
	status=$?
	virsh resume "$guest"
	return $status
}
check 'a guest that does not answer is not waited for for ever' paused
# It may have let go meanwhile, or not.
check 'and can be asked again' virt-vdmabuf detach --live "$guest"
unplugged() {
	in_guest 20 test ! -e /dev/virtio-vdmabuf && [ ! -e "/run/vdmabuf/$guest" ] &&
		listed "$device" && virsh dominfo "$guest" | grep -i tainted.*monitor
}
check 'the guest and the host no longer have the device; the definition has it' unplugged
plugged() {
	virt-vdmabuf attach --live "$guest" && listed "$device | .live = true" &&
		within 30 in_guest 20 test -c /dev/virtio-vdmabuf && works
}
check 'it is plugged again, as the definition has it' plugged
check 'a second time there is nothing to do' \
	sh -c "virt-vdmabuf attach --live $guest | grep 'nothing was changed'"
another() {
	virt-vdmabuf attach --live "$guest" --alias right --user lab >said || return 1
	cat said
	grep -q 'gone when the domain is shut down' said &&
		within 30 in_guest 20 test -c /dev/virtio-vdmabuf1 &&
		runuser -u lab -- virt-vdmabuf status "$guest" --json | jq -e 'length == 2'
}
check 'another one is plugged into a port of libvirt, for a user' another
new_settings() {
	virt-vdmabuf attach --live "$guest" --alias right --buffers 3 | grep replug &&
		virt-vdmabuf replug "$guest" right &&
		virt-vdmabuf status "$guest" --json |
		jq -e '.[] | select(.device == "right") | .limits.buffers == 3'
}
check 'its settings change when it is replugged' new_settings
restarted() {
	systemctl restart libvirtd && within 60 virsh domstate "$guest" &&
		virt-vdmabuf status "$guest" --json | jq -e 'length == 2 and all(.[]; .driver)' && works
}
check 'libvirtd is restarted: both go on' restarted
check 'the other one is unplugged' virt-vdmabuf detach --live "$guest" right
check 'the first still works' works

# --- The way back ---

virsh -q destroy "$guest"
check 'nothing of the brokers is left in /run' [ ! -e "/run/vdmabuf/$guest" ]
restored() {
	virt-vdmabuf detach "$guest" && definition | cmp - before.xml
}
check 'detach makes the domain what it was' restored
check 'and says so the second time' fails 1 'has no vdmabuf device' virt-vdmabuf detach "$guest"
virsh -q undefine "$guest"

# --- The form that people write ---

written() {
	sed 's|</devices>|<vdmabuf><alias name="screen"/><label>Screen</label>\
		<limits buffers="8"/></vdmabuf></devices>|' plain.xml >written.xml
	virt-vdmabuf validate written.xml && virt-vdmabuf define written.xml &&
		definition | virsh define --validate /dev/stdin && virsh start "$guest" &&
		guest-wait "$guest" && in_guest 20 test -c /dev/virtio-vdmabuf &&
		virt-vdmabuf status --json | jq -e '.[0] | .label == "Screen" and .limits.buffers == 8'
}
check 'a <vdmabuf> below <devices> is defined, starts, and is there in the guest' written
guest-stop "$guest"
check 'it stops without a trace' [ -z "$(ls /run/vdmabuf)" ]
misspelt() {
	sed 's|<limits buffers=|<limits bufers=|' written.xml >misspelt.xml
	fails 1 'line.*bufers' virt-vdmabuf define misspelt.xml && ! virsh domid "$guest" 2>/dev/null
}
check 'one with a mistake is not, and the line is named' misspelt

check 'no page is left pinned' no_pins
check 'AppArmor has denied nothing' nothing_denied "$start"
check 'the kernel has nothing to report' no_kernel_reports
finish
