#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Both modules, for the oldest supported kernel, the stock one and the newest, with W=1 and sparse,
# without a warning; and never with another kernel's vhost.h.
. "$(dirname "$0")/common.sh"

# modules RELEASE: from clean, since a warning is seen only when its file is compiled
modules() {
	copy=$(mktemp -d)
	cp -a /src/kernel/. "$copy"
	make -C "$copy" KDIR="/usr/src/linux-headers-$1" \
		VHOST_H="/usr/src/vdmabuf-vhost/$1/vhost.h" W=1 C=2 CF="-D__CHECK_ENDIAN__" \
		-j"$(nproc)" modules >"$copy/log" 2>&1 || { cat "$copy/log"; return 1; }
	[ -e "$copy/virtio_vdmabuf.ko" ] && [ -e "$copy/vhost_vdmabuf.ko" ] || return 1
	# The headers' own warnings, and the missing vmlinux, are not the modules'.
	if grep -iE 'warning|error' "$copy/log" | grep -vE 'BTF|vmlinux|/usr/src/linux-headers'; then
		return 1
	fi
	rm -rf "$copy"
}

# refused RELEASE OTHER
refused() {
	copy=$(mktemp -d)
	cp -a /src/kernel/. "$copy"
	! make -C "$copy" KDIR="/usr/src/linux-headers-$1" \
		VHOST_H="/usr/src/vdmabuf-vhost/$2/vhost.h" modules
}

first=
for folder in /usr/src/vdmabuf-vhost/*-amd64; do
	release=${folder##*/}
	check "modules for $release: no warning (W=1, sparse)" modules "$release"
	if [ -n "$first" ]; then
		check "$release refuses the vhost.h of $first" refused "$release" "$first"
	fi
	first=$release
done
finish
