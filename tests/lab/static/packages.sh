#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian packages: what lintian says, and what they do to a host and to a guest when they are
# installed, upgraded, removed and purged, and when a kernel comes. Machines are the lab's trees, which are
# stock Debian, with a layer over them; no kernel of theirs runs, but DKMS builds for it.
. "$(dirname "$0")/common.sh"
here=$(dirname "$0")
export DEBIAN_FRONTEND=noninteractive
machines=$BUILD/machines
rm -rf "$machines"
mkdir -p "$machines/upgrade"

# What systemd is asked to do is noted. It says of everything that it runs.
cat >"$machines/systemctl" <<'END'
#!/bin/sh
echo "systemctl $*" >>/run/asked
END
cat >"$machines/udevadm" <<'END'
#!/bin/sh
echo "udevadm $*" >>/run/asked
END
chmod +x "$machines/systemctl" "$machines/udevadm"
cat >"$machines/apt.conf" <<'END'
APT { Get::Assume-Yes "true"; Install-Recommends "false"; Sandbox::User "root"; };
Dir::Cache { pkgcache ""; srcpkgcache ""; };
END

# machine NAME TREE: one on which nothing of the project is
machine() {
	root=$machines/$1/root
	mkdir -p "$machines/$1/up" "$machines/$1/work" "$root" &&
		mount -t overlay machine -o \
			"lowerdir=/trees/$2,upperdir=$machines/$1/up,workdir=$machines/$1/work" "$root" &&
		for name in dev sys proc; do mount --rbind "/$name" "$root/$name" || return 1; done &&
		for name in run tmp; do mount -t tmpfs machine "$root/$name" || return 1; done &&
		mkdir -p "$root/run/systemd/system" "$root/run/lock" "$root/tmp/packages" \
			"$root/tmp/upgrade" "$root/tmp/debs" &&
		mount --bind /packages "$root/tmp/packages" &&
		mount --bind "$machines/upgrade" "$root/tmp/upgrade" &&
		mount --bind /debs "$root/tmp/debs" &&
		cp "$machines/apt.conf" "$root/tmp" &&
		for name in systemctl udevadm; do
			mount --bind "$machines/$name" "$root/usr/bin/$name" || return 1
		done
}

# on NAME COMMAND...: there
on() {
	where=$machines/$1/root
	shift
	chroot "$where" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root \
		DEBIAN_FRONTEND=noninteractive APT_CONFIG=/tmp/apt.conf "$@"
}

apt() {
	on "$1" apt-get "$2" $3
}

# readme NAME PLACE: as README says it, in the folder where the packages are
readme() {
	commands=$(mktemp -d)
	"$here/../../e2e/guide-commands" /src/README.md "$commands" &&
		on "$1" sh -euxc "cd /tmp/packages; $(cat "$commands"/*-"$2")"
}

# files FOLDER PACKAGE...: as apt wants them named on a machine
files() {
	folder=$1
	shift
	for package in "$@"; do
		set -- "/$folder/${package}_"*.deb
		[ -e "$1" ] || set -- "$machines/$folder/${package}_"*.deb
		echo "/tmp/$folder/${1##*/}"
	done
}

HOST='libvdmabuf0 vdmabuf-host vdmabuf-host-dkms virt-vdmabuf virt-viewer-vdmabuf'
GUEST='libvdmabuf0 vdmabuf-guest vdmabuf-guest-dkms'
VERSION=$(sed -n '1s/.*(\(.*\)).*/\1/p' /src/debian/changelog)

