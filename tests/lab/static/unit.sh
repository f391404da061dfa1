#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything compiles without a warning, and the unit tests pass.
. "$(dirname "$0")/common.sh"
check 'meson configures' configure "$BUILD/unit" --werror --prefix=/usr -Dtests_dir=/opt/tests
check 'everything compiles without a warning' ninja -C "$BUILD/unit"
unit_tests "$BUILD/unit"
check 'meson installs' env DESTDIR="$(mktemp -d)" meson install -C "$BUILD/unit" --no-rebuild
finish
