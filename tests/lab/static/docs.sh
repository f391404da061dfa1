#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What the documentation names is there. What it tells people to type is run by the suites e2e/guides and
# static/packages.
. "$(dirname "$0")/common.sh"
here=$(dirname "$0")
check 'links lead somewhere' "$here/check-docs" links
check 'the tests that docs/security.md names exist' "$here/check-docs" tests
check 'programs that are shown are those that are built' "$here/check-docs" examples
finish
