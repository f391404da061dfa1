# SPDX-License-Identifier: GPL-2.0-or-later
# For suites that look at a guest through virt-viewer; sourced behind lib.sh. A viewer has a name: its
# control socket (see viewer-control.c) is in $work/NAME, which belongs to the user that runs it, its
# messages are in $work/NAME.log. Before viewer_start, $viewer_uri says which libvirt, $viewer_user who
# runs it, and viewer_program=virt-viewer that there is no plug-in.
export GSETTINGS_BACKEND=memory NO_AT_BRIDGE=1 LIBGL_ALWAYS_SOFTWARE=1
bin=${VDMABUF_TEST_BIN:-/opt/vdmabuf/tests/bin}

# viewer_start NAME ARGUMENT...: virt-viewer on the display that the environment names
viewer_start() {
	viewer=$1
	shift
	rm -rf "${work:?}/$viewer"
	mkdir -p "$work/$viewer/virt-viewer"
	# Nobody is there to answer whether to quit.
	printf '[virt-viewer]\nask-quit=false\n' >"$work/$viewer/virt-viewer/settings"
	(
		exec 5>&- 6>&- 7>&- 8>&-
		export GTK_MODULES="$bin/libviewer-control.so" VIEWER_CONTROL="$work/$viewer/control"
		export XDG_CONFIG_HOME="$work/$viewer" XDG_CACHE_HOME="$work/$viewer"
		set -- "${viewer_program:-virt-viewer-vdmabuf}" --connect "${viewer_uri:-qemu:///system}" "$@"
		if [ -n "${viewer_user:-}" ]; then
			chmod 711 "$work"
			chown -R "$viewer_user" "$work/$viewer"
			set -- setpriv --reuid "$viewer_user" --regid nogroup --clear-groups "$@"
		fi
		exec "$@"
	) </dev/null >"$work/$viewer.log" 2>&1 &
	echo $! >"$work/$viewer.pid"
	within 60 test -S "$work/$viewer/control"
}

# viewer NAME COMMAND...: what viewer-control.c answers
viewer() {
	name=$1
	shift
	answer=$(echo "$*" | socat -t 30 - "UNIX-CONNECT:$work/$name/control") || return 1
	echo "$answer" | sed '/^\.$/d'
	! echo "$answer" | grep -q '^error:'
}

# viewer_shows NAME TITLE TEXT: a line of "windows" with both in it
viewer_shows() {
	viewer "$1" windows | grep -F -- "$2" | grep -q -- "$3"
}

# As a person does it; and whether all went well until then
viewer_stop() {
	viewer "$1" action + quit && within 60 viewer_ends "$1" || {
		kill "$(cat "$work/$1.pid")"
		return 1
	}
	wait "$(cat "$work/$1.pid")" || {
		echo "virt-viewer has ended with $?; its last words:"
		tail -n 20 "$work/$1.log"
		return 1
	}
	# None of GLib's, GTK's and virt-viewer's own checks has failed; but for GDK's, which cannot live
	# without a seat (the host's weston has no keyboard and no mouse), and gtk-vnc's, which at times
	# asks for the size of its window when that has gone already (virt-viewer without the plug-in
	# prints that as often: three times in forty).
	! grep -E 'CRITICAL|ERROR|Segmentation' "$work/$1.log" |
		grep -vE 'gdk_(seat|device)_get_|gdk_window_get_(width|height)'
}

# viewer_screenshot NAME TITLE FILE: by virt-viewer's own action, which asks for the file
viewer_screenshot() {
	rm -f "$3"
	viewer "$1" action "$2" screenshot && within 30 viewer_saves "$1" "$3"
}
viewer_saves() {
	viewer "$1" save "$2"
	[ -s "$2" ] && ! viewer_shows "$1" GtkFileChooserDialog ''
}

# measures PNG WIDTH HEIGHT
measures() {
	od -A n -t u1 -j 16 -N 8 "$1" | awk '{ print $3 * 256 + $4, $7 * 256 + $8 }' |
		grep -x "$2 $3"
}

# viewer_frames NAME TITLE: how many pictures have been drawn since this was first asked;
# viewer_draws NAME TITLE COUNT: so many more, from the first time that it is asked on
viewer_frames() {
	viewer "$1" frames "$2"
}
viewer_draws() {
	drawn=$(viewer_frames "$1" "$2") || return 1
	within 120 viewer_has_drawn "$1" "$2" $((drawn + $3))
}
viewer_has_drawn() {
	[ "$(viewer_frames "$1" "$2")" -ge "$3" ]
}

# The whole screen of the host's weston, as a PNG
host_screenshot() {
	(
		rm -rf "$work/shot"
		mkdir "$work/shot"
		cd "$work/shot" || exit 1
		weston-screenshooter >/dev/null && mv ./*.png "$1"
	)
}

# Ends the host's weston, which pins pages of its own.
screen_off() {
	weston=$(cat "$XDG_RUNTIME_DIR/weston.pid")
	kill "$weston" && timeout 30 tail --pid="$weston" -f /dev/null
}

# Who quits before the VNC server has answered is told that it could not be reached, and has to close
# that: also without the plug-in.
viewer_ends() {
	viewer_over "$1" || {
		viewer "$1" close
		viewer_over "$1"
	} 2>"$work/null"
}

viewer_over() {
	! kill -0 "$(cat "$work/$1.pid")" 2>/dev/null
}

# viewer_place NAME NUMBER TITLE: closes a display's window and opens it, so that weston, which puts a new
# window where all of it can be seen, knows its size
viewer_place() {
	viewer "$1" action + "monitor-$2" false && within 30 viewer_hides "$1" "$3" &&
		viewer "$1" action + "monitor-$2" true
}
viewer_hides() {
	! viewer_shows "$1" "$2" GtkApplicationWindow
}
