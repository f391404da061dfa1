# SPDX-License-Identifier: GPL-2.0-or-later
# What the static suites share. They run in the builder: the sources are in /src, read-only, and
# $BUILD is a folder of their own that stays from one run to the next.
set -u
number=0
failed=0
log=$(mktemp)

# check DESCRIPTION COMMAND...: one test; what the command says is shown if it fails
check() {
	what=$1
	shift
	number=$((number + 1))
	if "$@" >"$log" 2>&1; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what"
		tail -n 60 "$log" | sed 's/^/# /'
		failed=$((failed + 1))
	fi
}

finish() {
	echo "1..$number"
	[ "$failed" -eq 0 ]
	exit
}

# configure FOLDER OPTION...: a meson build folder, made once
configure() {
	folder=$1
	shift
	[ -e "$folder/build.ninja" ] || { rm -rf "$folder" && meson setup "$@" "$folder" /src; }
}

# unit_tests FOLDER: each test of the build is one test here
unit_tests() {
	rm -f "$1/meson-logs/testlog.json"
	meson test -C "$1" --no-rebuild --no-suite host --timeout-multiplier 4 >"$log" 2>&1
	status=$?
	if [ ! -s "$1/meson-logs/testlog.json" ]; then
		check 'the tests run' sh -c "cat '$log'; exit 1"
		return
	fi
	python3 - "$1/meson-logs/testlog.json" "$number" >"$log" <<-'END'
		import json, sys
		number = int(sys.argv[2])
		for line in open(sys.argv[1]):
		    test = json.loads(line)
		    number += 1
		    good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
		    skip = " # SKIP" if test["result"] == "SKIP" else ""
		    print(f"{'ok' if good else 'not ok'} {number} - {test['name']}{skip}")
		    if not good:
		        text = (test.get("stdout") or "") + (test.get("stderr") or "")
		        print("\n".join("# " + l for l in text.splitlines()[-60:]))
	END
	cat "$log"
	number=$((number + $(grep -cE '^(not )?ok ' "$log")))
	if grep -q '^not ok' "$log" || [ "$status" -ne 0 ]; then
		failed=$((failed + 1))
	fi
}
