#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# test-gate.sh GATE DIRECTORY: the program that decides whether there is anything to do. DIRECTORY is in
# place of /run/vdmabuf, and DIRECTORY/.hook of the program that would do it.
gate=$1
directory=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work" "$directory"' EXIT
number=0
plain='<domain><name>d</name></domain>'
ours='<domain><v:vdmabuf xmlns:v="urn:vdmabuf:domain:1"/></domain>'
mkdir -p "$directory"

# It leaves its arguments and its input.
cat >"$directory/.hook" <<END
#!/bin/sh
echo "\$@" >"$work/arguments"
cat >"$work/input"
exit 7
END
chmod +x "$directory/.hook"

result() {
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		{ echo "status $status"; head -c 200 "$work/arguments" "$work/said"; } 2>&1 |
			sed 's/^/# /'
	fi
}

run() {
	rm -f "$work/arguments" "$work/input"
	"$gate" "$@" <"$work/xml" >"$work/said" 2>&1
	status=$?
}

# nothing DESCRIPTION XML ARGUMENT...: status 0, nothing is said, and the other program is not run
is_nothing() {
	[ "$status" -eq 0 ] && [ ! -s "$work/said" ] && [ ! -e "$work/arguments" ]
}
nothing() {
	what=$1
	printf %s "$2" >"$work/xml"
	shift 2
	run "$@"
	result is_nothing
}

# passed DESCRIPTION XML ARGUMENT...: the other program gets all of it, and its status counts
is_passed() {
	[ "$status" -eq 7 ] && [ "$(cat "$work/arguments")" = "$passed" ] &&
		cmp -s "$work/xml" "$work/input"
}
passed() {
	what=$1
	printf %s "$2" >"$work/xml"
	shift 2
	passed="$*"
	run "$@"
	result is_passed
}

echo 1..19
for phase in prepare start started reconnect migrate restore attach; do
	nothing "$phase: nothing for another domain" "$plain" d $phase begin -
done
nothing 'started: nothing for anybody' "$ours" d started begin -
for phase in prepare reconnect migrate restore attach; do
	passed "$phase is passed on, with the XML" "$ours" d $phase begin -
done
long=$(head -c 3000000 /dev/zero | tr '\0' x)
passed 'a large domain is passed on whole' "<!--$long-->$ours" d prepare begin -
nothing 'one too large for anybody, without a device' "$long$long" d prepare begin -

# One byte more than the limit: the other program sees that it is too long.
is_cut() {
	[ "$status" -eq 7 ] && [ "$(wc -c <"$work/input")" -eq 4194305 ]
}
what='one that is too large is cut, and passed on'
printf %s "$ours$long$long" >"$work/xml"
run d prepare begin -
result is_cut

nothing 'release: nothing where there is no directory' "$ours" d release end failed
mkdir "$directory/d"
passed 'release is passed on where there is one' '' d release end failed

rm "$directory/.hook"
says_why() {
	[ "$status" -eq 1 ] && grep -q "domain 'd': cannot run .*/.hook: No such file" "$work/said" ||
		return 1
	run d reconnect begin -
	[ "$status" -eq 0 ]
}
what='it says so if there is no other program, and does not fail at reconnect'
printf %s "$ours" >"$work/xml"
run d prepare begin -
result says_why
