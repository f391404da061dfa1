#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The hook in real libvirtd: many domains at once, libvirtd that is restarted or killed under them, and
# domains that would be saved, restored or migrated.
. "$(dirname "$0")/hook-lib.sh"
domains='a b c d e f g h i j'

start_all() {
	of_all define_one || return 1
	for one in $domains; do
		virsh -q start --paused "$one" >"$work/start-$one" 2>&1 &
		echo $! >"$work/start-$one.pid"
	done
	for one in $domains; do
		wait "$(cat "$work/start-$one.pid")" || { cat "$work/start-$one"; return 1; }
	done
	of_all running
}
check 'ten domains start at once, each with a broker' start_all
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

check 'they end without a trace' destroy_all

# What cannot be resumed. QEMU itself refuses to save the device; these have no more than the element.
element="<vdmabuf><device alias='vdmabuf0'/></vdmabuf>"
not_saved() {
	define_one wrong && plain other | define || return 1
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

check 'AppArmor has denied nothing' nothing_denied "$start"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports

forget_all
finish
