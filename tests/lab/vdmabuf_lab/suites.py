# SPDX-License-Identifier: GPL-2.0-or-later
"""The suites: which there are, running them, counting their results."""

import dataclasses
import os
import re
import shlex
import signal
import subprocess
import sys
import threading

from . import build, builder, cache, machine
from .util import LAB_DIR, LabError, say

LEVELS = ("static", "host", "e2e", "debug", "guest")
MARK = re.compile(r"^##lab (begin|end) (\S+)(?: (\d+))?$")
RESULT = re.compile(r"^(ok|not ok)\b(.*)$")
# Machines: the kernel of level 1, the project (which has the guests' kernel), the levels.
MACHINES = (("stock", "stock", ("host", "e2e")), ("debug", "debug", ("debug",)),
            ("stock", "debug", ("guest",)))
# Boot, the start of libvirt, and the end: beside what the suites take themselves.
MACHINE_SECONDS = 300


@dataclasses.dataclass
class Suite:
    """A suite, and what is known of its results."""

    level: str
    short: str
    seconds: int
    script: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    planned: int = -1
    ended: bool = False
    lines: list = dataclasses.field(default_factory=list)

    @property
    def name(self):
        """As it is named on the command line."""
        return f"{self.level}/{self.short}"

    def line(self, text):
        """One line of its output."""
        self.lines.append(text)
        found = RESULT.match(text)
        if text.startswith("1.."):
            number = re.match(r"1\.\.(\d+)", text)
            self.planned = int(number[1]) if number else -1
        elif not found:
            if self.lines[-2:-1] and text.startswith("#") and self._after_failure():
                print(f"      {text}", flush=True)
        elif found[1] == "not ok":
            self.failed += 1
            print(f"    {self.name}: {text}", flush=True)
        elif re.search(r"# *SKIP", found[2], re.I):
            self.skipped += 1
        else:
            self.passed += 1

    def _after_failure(self):
        for text in reversed(self.lines[:-1]):
            found = RESULT.match(text)
            if found:
                return found[1] == "not ok"
        return False

    def fail(self, why):
        """A failure that the suite could not tell itself."""
        self.failed += 1
        self.lines.append(f"not ok - {why}")
        print(f"    {self.name}: not ok - {why}", flush=True)
        for text in self.lines[-16:-1]:
            print(f"      {text}", flush=True)

    def end(self, status):
        """It is over: what its status and its plan say beside its lines."""
        self.ended = True
        # kmemleak's line comes from the lab and is in no plan.
        seen = sum(1 for text in self.lines if RESULT.match(text) and "(kmemleak)" not in text)
        if status and not self.failed:
            self.fail(f"it ended with status {status}")
        elif not seen:
            self.fail("it has no results")
        elif 0 <= self.planned != seen and not self.failed:
            self.fail(f"{seen} results where {self.planned} were planned")
        say(f"{self.name}: {self.summary()}")

    def summary(self):
        """Its numbers, as a text."""
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def registry():
    """All suites, in the order of suites.conf."""
    found = []
    for line in (LAB_DIR / "suites.conf").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            level, short, seconds, script = words
            found.append(Suite(level, short, int(seconds), script))
    return found


def chosen(names, levels=LEVELS):
    """The suites that the names mean: level/name, a level, or a name in any level."""
    known = [s for s in registry() if s.level in levels]
    if not names:
        return known
    wanted = []
    for name in names:
        matching = [s for s in known if name in (s.name, s.level, s.short)]
        if not matching:
            raise LabError(f"no suite {name}: see lab test --list")
        wanted += [s for s in matching if s not in wanted]
    return wanted


def _run_static(suite, folder):
    build_place = f"/build/static-{suite.short}"
    argv = builder.command(["sh", "-c", f"mkdir -p {build_place}; exec \"$@\"", "sh",
                            f"/src/{suite.script}"], env={"BUILD": build_place})
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
    timer = threading.Timer(suite.seconds, os.killpg, (child.pid, signal.SIGKILL))
    timer.start()
    with child.stdout:
        for raw in child.stdout:
            suite.line(raw.decode(errors="replace").rstrip("\n"))
    status = child.wait()
    timer.cancel()
    suite.end(status)
    (folder / f"{suite.name.replace('/', '-')}.tap").write_text("\n".join(suite.lines) + "\n")


def job(suites):
    """The shell script that runs suites in level 1."""
    lines = ["cd /opt/vdmabuf/tests"]
    for suite in suites:
        script = "/opt/vdmabuf/" + suite.script
        lines.append(f"lab-suite {shlex.quote(suite.name)} {suite.seconds} {shlex.quote(script)}")
    return "\n".join(lines) + "\n"


