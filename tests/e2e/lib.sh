# SPDX-License-Identifier: GPL-2.0-or-later
# What the end-to-end suites share; they run in the lab's level 1, as root, and print TAP.
# A suite names what it checks, and each check is a command whose status decides.
set -u
tests=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check DESCRIPTION COMMAND...: one test. What took long says so: the whole list has little time.
check() {
	what=$1
	shift
	tests=$((tests + 1))
	began=$(date +%s)
	if "$@" >"$work/check" 2>&1; then
		echo "ok $tests - $what"
	else
		echo "not ok $tests - $what"
		sed 's/^/# /' "$work/check"
		failed=$((failed + 1))
	fi
	took=$(($(date +%s) - began))
	[ "$took" -lt 3 ] || echo "# took $took s"
}

# cases COMMAND...: each line of TAP that it prints is one test here
cases() {
	"$@" </dev/null >"$work/tap" 2>&1
	awk -v n="$tests" '/^ok / { n++; sub(/^ok [0-9]+/, "ok " n) }
		/^not ok / { n++; sub(/^not ok [0-9]+/, "not ok " n) }
		!/^1\.\./ && !/^TAP version/' "$work/tap"
	ran=$(grep -cE '^(not )?ok ' "$work/tap")
	tests=$((tests + ran))
	failed=$((failed + $(grep -c '^not ok ' "$work/tap")))
	check 'all cases were run' grep -qx "1\\.\\.$ran" "$work/tap"
}

# skip DESCRIPTION WHY: a test that cannot be made here
skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

finish() {
	echo "1..$tests"
	[ "$failed" = 0 ]
	exit
}

# within SECONDS COMMAND...: until it succeeds; its last output is what is seen of it. The command may
# have a within of its own.
within() {
	depth=$((${depth:-0} + 1))
	eval "end$depth=$(($(date +%s) + $1))"
	shift
	until "$@" >"$work/within$depth" 2>&1; do
		if [ "$(date +%s)" -ge "$((end$depth))" ]; then
			cat "$work/within$depth"
			echo "not within the time: $*"
			depth=$((depth - 1))
			return 1
		fi
		sleep 0.2
	done
	cat "$work/within$depth"
	depth=$((depth - 1))
}

# background NAME COMMAND...: its output goes to $work/NAME, its pid to $work/NAME.pid; its
# standard input is a pipe that stays open until letgo NAME
background() {
	name=$1
	shift
	# A check that failed may have left one of this name behind.
	[ ! -p "$work/$name.in" ] || { kill "$(cat "$work/$name.pid")"; rm "$work/$name.in"; }
	mkfifo "$work/$name.in"
	(
		# Without the pipes of the others, which would not end with them; and one process only,
		# so that a signal to it reaches the program.
		exec 5>&- 6>&- 7>&- 8>&-
		if [ "$1" = in_guest ]; then
			export GUEST_TIMEOUT="$2"
			shift 2
			set -- guest-run "$guest" "$@"
		fi
		exec "$@"
	) <"$work/$name.in" >"$work/$name" 2>&1 &
	echo $! >"$work/$name.pid"
	eval "exec $(fd_of "$name")>\"$work/$name.in\""
}

# The shell's file descriptors 5 to 8 are the input pipes, by the last figure of the name
fd_of() {
	echo $((5 + ${1##*[!0-9]}))
}

# go_on NAME: end its standard input, and with it its step hold
go_on() {
	eval "exec $(fd_of "$1")>&-"
}

# feed NAME LINE: a line of standard input
feed() {
	eval "echo \"\$2\" >&$(fd_of "$1")"
}

letgo() {
	go_on "$1"
	wait "$(cat "$work/$1.pid")"
	ended=$?
	cat "$work/$1"
	rm -f "$work/$1.in"
	return $ended
}

said() {
	grep -q "$2" "$work/$1"
}

pins() {
	# Each processor counts for itself; this adds it up.
	cat /proc/sys/vm/stat_refresh
	awk '$1 == "nr_foll_pin_acquired" { a = $2 } $1 == "nr_foll_pin_released" { r = $2 }
		END { print a - r }' /proc/vmstat
}

no_pins() {
	count=$(pins)
	echo "$count pages are pinned"
	[ "$count" -eq 0 ]
}

no_kernel_reports() {
	! dmesg | grep -E 'BUG:|WARNING:|Oops|KASAN|possible recursive|INFO: task|refcount_t'
}

# journal_end: where the journal ends now; nothing_denied CURSOR: nothing by AppArmor since then. The
# lab's own disks are devices, which QEMU looks at in a way that libvirt's profile does not know.
journal_end() {
	journalctl -q -n 0 --show-cursor | sed -n 's/^-- cursor: //p'
}

nothing_denied() {
	! journalctl -q -k --after-cursor "$1" | grep 'apparmor="DENIED"' |
		grep -v 'name="/sys/devices/[^"]*/block/'
}

socket_of() {
	echo "/run/vdmabuf/$1/${2:-vdmabuf0}.sock"
}

# in_guest SECONDS COMMAND...: in the suite's guest; one word is a shell's command line
in_guest() {
	seconds=$1
	shift
	GUEST_TIMEOUT=$seconds guest-run "$guest" "$@"
}
