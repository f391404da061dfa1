#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The benchmark; its JSON goes to $LAB_OUT if that is set.
here=$(dirname "$(readlink -f "$0")")
modprobe vhost_vdmabuf || exit 1
exec "${VDMABUF_TEST_BIN:-$here/../bin}/bench-host" --json "${LAB_OUT:-.}/bench-host.json" "$@"
