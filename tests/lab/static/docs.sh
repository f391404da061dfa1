#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the documentation names is there, and what the developer's guide says of building is so. What it says of
# running machines is tried by the suite e2e/guides, of packages by static/packages.
. "$(dirname "$0")/common.sh"
here=$(dirname "$0")
check 'links lead somewhere' "$here/check-docs" links
check 'the tests that docs/security.md names exist' "$here/check-docs" tests
check 'programs that are shown are those that are built' "$here/check-docs" examples
commands() {
	folder=$(mktemp -d)
	"$here/../../e2e/guide-commands" /src/docs/developer-guide.md "$folder" && cd /src &&
		sh -eux "$(echo "$folder"/*-builder)"
}
check "the developer's guide: how to build" commands
finish
