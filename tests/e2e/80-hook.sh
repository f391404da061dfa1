#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The hook in real libvirtd: who may see what, what a person is told when a domain does not start, and
# whoever dies.
. "$(dirname "$0")/hook-lib.sh"
guest=hooked
domains='a d'

# A domain without a device is none of the hook's business.
other_domain() {
	plain other | define && virsh -q start --paused other || return 1
	[ -z "$(ls /run/vdmabuf)" ] || return 1
	virsh -q destroy other && no_trace other
}
check 'a domain without a device starts and ends, and nothing is in /run/vdmabuf' other_domain

start_all() {
	of_all define_one && of_all virsh -q start --paused && of_all running && of_all has_qemu
}
check 'two domains start, each with a broker and its QEMU' start_all

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

confined() {
	profile "$(systemctl show --property=MainPID --value libvirtd)" | grep '^libvirtd (enforce)' &&
		profile "$(cat /run/libvirt/qemu/a.pid)" | grep '^libvirt-.* (enforce)' &&
		profile "$(broker a)" | grep '^vhost-user-vdmabuf (enforce)'
}
check 'AppArmor confines libvirtd, QEMU and broker' confined

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

forget_all
finish
