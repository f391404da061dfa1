#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The hook in real libvirtd: many domains at once, whoever dies or fails, what a person is told, and
# who may see what. Most domains here are started paused: their QEMU connects to the broker, and no
# guest has to boot.
. "$(dirname "$0")/lib.sh"
guest=hooked
start=$(journal_end)

# The same one each time
uuid_of() {
	cat "$work/$1.uuid" 2>/dev/null || tee "$work/$1.uuid" </proc/sys/kernel/random/uuid
}

# tiny NAME: the XML of a small domain with a vdmabuf device
tiny() {
	cat <<END
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>$1</name>
  <uuid>$(uuid_of "$1")</uuid>
  <metadata>
    <vdmabuf:vdmabuf xmlns:vdmabuf='urn:vdmabuf:domain:1'>
      <vdmabuf:device alias='vdmabuf0'>
        <vdmabuf:label>Left screen</vdmabuf:label>
        <vdmabuf:limits buffers='16' memory='64' unit='MiB'/>
        <vdmabuf:consumers write='no' max='4'>
          <vdmabuf:user name='ann'/>
          <vdmabuf:group name='viewers'/>
        </vdmabuf:consumers>
      </vdmabuf:device>
    </vdmabuf:vdmabuf>
  </metadata>
  <memory unit='MiB'>64</memory>
  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='host-passthrough'><feature policy='disable' name='svm'/></cpu>
  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
  <qemu:commandline>
    <qemu:arg value='-chardev'/>
    <qemu:arg value='socket,id=vdmabuf0,path=/run/vdmabuf/$1/vdmabuf0.vhost'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{"driver":"pcie-root-port","id":"vdmabuf0-port","bus":"pcie.0","addr":"0x1e","chassis":230,"port":240}'/>
    <qemu:arg value='-device'/>
    <qemu:arg value='{"driver":"vhost-user-test-device-pci","id":"vdmabuf0","chardev":"vdmabuf0","virtio-id":37,"num_vqs":2,"vq_size":256,"config_size":24,"bus":"vdmabuf0-port","addr":"0x0"}'/>
  </qemu:commandline>
</domain>
END
}

# Without the device, and without the element
plain() {
	tiny "$1" | sed '/<metadata>/,/<\/metadata>/d; /<qemu:commandline>/,/<\/qemu:commandline>/d'
}

define() {
	cat >"$work/define.xml" && virsh -q define "$work/define.xml"
}

unit() {
	echo "vhost-user-vdmabuf@$1-vdmabuf0.service"
}

broker() {
	systemctl show --property=MainPID --value "$(unit "$1")"
}

running() {
	[ "$(broker "$1")" != 0 ] && systemctl --quiet is-active "$(unit "$1")"
}

# of_all COMMAND...: for each of the ten domains, its name added
of_all() {
	for one in a b c d e f g h i j; do
		"$@" "$one" || { echo "domain $one"; return 1; }
	done
}

# Of the domains named: no directory, no broker, and no unit that has failed
no_trace() {
	for one; do
		[ ! -e "/run/vdmabuf/$one" ] || { ls -la "/run/vdmabuf/$one"; return 1; }
		systemctl --all --no-legend list-units "$(unit "$one")" >"$work/units"
		[ ! -s "$work/units" ] || { cat "$work/units"; return 1; }
	done
}

for user in ann bob eve; do
	useradd --no-create-home "$user"
done
groupadd viewers
usermod --append --groups viewers bob
systemctl reload libvirtd

# A domain without a device is none of the hook's business.
other_domain() {
	plain other | define && virsh -q start --paused other || return 1
	[ -z "$(ls /run/vdmabuf)" ] || return 1
	virsh -q destroy other && no_trace other
}
check 'a domain without a device starts and ends, and nothing is in /run/vdmabuf' other_domain

# Ten domains
define_one() {
	tiny "$1" | define
}
start_all() {
	of_all define_one || return 1
	for one in a b c d e f g h i j; do
		virsh -q start --paused "$one" >"$work/start-$one" 2>&1 &
		echo $! >"$work/start-$one.pid"
	done
	for one in a b c d e f g h i j; do
		wait "$(cat "$work/start-$one.pid")" || { cat "$work/start-$one"; return 1; }
	done
	of_all running
}
check 'ten domains start at once, each with a broker' start_all

# Whose QEMU has connected is seen by anybody who may connect.
has_qemu() {
	vdmabuf-recv list | grep -A 1 "^$1/vdmabuf0: " | grep -q "process [1-9]"
}
check 'each broker has its QEMU' of_all has_qemu

