# SPDX-License-Identifier: GPL-2.0-or-later
"""The debug kernel: Debian's 6.12 with KASAN, lockdep, kmemleak and the like."""

import pathlib
import shutil

from . import builder, cache, images, kernels, trees
from .util import LAB_DIR, digest, run, say

CMDLINE = "printk.time=1"
# It takes several times as long for everything: no libvirt, and little memory to look through.
SMALL = "systemd.unit=lab-small.target"
MEGABYTES = 3072


def make():
    """The folder with vmlinuz, version, modules and headers."""
    kernel = kernels.versions()["stock"]
    script = LAB_DIR / "build-debug-kernel"
    config = LAB_DIR / "debug.config"

    def recipe(temporary):
        say(f"debug kernel {kernel['version']}: some minutes")
        deb = kernels.source(kernel)
        log = cache.folder("logs") / "debug-kernel.log"
        log.unlink(missing_ok=True)
        run(builder.command(["sh", "-eu", "/src/tests/lab/build-debug-kernel"], cwd="/",
                            env={"DEB": f"/debs/{deb.name}", "TOP": kernel["source"],
                                 "BUILD": "/build/debug-kernel", "OUT": "/out"},
                            binds=[(deb.parent, "/debs:ro"), (temporary, "/out")]), log=log)
        say("debug kernel: done")

    return cache.artefact("debug-kernel", digest(kernel, script, config), recipe)


def boot():
    """What a machine is booted with, as images.stock() gives it."""
    kernel = make()
    tree = trees.make("level1")

    def recipe(temporary):
        images.put_kernel(kernel / "vmlinuz", temporary / "kernel")
        shutil.copy(kernel / "version", temporary / "version")
        (temporary / "cmdline").write_text(CMDLINE + "\n")
        (temporary / "host-cmdline").write_text(SMALL + "\n")
        (temporary / "memory").write_text(f"{MEGABYTES}\n")
        images.make_initrd(tree, None, temporary / "initrd")

    key = digest(1, kernel.name, trees.key("level1"), CMDLINE, SMALL, MEGABYTES,
                 LAB_DIR / "common/init", pathlib.Path(images.__file__))
    return cache.artefact("boot-debug", key, recipe)
