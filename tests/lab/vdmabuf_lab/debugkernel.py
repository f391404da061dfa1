# SPDX-License-Identifier: GPL-2.0-or-later
"""The debug kernels: Debian's 6.12 with KASAN, lockdep, kmemleak and the like; and the same with
the series that kernel/patches makes, the drivers in it, and KVM."""

import pathlib
import shutil

from . import builder, cache, images, kernels, trees
from .util import LAB_DIR, SOURCE_DIR, digest, run, say

CMDLINE = "printk.time=1"
# It takes several times as long for everything: no libvirt, and little memory to look through.
SMALL = "systemd.unit=lab-small.target"
MEGABYTES = 3072
CONFIGS = {"debug": ("debug.config",), "series": ("debug.config", "series.config")}


def _series():
    """What the series is made from."""
    kernel = SOURCE_DIR / "kernel"
    files = [p for p in sorted(kernel.iterdir()) if p.suffix in (".c", ".h") or p.name == "Kbuild"]
    return [*files, kernel / "include", kernel / "patches", SOURCE_DIR / "docs/protocol.md"]


def make(role):
    """The folder with vmlinuz, version, modules and headers of the kernel "debug" or "series"."""
    kernel = kernels.versions()["stock"]
    script = LAB_DIR / "build-debug-kernel"
    configs = [LAB_DIR / name for name in CONFIGS[role]]
    series = _series() if role == "series" else []

    def recipe(temporary):
        say(f"{role} kernel {kernel['version']}: some minutes")
        deb = kernels.source(kernel)
        log = cache.folder("logs") / f"{role}-kernel.log"
        log.unlink(missing_ok=True)
        run(builder.command(["sh", "-eu", "/src/tests/lab/build-debug-kernel"], cwd="/",
                            env={"DEB": f"/debs/{deb.name}", "TOP": kernel["source"], "NAME": role,
                                 "CONFIGS": " ".join(f"/src/tests/lab/{c.name}" for c in configs),
                                 "SERIES": "yes" if series else "",
                                 "BUILD": f"/build/{role}-kernel", "OUT": "/out"},
                            binds=[(deb.parent, "/debs:ro"), (temporary, "/out")]), log=log)
        say(f"{role} kernel: done")

    return cache.artefact(f"{role}-kernel", digest(kernel, script, *configs, *series), recipe)


def boot(role):
    """What a machine is booted with, as images.stock() gives it."""
    kernel = make(role)
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
    return cache.artefact(f"boot-{role}", key, recipe)