# libvirtd
pids() {
	of_all broker
}
libvirtd_restarted() {
	pids >"$work/before"
	systemctl restart libvirtd && within 60 ten_run || return 1
	pids >"$work/after"
	cmp "$work/before" "$work/after" && of_all has_qemu
}
ten_run() {
	virsh -q list --name >"$work/list"
	cat "$work/list"
	[ "$(grep -c . "$work/list")" -eq 10 ]
}
check 'libvirtd is restarted under them: domains and brokers live on' libvirtd_restarted

# As QEMU's end while libvirtd is away
libvirtd_crashed() {
	qemu=$(cat /run/libvirt/qemu/c.pid)
	systemctl kill --kill-whom=main --signal=KILL libvirtd
	kill -KILL "$qemu"
	within 60 virsh -q domstate c || return 1
	within 30 no_trace c
}
check 'libvirtd and a QEMU are killed: nothing is left of the domain' libvirtd_crashed

leftovers() {
	mkdir /run/vdmabuf/c && echo '[vdmabuf]' >/run/vdmabuf/c/vdmabuf7.conf &&
		touch /run/vdmabuf/c/vdmabuf7.sock && virsh -q start --paused c || return 1
	ls /run/vdmabuf/c
	running c && [ ! -e /run/vdmabuf/c/vdmabuf7.conf ] && [ ! -e /run/vdmabuf/c/vdmabuf7.sock ]
}
check 'what a crash has left does not harm the next start' leftovers

# Who may connect
connects() {
	runuser -u "$1" -- vdmabuf-steps "connect $(socket_of "$2")"
}
refused() {
	! connects "$1" "$2"
}
check 'a user who is listed connects' connects ann a
check 'a member of a group that is listed connects' connects bob a
check 'a user who is not listed cannot' refused eve a
check 'nor can a member of libvirt, where others are listed' refused lab a
told_who_may() {
	runuser -u eve -- vdmabuf-recv grab a --timeout 1 2>"$work/err"
	cat "$work/err"
	grep -q 'the user ann, members of the group viewers' "$work/err"
}
check 'and is told who may' told_who_may
check 'the socket for QEMU is not for them' sh -c "! runuser -u ann -- socat -u OPEN:/dev/null \
	UNIX-CONNECT:/run/vdmabuf/a/vdmabuf0.vhost"
check 'nor is the configuration' sh -c '! runuser -u ann -- cat /run/vdmabuf/a/vdmabuf0.conf'

# Brokers, one in the place of another: its user, its files
as_broker() {
	of=$1
	shift
	nsenter --target "$(broker "$of")" --mount --setuid "$(id -u vdmabuf)" \
		--setgid "$(id -g vdmabuf)" -- "$@"
}
sees_own() {
	as_broker a ls /run/vdmabuf /run/vdmabuf/a/vdmabuf0 >"$work/seen"
	cat "$work/seen"
	grep -q '^vdmabuf0.sock$' "$work/seen"
}
sees_no_other() {
	as_broker a ls -R /run/vdmabuf >"$work/seen"
	! as_broker a ls /run/vdmabuf/d && ! as_broker a cat /run/vdmabuf/d/vdmabuf0.conf &&
		! as_broker a socat -u OPEN:/dev/null UNIX-CONNECT:/run/vdmabuf/d/vdmabuf0.vhost &&
		! grep -q '^/run/vdmabuf/d' "$work/seen"
}
sees_no_memory() {
	other=$(broker d)
	qemu=$(cat /run/libvirt/qemu/d.pid)
	for file in maps mem environ fd/0; do
		! as_broker a cat "/proc/$other/$file" && ! as_broker a cat "/proc/$qemu/$file" ||
			return 1
	done
}
sees_no_device() {
	! as_broker a test -e /dev/kvm && ! as_broker a test -e /dev/vda &&
		as_broker a test -c /dev/vhost-vdmabuf
}
check 'a broker sees the directory of its own domain' sees_own
check "and no other's files and sockets" sees_no_other
check "nor another's memory" sees_no_memory
check 'nor any device but its own' sees_no_device

profile() {
	cat "/proc/$1/attr/current"
}
confined() {
	profile "$(systemctl show --property=MainPID --value libvirtd)" | grep '^libvirtd (enforce)' &&
		profile "$(cat /run/libvirt/qemu/a.pid)" | grep '^libvirt-.* (enforce)' &&
		profile "$(broker a)" | grep '^vhost-user-vdmabuf (enforce)'
}
check 'AppArmor confines libvirtd, QEMU and broker' confined

