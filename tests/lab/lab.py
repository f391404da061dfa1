# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: builds the project, boots the two-level virtual machine, runs the tests in it."""

import argparse
import concurrent.futures
import subprocess
import sys

from vdmabuf_lab import build, builder, cache, debugkernel, images, isolate, kernels, machine
from vdmabuf_lab import suites, trees
from vdmabuf_lab.util import LabError, say


def do_build(arguments):
    """Everything that the other commands need; they make it too if it is not there."""
    kernels.versions(arguments.refresh)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = [pool.submit(trees.make, name) for name in ("builder", "level1", "level2")]
        jobs.append(pool.submit(kernels.excerpts))
        for job in concurrent.futures.as_completed(jobs):
            job.result()
    for level in ("level1", "level2"):
        images.root(level)
    images.stock()
    debugkernel.boot("debug")
    for flavour in ("stock", "debug"):
        build.project(flavour)
    say(f"all is in {cache.ROOT}")
    return 0


def do_test(arguments):
    """Run suites and count their results."""
    if arguments.list:
        for suite in suites.registry():
            print(f"{suite.name:20} {suite.script}" + (" (long)" if suite.long else ""))
        return 0
    return suites.test(arguments.suite)


def do_demo(_arguments):
    """A guest with a moving picture, seen on the host: leaves a PNG."""
    return suites.demo()


def do_bench(_arguments):
    """Run the benchmarks, print their JSON."""
    return suites.bench()


def do_shell(arguments):
    """A root shell in level 1; guest-start and its siblings are there; poweroff ends it."""
    return machine.shell(build.boot(arguments.kernel), build.project(arguments.kernel))


def do_run(arguments):
    """Run a shell script in level 1, show its output, keep its results."""
    flavour = arguments.kernel
    with open(arguments.script, encoding="utf-8") as file:
        result = machine.run(build.boot(flavour), build.project(flavour), file.read(),
                             arguments.timeout, "run", say)
    say(f"status {result.status} {result.why}; console, journal and results: {result.folder}")
    return 1 if result.status is None else result.status


def do_enter(arguments):
    """A program (or a shell) in the builder, the checkout at /src, build folders in /build."""
    argv = arguments.command
    if argv[:1] == ["--"]:
        argv = argv[1:]
    return subprocess.call(builder.command(argv or ["bash"], writable_source=True))


def do_clean(_arguments):
    """Remove the cache."""
    cache.clean()
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="lab", description=__doc__,
        epilog=f"Everything that is made is kept in {cache.ROOT} ($VDMABUF_LAB_CACHE).")
    kernel = {"choices": ("stock", "debug", "series", "old", "new"), "default": "stock",
              "help": "of both levels: Debian's stock, oldest or newest supported one, the one "
                      "for debugging, or that with kernel/patches applied (%(default)s)"}
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, call, isolated=True):
        one = commands.add_parser(name, help=call.__doc__, description=call.__doc__)
        one.set_defaults(call=call, isolated=isolated)
        return one

    command("build", do_build).add_argument(
        "--refresh", action="store_true", help="take the newest kernels that the mirror has")
    command("demo", do_demo)
    one = command("test", do_test)
    one.add_argument("suite", nargs="*", help="level/name, a level or a name; without: all but those marked")
    one.add_argument("--list", action="store_true", help="list the suites")
    command("bench", do_bench)
    one = command("shell", do_shell)
    one.add_argument("--kernel", **kernel)
    one = command("run", do_run)
    one.add_argument("script", help="read on this machine, run by bash in level 1")
    one.add_argument("--kernel", **kernel)
    one.add_argument("--timeout", type=int, default=900, help="seconds, boot included (900)")
    command("enter", do_enter, isolated=False).add_argument("command", nargs=argparse.REMAINDER)
    command("clean", do_clean)
    return parser


def main():
    arguments = _parser().parse_args()
    if arguments.isolated:
        isolate.enter()
    try:
        return arguments.call(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