def _run_machine(suites, flavour, guests):
    """One machine for all suites of a pair of kernels; returns the machine's Result."""
    by_name = {suite.name: suite for suite in suites}
    current = [None]

    def line(text):
        mark = MARK.match(text)
        if mark and mark[1] == "begin":
            current[0] = by_name.get(mark[2])
            say(f"{mark[2]}: started")
        elif mark:
            by_name[mark[2]].end(int(mark[3]))
            current[0] = None
        elif current[0]:
            current[0].line(text)

    say(f"level 1 starts: kernel {flavour}, in guests {guests}")
    result = machine.run(build.boot(flavour), build.project(guests), job(suites),
                         MACHINE_SECONDS + sum(s.seconds + 60 for s in suites),
                         f"test-{suites[0].level}", line)
    for suite in suites:
        if not suite.ended:
            suite.fail(f"not run to its end: {result.why or 'the machine stopped'}")
            suite.ended = True
        if suite.lines:
            name = f"{suite.name.replace('/', '-')}.tap"
            (result.folder / name).write_text("\n".join(suite.lines) + "\n")
    return result


def test(names):
    """Run suites; returns the exit status of `lab test`."""
    suites = chosen(names)
    for suite in suites:
        if not (LAB_DIR.parent.parent / suite.script).is_file():
            suite.fail(f"{suite.script} does not exist")
            suite.ended = True
    kept = []
    static = [s for s in suites if s.level == "static" and not s.ended]
    if static:
        folder = cache.folder("runs", "static")
        for suite in static:
            say(f"{suite.name}: started")
            _run_static(suite, folder)
        if any(s.failed for s in static):
            kept.append(folder)
    for flavour, guests, levels in MACHINES:
        group = [s for s in suites if s.level in levels and not s.ended]
        if not group:
            continue
        try:
            result = _run_machine(group, flavour, guests)
        except LabError as error:
            # The other machines' suites can still run; these cannot.
            print(f"lab: {error}", file=sys.stderr)
            for suite in group:
                if not suite.ended:
                    suite.fail("could not be started")
                    suite.ended = True
            continue
        if any(s.failed for s in group) or result.status is None:
            kept.append(result.folder)
        else:
            machine.forget(result)
    print()
    for suite in suites:
        print(f"{'FAIL' if suite.failed else 'pass'}  {suite.name}: {suite.summary()}")
    for folder in kept:
        print(f"console, journal and results: {folder}")
    total = [sum(getattr(s, n) for s in suites) for n in ("passed", "failed", "skipped")]
    print(f"{total[0]} passed, {total[1]} failed" +
          (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] or not total[0] else 0


def bench():
    """Run the benchmarks; returns the exit status."""
    suites = chosen([], ("bench",))
    outputs = []
    say("level 1 starts")
    result = machine.run(build.boot("stock"), build.project("stock"), job(suites),
                         MACHINE_SECONDS + sum(s.seconds + 60 for s in suites), "bench",
                         lambda text: (outputs.append(text),
                                       None if MARK.match(text) else print(text, flush=True)))
    bad = [m for m in map(MARK.match, outputs) if m and m[1] == "end" and m[3] != "0"]
    ended = [m for m in map(MARK.match, outputs) if m and m[1] == "end"]
    for path in sorted((result.folder / "out").glob("*.json")):
        print(f"--- {path}")
        print(path.read_text())
    if bad or len(ended) != len(suites):
        print(f"lab: failed: {result.why or ', '.join(m[2] for m in bad)}; see {result.folder}",
              file=sys.stderr)
        return 1
    return 0


def demo():
    """The demonstration: a guest with a moving picture, seen from the host as a PNG."""
    script = "/opt/vdmabuf/tests/demo.sh"
    if not (LAB_DIR.parent / "demo.sh").is_file():
        script = '/opt/vdmabuf/tests/e2e/60-picture.sh --demo "$LAB_OUT"'
    text = ("export PATH=/opt/vdmabuf/tests/bin:$PATH VDMABUF_TEST_BIN=/opt/vdmabuf/tests/bin\n"
            f"cd /opt/vdmabuf/tests && timeout 900 sh {script}\n")
    say("level 1 starts")
    result = machine.run(build.boot("stock"), build.project("stock"), text, 1200, "demo", say)
    pictures = sorted((result.folder / "out").glob("*.png"))
    if result.status or not pictures:
        print(f"lab: the demonstration failed: {result.why or f'status {result.status}'}; "
              f"console, journal and results: {result.folder}", file=sys.stderr)
        return 1
    for path in pictures:
        print(path)
    return 0