check 'lintian has nothing to say' lintian --allow-root --fail-on error,warning /packages/*.changes

# Each program that somebody may call has a manual page in its own package.
manuals() {
	for deb in /packages/*.deb; do
		dpkg-deb -c "$deb" >"$log.list"
		sed -n 's|.* \./usr/s\?bin/\(.\+\)|\1|p' "$log.list" | while read -r program; do
			grep -q "/man[18]/$program\.[18]\.gz" "$log.list" || echo "$deb: $program"
		done
	done >"$log.manuals"
	cat "$log.manuals"
	[ ! -s "$log.manuals" ]
}
check 'every program has a manual page' manuals

check 'there is a host' machine host level1
check 'README: apt installs on a host' readme host host-packages

# built MACHINE KERNEL MODULE: where DKMS puts it, of that kernel, signed
built() {
	path=$(on "$1" modinfo -k "$2" -n "$3") || return 1
	echo "$path: $(on "$1" modinfo -F vermagic "$path"), $(on "$1" modinfo -F sig_id "$path")"
	case $path in */updates/dkms/*) ;; *) return 1 ;; esac
	case $(on "$1" modinfo -F vermagic "$path") in "$2 "*) ;; *) return 1 ;; esac
	[ -n "$(on "$1" modinfo -F sig_id "$path")" ]
}
check "the host's module is built and signed" built host "$STOCK" vhost_vdmabuf

installed() {
	on host getent passwd vdmabuf && on host getent group vdmabuf &&
		on host test -x /etc/libvirt/hooks/qemu.d/vdmabuf &&
		on host test -d /run/vdmabuf &&
		on host sh -c 'echo "<domain/>" | /etc/libvirt/hooks/qemu.d/vdmabuf a prepare begin -' &&
		on host apparmor_parser --skip-kernel-load --skip-cache \
			/etc/apparmor.d/usr.bin.vhost-user-vdmabuf &&
		on host vhost-user-vdmabuf --version && on host vdmabuf-recv --version &&
		on host virt-vdmabuf --version && on host virt-vdmabuf validate - </src/domain-xml/example.xml
}
check 'user, hook, profile and programs are there' installed

asked() {
	cat "$machines/host/root/run/asked"
	grep -q 'systemctl .*daemon-reload' "$machines/host/root/run/asked" &&
		grep -q 'systemctl reload libvirtd' "$machines/host/root/run/asked" &&
		! grep -E 'systemctl.* (stop|restart|try-restart)' "$machines/host/root/run/asked"
}
check 'libvirt is told of the hook, and nothing is restarted' asked

# Without what the module's header is in
unbuildable() {
	on host dpkg --purge --force-depends "linux-source-${STOCK%.[0-9]*+*}" &&
		on host rm -r /var/cache/vdmabuf-host &&
		on host dkms remove -m vdmabuf-host -v "$VERSION" -k "$STOCK" || return 1
	on host dkms install -m vdmabuf-host -v "$VERSION" -k "$STOCK" >"$log.refused" 2>&1
	status=$?
	cat "$log.refused"
	[ $status = 77 ] && [ "$(grep -c 'apt install linux-source-' "$log.refused")" = 1 ] &&
		! on host modinfo -k "$STOCK" -n vhost_vdmabuf
}
check 'without linux-source the build is refused, and it is said what to install' unbuildable
check 'when linux-source comes, the module is built' \
	sh -c "chroot '$machines/host/root' dpkg -i '/tmp/debs/$SOURCE' && chroot '$machines/host/root' \
		modinfo -k '$STOCK' -n vhost_vdmabuf"

again() {
	on host dpkg --purge --force-depends "linux-source-${STOCK%.[0-9]*+*}" &&
		on host dkms remove -m vdmabuf-host -v "$VERSION" -k "$STOCK" &&
		on host dkms install -m vdmabuf-host -v "$VERSION" -k "$STOCK" &&
		on host dpkg -i "/tmp/debs/$SOURCE"
}
check 'what was built once can be built again without it' again

# A kernel that is too old, with all that is wanted otherwise
too_old() {
	fake=$machines/host/root/lib/modules/5.10.0-fake/build
	mkdir -p "$fake/include/generated" "$fake/include/config" "$fake/drivers/vhost"
	echo '/* vhost.h */' >"$fake/drivers/vhost/vhost.h"
	echo '#define UTS_RELEASE "5.10.0-fake"' >"$fake/include/generated/utsrelease.h"
	on host dkms install -m vdmabuf-host -v "$VERSION" -k 5.10.0-fake
	status=$?
	rm -r "${fake%/build}"
	[ $status = 77 ]
}
check 'for Linux 5.10 nothing is built' too_old

check 'there are packages of a higher version' env VERSION="$VERSION+upgrade" \
	OUT="$machines/upgrade" BUILD="$(echo /build/packages-*)" sh -eu "$here/../build-packages"

