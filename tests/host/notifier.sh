#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
modprobe -q kvm_amd || modprobe -q kvm_intel
modprobe -q vdmabuf_vms
exec "$(dirname "$0")/run-host-test" host-test-notifier "$@"
