#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The view of an output on each display server: under weston, and under Xvfb; and the viewer of
# examples/. Without a guest: tests/viewer/stage.c and stand-in.c are one. Prints TAP.
set -u
here=$(dirname "$(readlink -f "$0")")
bin=${VDMABUF_TEST_BIN:-$here/../bin}
number=0
failed=0
work=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null; rm -rf "$work"' EXIT
export VDMABUF_TEST_REQUIRED=1 NO_AT_BRIDGE=1

result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=$((failed + 1))
	fi
}

# view NAME: each test in a process of its own, so that a crash is one failure
view() {
	for path in $("$bin/test-view" -l | sed -n 's/^[# ]*\(\/[^ ]*\)$/\1/p'); do
		timeout 600 "$bin/test-view" --tap -p "$path" >"$work/output" 2>&1
		status=$?
		result "$status" "$1: $path"
		if [ "$status" -ne 0 ]; then
			sed 's/^/# /' "$work/output"
		else
			grep '^ *# ' "$work/output" | grep -vE 'GLib|slow test|random seed|(Start|End) of'
		fi
	done
}

screen() {
	rm -rf "$work/screen"
	mkdir "$work/screen"
	(cd "$work/screen" && weston-screenshooter) && mv "$work"/screen/*.png "$1"
}

# What the GTK 4 viewer shows is what the guest sends: the last frame stays.
gtk4_equal() {
	tries=0
	until vdmabuf-recv grab --socket "$work/socket" --png "$work/sent.png" &&
		screen "$work/shown.png" && vdmabuf-recv compare "$work/sent.png" "$work/shown.png"; do
		tries=$((tries + 1))
		[ "$tries" -lt 30 ] || return 1
	done
}

modprobe vhost_vdmabuf || exit 1

eval "$(lab-weston --size 640x480 --shell=kiosk)"
GDK_BACKEND=wayland VDMABUF_TEST_PATH='EGL on Wayland' view weston

if [ -x "$bin/gtk4-viewer" ]; then
	"$bin/stand-in" "$work/socket" 1 100 &
	pids="$pids $!"
	GDK_BACKEND=wayland "$bin/gtk4-viewer" "$work/socket" >"$work/gtk4" 2>&1 &
	pids="$pids $!"
	gtk4_equal >"$work/output" 2>&1
	status=$?
	result "$status" 'examples/gtk4-viewer: the same pixels'
	[ "$status" -eq 0 ] || sed 's/^/# /' "$work/output" "$work/gtk4"
fi
kill "$(cat "$XDG_RUNTIME_DIR/weston.pid")"

# Mesa imports dma-bufs on X11 since 26.1.
path=CPU
mesa=$(dpkg-query -f '${Version}' -W libgl1-mesa-dri)
dpkg --compare-versions "$mesa" ge 26.1 && path='EGL on X11'
mkfifo "$work/display"
Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp 3>"$work/display" >"$work/xvfb" 2>&1 &
pids="$pids $!"
read -r display <"$work/display"
DISPLAY=:$display GDK_BACKEND=x11 VDMABUF_TEST_PATH=$path view "Xvfb, $path"

echo "1..$number"
[ "$failed" -eq 0 ]