upgrade() {
	: >"$machines/host/root/run/asked"
	echo '# kept' >>"$machines/host/root/etc/apparmor.d/abstractions/libvirt-qemu.d/vdmabuf"
	apt host install "$(files upgrade $HOST)" || return 1
	cat "$machines/host/root/run/asked"
	! grep -E 'systemctl.* (stop|restart|try-restart)|vhost-user-vdmabuf' \
		"$machines/host/root/run/asked" &&
		[ "$(on host dkms status -m vdmabuf-host | wc -l)" = 1 ] &&
		on host dkms status -m vdmabuf-host | grep -q "$VERSION+upgrade.*installed" &&
		grep -q '^# kept' "$machines/host/root/etc/apparmor.d/abstractions/libvirt-qemu.d/vdmabuf"
}
check 'an upgrade leaves brokers alone, and what was configured' upgrade
check 'and the module is the new one' built host "$STOCK" vhost_vdmabuf

removed() {
	apt host remove "$HOST" || return 1
	for name in vhost-user-vdmabuf vdmabuf-recv virt-vdmabuf virt-viewer-vdmabuf; do
		! on host sh -c "command -v $name" || return 1
	done
	! on host modinfo -k "$STOCK" -n vhost_vdmabuf &&
		on host /etc/libvirt/hooks/qemu.d/vdmabuf a prepare begin - </dev/null
}
check 'packages are removed, and the hook that stays keeps no domain from starting' removed

# purged MACHINE TREE PACKAGE...
purged() {
	name=$1
	tree=$2
	shift 2
	apt "$name" purge "$*" || return 1
	for bind in systemctl udevadm; do umount "$machines/$name/root/usr/bin/$bind"; done
	"$here/leftovers" "$machines/$name/up" "/trees/$tree" >"$log.left"
	cat "$log.left"
	[ ! -s "$log.left" ] && ! on "$name" getent passwd vdmabuf &&
		[ -z "$(find "$machines/$name/root/run" -name '*vdmabuf*')" ]
}
check 'after a purge no file, user, module or unit is left on the host' purged host level1 $HOST

check 'there is a guest' machine guest level2
check 'README: apt installs in a guest' readme guest guest-packages
check "the guest's module is built and signed" built guest "$STOCK" virtio_vdmabuf
guest_installed() {
	on guest vdmabuf-send --version && on guest vdmabuf-scanout --version &&
		on guest test -e /usr/lib/systemd/system/vdmabuf-scanout.service &&
		! on guest test -e /etc/systemd/system/multi-user.target.wants/vdmabuf-scanout.service
}
check 'programs and the unit are there; the unit waits to be enabled' guest_installed
check 'an upgrade' apt guest install "$(files upgrade $GUEST)"
check 'the module is the new one' built guest "$STOCK" virtio_vdmabuf
check 'packages are removed' apt guest remove "$GUEST"
check 'after a purge nothing is left in the guest' purged guest level2 $GUEST

# names LIST: as files, for kernels
names() {
	for deb in $1; do echo "/tmp/debs/$deb"; done
}

# What was purged can be installed again; and then a newer kernel comes.
check 'again on the host' apt host install "$(files packages $HOST)"
check 'a newer kernel is installed on the host' apt host install "$(names "$NEW_level1")"
check 'the module is built for it' built host "$NEW" vhost_vdmabuf
check 'and is still there for the other' built host "$STOCK" vhost_vdmabuf
check 'again in the guest' apt guest install "$(files packages $GUEST)"
check 'a newer kernel is installed in the guest' apt guest install "$(names "$NEW_level2")"
check 'the module is built for it' built guest "$NEW" virtio_vdmabuf

# The library as a program uses it
library() {
	APT_CONFIG=$machines/apt.conf apt-get install \
		/packages/libvdmabuf0_*.deb /packages/libvdmabuf-dev_*.deb &&
		gcc -Wall -Wextra -Werror -o "$machines/program" -x c - \
			$(pkg-config --cflags --libs libvdmabuf) <<-'END'
			#include <vdmabuf-stream.h>
			int main(void)
			{
			    struct vdmabuf_frame frame;

			    vdmabuf_frame_init(&frame, 0x34325258, 64, 64, 256);
			    return vdmabuf_stream_get_type() == 0;
			}
			END
	"$machines/program"
}
check 'a program builds against the packages of the library' library

# From the sources, as somebody would who changes something
commands() {
	commands=$(mktemp -d)
	"$here/../../e2e/guide-commands" /src/docs/developer-guide.md "$commands" && cd /src &&
		sh -eux "$(echo "$commands"/*-builder)"
}
check "the developer's guide: how to build" commands

for name in host guest; do
	umount --recursive --lazy "$machines/$name/root"
done
rm -rf "$machines"
finish