destroy() {
	virsh -q destroy "$1" || echo "$1" >>"$work/not-destroyed"
}
destroy_all() {
	of_all destroy
	of_all no_trace && [ -z "$(ls /run/vdmabuf)" ] && [ ! -e "$work/not-destroyed" ]
}
check 'they end without a trace' destroy_all

# does_not_start WORDS: the domain "wrong", whose XML is read from standard input; everything that
# WORDS (a line each) names is said
does_not_start() {
	define || return 1
	! virsh -q start --paused wrong 2>"$work/err" || return 1
	cat "$work/err"
	echo "$1" | while read -r word; do
		grep -q -e "$word" "$work/err" || { echo "nothing of: $word"; exit 1; }
	done && no_trace wrong
}

# mistake WORDS SED: both what is wrong and what helps
mistake() {
	tiny wrong | sed "$2" | does_not_start "domain 'wrong'
$1"
}
of_mistake() {
	check "a mistake is named at the start: $1" mistake "$2" "$3"
}
. "$(dirname "$0")/hook-mistakes.sh"

no_such_option() {
	tiny wrong | sed "s|</qemu:commandline>|<qemu:arg value='-no-such'/>&|" |
		does_not_start 'no-such'
}
check 'a QEMU that does not start leaves nothing' no_such_option
no_disk() {
	tiny wrong | sed "s|</devices>|<disk type='file'><source file='/no/such/disk'/>\
<target dev='vda'/></disk>&|" | does_not_start '/no/such/disk'
}
check 'a disk that is missing leaves nothing' no_disk

no_module() {
	modprobe -r vhost_vdmabuf && tiny wrong | does_not_start 'modprobe vhost_vdmabuf'
}
check 'without the module the start says what to load' no_module
module_back() {
	modprobe vhost_vdmabuf && define_one wrong && virsh -q start --paused wrong && running wrong &&
		virsh -q destroy wrong && no_trace wrong
}
check 'and with it the domain starts' module_back

# full INODES: so many files fit into /run/vdmabuf
full() {
	mount -t tmpfs -o "mode=755,nr_inodes=$1" full /run/vdmabuf || return 1
	tiny wrong | does_not_start 'No space left on device'
	status=$?
	[ -z "$(ls /run/vdmabuf)" ] || status=1
	umount /run/vdmabuf
	return $status
}
check 'a full /run, with no room for a directory' full 1
check 'a full /run, with no room for a configuration' full 2
check 'a full /run, with no room for a socket' full 4

# What cannot be resumed. QEMU itself refuses to save the device; these have no more than the element.
element="<vdmabuf><device alias='vdmabuf0'/></vdmabuf>"
not_saved() {
	virsh -q start --paused wrong || return 1
	! virsh -q save wrong "$work/save" 2>"$work/err"
	status=$?
	cat "$work/err"
	virsh -q destroy wrong
	[ $status -eq 0 ] && grep -q 'non-migratable' "$work/err"
}
check 'a domain with a device is not saved' not_saved
not_restored() {
	image=/var/lib/libvirt/qemu/save/other.save
	virsh -q start --paused other && virsh -q metadata other --uri urn:vdmabuf:domain:1 \
		--key vdmabuf --set "$element" --live && virsh -q save other "$image" || return 1
	! virsh -q restore "$image" 2>"$work/err"
	status=$?
	rm -f "$image"
	cat "$work/err"
	[ $status -eq 0 ] && grep -q 'cannot be restored.*force-boot' "$work/err" && no_trace other
}
check 'nor is one restored' not_restored

# A second libvirtd that believes it is on another host
second_libvirtd() {
	mkdir -p "$work/two/etc" "$work/two/run" "$work/two/lib/qemu" "$work/two/cache"
	cp -r /etc/libvirt/. "$work/two/etc" && cp -r /var/cache/libvirt/. "$work/two/cache" || return 1
	printf '%s\n' 'host_uuid = "11111111-2222-3333-4444-555555555555"' \
		'unix_sock_dir = "/run/libvirt"' 'auth_unix_rw = "none"' >"$work/two/etc/libvirtd.conf"
	export two="$work/two"
	unshare --mount --uts sh -c 'hostname two
		for pair in etc:/etc/libvirt run:/run/libvirt lib:/var/lib/libvirt \
			cache:/var/cache/libvirt; do
			mount --bind "$two/${pair%%:*}" "${pair#*:}"
		done
		exec libvirtd --pid-file /run/libvirt/two.pid' >"$work/two/log" 2>&1 &
	echo $! >"$work/two.pid"
	within 60 [ -S "$work/two/run/libvirt-sock" ]
}
not_migrated() {
	second_libvirtd || { cat "$work/two/log"; return 1; }
	virsh -q start --paused other && virsh -q metadata other --uri urn:vdmabuf:domain:1 \
		--key vdmabuf --set "$element" --live || return 1
	! timeout 120 virsh -q migrate --live --unsafe other --migrateuri tcp://127.0.0.1 \
		"qemu+unix:///system?socket=$work/two/run/libvirt-sock" 2>"$work/err"
	status=$?
	kill "$(cat "$work/two.pid")"
	wait "$(cat "$work/two.pid")"
	cat "$work/err"
	virsh -q destroy other
	[ $status -eq 0 ] && grep -q 'cannot be migrated: its consumers' "$work/err"
}
check 'nor migrated, and the reason is said' not_migrated

