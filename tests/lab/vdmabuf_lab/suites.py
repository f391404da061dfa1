# SPDX-License-Identifier: GPL-2.0-or-later
"""The suites: which there are, running them, counting their results."""

import concurrent.futures
import dataclasses
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

from . import build, builder, cache, kernels, machine, packages, trees
from .util import LAB_DIR, LabError, say

LEVELS = ("static", "host", "e2e", "debug", "series", "guest", "old", "new")
MARK = re.compile(r"^##lab (begin|end) (\S+)(?: (\d+))?$")
RESULT = re.compile(r"^(ok|not ok)\b(.*)$")
# Machines: the kernel of level 1, the project (which has the guests' kernel), the levels whose
# suites run there, and among how many such machines they are divided.
MACHINES = (("stock", "stock", ("host", "e2e"), 2), ("debug", "debug", ("debug",), 1),
            ("series", "series", ("series",), 1),
            ("stock", "debug", ("guest",), 1), ("old", "old", ("old",), 1),
            ("new", "new", ("new",), 1))
# A machine's work is seldom for more than one processor, and two are what there surely is.
LANES = 2
# Boot, the start of libvirt, and the end: beside what the suites take themselves.
MACHINE_SECONDS = 300


@dataclasses.dataclass
class Suite:
    """A suite, and what is known of its results."""

    level: str
    short: str
    seconds: int
    script: str
    long: bool = False
    packages: bool = False
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    planned: int = -1
    ended: bool = False
    began: float = 0
    took: float = 0
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

    def begin(self):
        """It has started."""
        self.began = time.monotonic()
        say(f"{self.name}: started")

    def end(self, status):
        """It is over: what its status and its plan say beside its lines."""
        self.ended = True
        self.took = time.monotonic() - self.began
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
        text += f", {self.skipped} skipped" if self.skipped else ""
        return text + (f" ({self.took:.0f} s)" if self.took else "")


def registry():
    """All suites, in the order of suites.conf."""
    found = []
    for line in (LAB_DIR / "suites.conf").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            level, short, seconds, script, *rest = words
            found.append(Suite(level, short, int(seconds), script, "long" in rest,
                               "packages" in rest))
    return found


def chosen(names, levels=LEVELS):
    """The suites that the names mean: level/name, a level, a name in any level, or "all"."""
    known = [s for s in registry() if s.level in levels]
    if names == ["all"]:
        return known
    if not names:
        return [s for s in known if not s.long]
    wanted = []
    for name in names:
        matching = [s for s in known if name in (s.name, s.level, s.short)]
        if not matching:
            raise LabError(f"no suite {name}: see lab test --list")
        wanted += [s for s in matching if s not in wanted]
    return wanted


def _packages():
    """What a suite that installs packages has beside the others: where these, the trees, and the
    packages of kernels are, and the kernels' names."""
    known = kernels.versions()
    source = kernels.source(known["stock"])
    new = {level: packages.kernel("new", level) for level in packages.WANTED}
    binds = [(packages.build(), "/packages:ro"), (source.parent, "/debs:ro")]
    binds += [(trees.make(level), f"/trees/{level}:ro") for level in packages.WANTED]
    env = {"STOCK": known["stock"]["name"], "NEW": known["new"]["name"], "SOURCE": source.name}
    for level, debs in new.items():
        env[f"NEW_{level}"] = " ".join(deb.name for deb in debs)
    return binds, env


def _run_static(suite, folder):
    build_place = f"/build/static-{suite.short}"
    binds, env = _packages() if suite.packages else ([], {})
    if suite.short == "series":
        found = kernels.versions()
        debs = [kernels.source(found[role]) for role in ("stock", "new")]
        env["SOURCES"] = " ".join(f"/debs/{deb.name}" for deb in debs)
        binds.append((debs[0].parent, "/debs:ro"))
    argv = builder.command(["sh", "-c", f"mkdir -p {build_place}; exec \"$@\"", "sh",
                            f"/src/{suite.script}"], env=dict(env, BUILD=build_place), binds=binds)
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


def _run_machine(suites, name, flavour, guests):
    """One machine for suites; returns what is kept of the run, if anything."""
    by_name = {suite.name: suite for suite in suites}
    current = [None]

    def line(text):
        mark = MARK.match(text)
        if mark and mark[1] == "begin":
            current[0] = by_name[mark[2]]
            current[0].begin()
        elif mark:
            by_name[mark[2]].end(int(mark[3]))
            current[0] = None
        elif current[0]:
            current[0].line(text)

    try:
        booted, project = build.boot(flavour), build.project(guests)
        say(f"level 1 starts for {name}: kernel {flavour}, in guests {guests}")
        result = machine.run(booted, project, job(suites),
                             MACHINE_SECONDS + sum(s.seconds + 60 for s in suites),
                             f"test-{name}", line)
    except LabError as error:
        # The other machines' suites can still run; these cannot.
        print(f"lab: {error}", file=sys.stderr)
        for suite in suites:
            if not suite.ended:
                suite.fail("could not be started")
                suite.ended = True
        return None
    for suite in suites:
        if not suite.ended:
            suite.fail(f"not run to its end: {result.why or 'the machine stopped'}")
            suite.ended = True
        if suite.lines:
            name = f"{suite.name.replace('/', '-')}.tap"
            (result.folder / name).write_text("\n".join(suite.lines) + "\n")
    if any(s.failed for s in suites) or result.status is None:
        return result.folder
    machine.forget(result)
    return None


def _run_statics(suites):
    """The suites that need no machine; returns what is kept, if anything."""
    folder = cache.folder("runs", "static")
    for suite in suites:
        suite.begin()
        _run_static(suite, folder)
    return folder if any(s.failed for s in suites) else None


def _divided(suites, parts):
    """Suites in so many groups of about the same time, each in the order of suites.conf."""
    groups = [[] for _ in range(parts)]
    for suite in sorted(suites, key=lambda s: -s.seconds):
        min(groups, key=lambda g: sum(s.seconds for s in g)).append(suite)
    return [[s for s in suites if s in group] for group in groups if group]


def _tasks(suites):
    """What can run at the same time, the longest first: suites, a function and its arguments."""
    waiting = [s for s in suites if not s.ended]
    tasks = [([s for s in waiting if s.level == "static"], _run_statics)]
    for flavour, guests, levels, parts in MACHINES:
        group = [s for s in waiting if s.level in levels]
        for number, part in enumerate(_divided(group, parts)):
            tasks.append((part, _run_machine, f"{'-'.join(levels)}-{number + 1}", flavour, guests))
    return sorted((t for t in tasks if t[0]), key=lambda t: -sum(s.seconds for s in t[0]))


def test(names):
    """Run suites; returns the exit status of `lab test`."""
    suites = chosen(names)
    for suite in suites:
        if not (LAB_DIR.parent.parent / suite.script).is_file():
            suite.fail(f"{suite.script} does not exist")
            suite.ended = True
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        jobs = [pool.submit(call, group, *rest) for group, call, *rest in _tasks(suites)]
        kept = [job.result() for job in jobs]
    print()
    for suite in suites:
        print(f"{'FAIL' if suite.failed else 'pass'}  {suite.name}: {suite.summary()}")
    for folder in filter(None, kept):
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
