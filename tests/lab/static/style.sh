#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# checkpatch.pl for what is kernel code, and a licence line in every file.
. "$(dirname "$0")/common.sh"
# Where include/uapi has the path that checkpatch knows it by
cd /src/kernel || exit 1

# LINUX_VERSION_CODE is what a module for several kernels has to ask; compat.h alone does.
clean() {
	"/usr/src/vdmabuf-vhost/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary \
		--show-types --max-line-length=100 \
		--ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON,MACRO_ARG_UNUSED,FILE_PATH_CHANGES \
		-f "$@"
}

licensed() {
	cd /src || return 1
	missing=$(find . -path ./.git -prune -o -type f ! -name '*.png' ! -name LICENSE \
		! -name COPYING ! -path './LICENSES/*' ! -path './packaging/debian/*' \
		! -path './debian/*' ! -path '*/fixtures/*' ! -path '*/corpus/*' ! -name .gitignore \
		-print | while read -r file; do
		head -n 5 "$file" | grep -q SPDX-License-Identifier || echo "$file"
	done)
	[ -z "$missing" ] || { echo "$missing"; return 1; }
}

for file in $(find . -name '*.[ch]' | sed 's,^\./,,' | sort); do
	check "checkpatch --strict: $file" clean "$file"
done
check 'every file names its licence' licensed
finish