# Where there is no systemd, and so none of its units. The hook is run as libvirt would run it.
as_libvirt() {
	operation=$1 phase=$2
	unshare --mount sh -c 'mount --bind /run/systemd/journal /mnt && mount -t tmpfs none /run/systemd &&
		mkdir /run/systemd/journal && mount --move /mnt /run/systemd/journal &&
		exec /etc/libvirt/hooks/qemu.d/vdmabuf wrong "$@"' \
		sh "$operation" "$phase" - <"$work/alone.xml"
}
without_systemd() {
	tiny wrong >"$work/alone.xml"
	as_libvirt prepare begin || return 1
	alone=$(cat /run/vdmabuf/wrong/vdmabuf0.pid)
	ls -la /run/vdmabuf/wrong
	grep -q "^Uid:.$(id -u vdmabuf)" "/proc/$alone/status" || return 1
	profile "$alone" | grep '^vhost-user-vdmabuf (enforce)' || return 1
	connects ann wrong && refused eve wrong || return 1
	as_libvirt reconnect begin && [ "$(cat /run/vdmabuf/wrong/vdmabuf0.pid)" = "$alone" ] &&
		as_libvirt release end && [ ! -e "/proc/$alone" ] && no_trace wrong || return 1
	journalctl -q -t vhost-user-vdmabuf --after-cursor "$start" | grep "\[$alone\]"
}
check 'without systemd the hook starts the broker itself' without_systemd
no_module_alone() {
	modprobe -r vhost_vdmabuf
	! as_libvirt prepare begin >"$work/err" 2>&1
	status=$?
	modprobe vhost_vdmabuf
	cat "$work/err"
	[ $status -eq 0 ] && grep -q 'modprobe vhost_vdmabuf' "$work/err" && no_trace wrong
}
check 'and says why it does not start' no_module_alone

# A whole guest. The QEMU of one whose driver has not started the device yet does not survive the end of
# its broker.
transfer() {
	guest-start "$guest" && in_guest 60 'head -c 100000 /dev/urandom >/tmp/data' || return 1
	vdmabuf-recv receive "$guest" --file "$work/data" --timeout 60 &
	in_guest 60 vdmabuf-send /tmp/data && wait $!
}
check 'a guest sends to its host' transfer

lives_on() {
	virsh -q domstate "$guest" >"$work/state"
	cat "$work/state"
	grep -q running "$work/state" && in_guest 60 true
}
other_broker() {
	running "$guest" && [ "$(broker "$guest")" != "$1" ]
}
broker_restarted() {
	old=$(broker "$guest")
	systemctl kill --signal=KILL "$(unit "$guest")"
	within 30 other_broker "$old" && [ -S "$(socket_of "$guest")" ] && lives_on
}
check 'a broker that is killed is started again, and its domain lives on' broker_restarted
broker_adopted() {
	systemctl stop "$(unit "$guest")" && rm -r "/run/vdmabuf/$guest" &&
		systemctl restart libvirtd && lives_on && within 60 running "$guest" &&
		within 60 [ -S "$(socket_of "$guest")" ]
}
check 'a broker that is gone is started when libvirtd is' broker_adopted
fails_at_reconnect() {
	systemctl stop "$(unit "$guest")" && systemctl mask --runtime "$(unit "$guest")" || return 1
	systemctl restart libvirtd
	lives_on
	status=$?
	systemctl unmask --runtime "$(unit "$guest")"
	return $status
}
check 'the domain lives on where that fails' fails_at_reconnect
guest-stop "$guest"
check 'and ends without a trace' no_trace "$guest"

check 'AppArmor has denied nothing' nothing_denied "$start"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports

for domain in $(virsh -q list --all --name); do
	virsh -q undefine "$domain"
done
for user in ann bob eve; do
	userdel "$user"
done
groupdel viewers
finish
