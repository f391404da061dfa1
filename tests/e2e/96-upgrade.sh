#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The host's packages under a running domain: an upgrade, a removal, a purge, and all of them again.
. "$(dirname "$0")/lib.sh"
guest=upgrade
packages=/opt/vdmabuf/packages
names='libvdmabuf0 vdmabuf-host virt-vdmabuf'
export DEBIAN_FRONTEND=noninteractive
if ! dpkg-query -W vdmabuf-host >/dev/null 2>&1; then
	skip 'an upgrade under a running domain' 'vdmabuf is not installed from packages here'
	finish
fi

works() {
	in_guest 60 vdmabuf-steps open 'alloc 8192' 'fill 0 0 8192 0x7e' 'export 0' \
		'await released 60' >"$work/steps" 2>&1 &
	vdmabuf-steps "connect $(socket_of "$guest")" 'await frame 60' import \
		'expect 0 0 8192 0x7e' release && wait $!
	status=$?
	cat "$work/steps"
	return $status
}
broker() {
	systemctl show --property=MainPID --value 'vhost-user-vdmabuf@*'
}

guest-start "$guest" || exit 1
check 'the device works' works

# The same packages with a higher version
for name in $names; do
	dpkg-deb --raw-extract "$packages/${name}_"*.deb "$work/$name" &&
		sed -i -E 's/^Version: .*/&+upgrade/' "$work/$name/DEBIAN/control" &&
		dpkg-deb --build -Znone "$work/$name" "$work/$name.deb" >"$work/null" || exit 1
done
before=$(broker)
upgraded() {
	dpkg --install "$work"/*.deb && dpkg-query -W -f '${Version}\n' vdmabuf-host | grep upgrade &&
		[ "$(broker)" = "$before" ] && virsh domstate "$guest" | grep running
}
check 'an upgrade: the broker is the same as before' upgraded
check 'and the device works' works

removed() {
	# Those of the tests need the library.
	dpkg --remove --force-depends vdmabuf-host virt-vdmabuf >"$work/said" 2>&1 || return 1
	cat "$work/said"
	grep -q 'Their brokers go on' "$work/said" && [ "$(broker)" = "$before" ] &&
		! command -v virt-vdmabuf
}
check 'a removal: the domain and its broker go on, and it is said' removed
check 'and the device works' works
ended() {
	virsh -q destroy "$guest" && virsh -q undefine "$guest" &&
		systemctl stop 'vhost-user-vdmabuf@*'
}
check 'the domain ends, and its broker with it when systemd is asked' ended

purged() {
	dpkg --purge --force-depends vdmabuf-host virt-vdmabuf || return 1
	! getent passwd vdmabuf && ! getent group vdmabuf && [ ! -e /run/vdmabuf ] &&
		[ ! -e /etc/libvirt/hooks/qemu.d/vdmabuf ] &&
		[ -z "$(systemctl list-unit-files --no-legend 'vhost-user-vdmabuf*')" ] &&
		[ -z "$(find /usr /etc -name '*vdmabuf*' ! -path '/usr/src/*' ! -path '/usr/lib/*/updates/*' \
			! -path '/usr/lib*/vdmabuf-lab*' ! -path '/usr/libexec/vdmabuf' ! -path '/usr/libexec/vdmabuf/tests*' \
			! -name 'libvdmabuf.so*' ! -name '*virt-viewer-vdmabuf*' ! -name 'vdmabuf-lab*' \
			! -path '/usr/share/doc/*' | tee /dev/stderr)" ]
}
check 'a purge: no file, user or unit is left' purged

again() {
	for name in $names; do set -- "$@" "$packages/${name}_"*.deb; done
	dpkg --force-downgrade --install "$@" && udevadm settle && virt-vdmabuf host-validate
}
check 'all of it again: the host is ready without a reboot' again
guest-start "$guest" || exit 1
check 'and the device works' works

guest-stop "$guest"
check 'no page is left pinned' no_pins
check 'the kernel has nothing to report' no_kernel_reports
finish
