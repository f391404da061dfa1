#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What kernel/patches makes, for each of the sources in $SOURCES (packages linux-source-VERSION): it
# applies with git am, is clean for the kernel's own checkers, and every patch of it builds, as
# modules, built in, and switched off. And what it does not know it refuses.
. "$(dirname "$0")/common.sh"

author='The lab <lab@example.org>'
export GIT_AUTHOR_NAME='The lab' GIT_AUTHOR_EMAIL=lab@example.org
export GIT_COMMITTER_NAME='The lab' GIT_COMMITTER_EMAIL=lab@example.org
tree=$BUILD/linux
patches=$BUILD/patches
touched=$BUILD/touched

unpack() {
	rm -rf "$tree" "$patches"
	mkdir -p "$tree"
	dpkg-deb --fsys-tarfile "$1" | tar -x -O "./usr/src/linux-source-$2.tar.xz" | xz -dc |
		tar -x -C "$tree" --strip-components=1
}

make_series() {
	/src/kernel/patches/make-series --author "$author" --output "$2" "$1"
}

# refuses TREE WORD: says that WORD is the matter, and leaves no patch
refuses() {
	rm -rf "$BUILD/none"
	! make_series "$1" "$BUILD/none" 2>"$BUILD/said" || return 1
	cat "$BUILD/said"
	grep -q "$2" "$BUILD/said" && ! ls "$BUILD"/none/*.patch 2>/dev/null
}

# changed FILE SED WORD: the same of a tree with a change
changed() {
	rm -rf "$BUILD/changed"
	mkdir "$BUILD/changed"
	(cd "$tree" && xargs cp --parents -t "$BUILD/changed" Makefile include/linux/slab.h <"$touched") &&
		sed -i "$2" "$BUILD/changed/$1" && refuses "$BUILD/changed" "$3"
}

# Only what is touched: git would take minutes for the whole tree
apply() {
	cd "$tree" && rm -rf .git && git init -q -b base &&
		xargs git add -f <"$touched" && git commit -q -m base && git am -q "$patches"/000[1-9]*
}

checkpatch() {
	cd "$tree" && ./scripts/checkpatch.pl --strict --no-summary --show-types "$1"
}

kernel_doc() {
	cd "$tree" && ./scripts/kernel-doc -none -Werror include/linux/kvm_notifier.h \
		virt/lib/kvm_notifier.c
}

documented() {
	rst2html --halt=2 "$tree/Documentation/userspace-api/vdmabuf.rst" >/dev/null
}

# configure_as y|m|n
configure_as() {
	make -s tinyconfig && cat >"$BUILD/config" <<-END
		CONFIG_64BIT=y
		CONFIG_SMP=y
		CONFIG_EXPERT=y
		CONFIG_MODULES=y
		CONFIG_PCI=y
		CONFIG_HYPERVISOR_GUEST=y
		CONFIG_HIGH_RES_TIMERS=y
		CONFIG_EVENTFD=y
		CONFIG_SHMEM=y
		CONFIG_VIRTIO_MENU=y
		CONFIG_VIRTIO_PCI=y
		CONFIG_VIRTUALIZATION=y
		CONFIG_VHOST_MENU=y
		CONFIG_KVM=$1
		CONFIG_KVM_AMD=$1
		CONFIG_KVM_INTEL=$1
		CONFIG_VIRTIO_VDMABUF=$1
		CONFIG_VHOST_VDMABUF=$1
	END
	./scripts/kconfig/merge_config.sh -m -O . .config "$BUILD/config" >/dev/null &&
		make -s olddefconfig
}

# builds y|m|n NUMBER: the folders that the first NUMBER patches touch
builds() {
	cd "$tree" && git checkout -q "series~$((3 - $2))" && configure_as "$1" || return 1
	want="KVM"
	[ "$2" -lt 2 ] || want="$want VIRTIO_VDMABUF"
	[ "$2" -lt 3 ] || want="$want VHOST_VDMABUF"
	for option in $want; do
		[ "$1" = n ] || grep -q -x "CONFIG_$option=$1" .config ||
			{ echo "CONFIG_$option is not $1"; return 1; }
	done
	make -s -j"$(nproc)" prepare modules_prepare >"$BUILD/log" 2>&1 &&
		make -s -j"$(nproc)" W=1 virt/ arch/x86/kvm/ drivers/virtio/ drivers/vhost/ \
			>"$BUILD/log" 2>&1 || { tail -n 40 "$BUILD/log"; return 1; }
	! grep -E '(vdmabuf|kvm_notifier|kvm_main)[^ ]*: .*(warning|error)' "$BUILD/log"
}

for deb in $SOURCES; do
	version=${deb##*/linux-source-}
	version=${version%%_*}
	check "$version: unpacked" unpack "$deb" "$version"
	check "$version: a series is made" make_series "$tree" "$patches"
	(cd "$BUILD" && git apply --numstat "$patches"/000[1-9]*) | cut -f 3 | sort -u | while read -r file; do
		[ ! -e "$tree/$file" ] || echo "$file"
	done >"$touched"
	for patch in "$patches"/*.patch; do
		check "$version: checkpatch --strict: ${patch##*/}" checkpatch "$patch"
	done
	check "$version: without an anchor it is refused" changed virt/kvm/kvm_main.c \
		's/create_vcpu_fd(/create_a_vcpu_fd(/' create_vcpu_fd
	check "$version: with an anchor that is there twice it is refused" changed virt/lib/Makefile \
		'$p' irqbypass
	check "$version: of an older version it is refused" changed Makefile \
		's/^VERSION = .*/VERSION = 6/; s/^PATCHLEVEL = .*/PATCHLEVEL = 11/' 6.11
	check "$version: git am applies it" apply
	(cd "$tree" && git checkout -q -b series)
	check "$version: a tree that has it is refused" refuses "$tree" 'there already'
	check "$version: kernel-doc" kernel_doc
	check "$version: the protocol is reStructuredText" documented
	for how in m y n; do
		for patch in 1 2 3; do
			check "$version: patch $patch builds as $how" builds "$how" "$patch"
		done
	done
done
rm -rf "$tree"
finish
