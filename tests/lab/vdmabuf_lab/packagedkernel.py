# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's other kernels, the oldest and the newest supported, to be booted in place of the stock
one: their packages are unpacked, not installed, and only what the lab needs of them is kept."""

import pathlib
import re
import shutil

from . import cache, images, kernels, trees
from .apt import Apt
from .util import LAB_DIR, digest, run, say

# What either level loads, or udev would for its devices; what they depend on is added.
MODULES = (*images.BOOT_MODULES, "kvm_amd", "kvm_intel", "vhost", "vhost_vsock",
           "vmw_vsock_virtio_transport", "virtio_console", "virtio_rng", "virtio_gpu", "vgem",
           "qemu_fw_cfg", "evdev", "fuse", "autofs4", "configfs")
# Part of every key: raise it when the way in which a folder is made changes.
RECIPE = 1
MEGABYTES = 8192


def packages(kernel):
    """The image, and since 7.x the packages that it is divided into."""
    apt = Apt(kernel["release"])
    image = f"linux-image-{kernel['name']}"
    depends = apt.show(image, version=kernel["version"])["Depends"]
    parts = [image, *re.findall(rf"linux-(?:base|binary|modules)-{re.escape(kernel['name'])}", depends)]
    return [apt.download(part, kernel["version"]) for part in parts]


def _keep(modules, target):
    """Copy the modules that are needed, with the lists that depmod reads."""
    for path in images.ordered(modules, MODULES):
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / path, copy)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(modules / name, target / name)


def _depmod(view, name):
    run(trees.enter(trees.make("builder"), ["depmod", "-b", "/view", name], [(view, "/view")]),
        log=cache.folder("logs") / "depmod.log")


def make(role):
    """The folder with vmlinuz, version and modules of the kernel "old" or "new"."""
    kernel = kernels.versions()[role]
    name = kernel["name"]

    def recipe(temporary):
        say(f"kernel {kernel['version']}, unpacked")
        whole = temporary / "whole"
        for deb in packages(kernel):
            run(["dpkg-deb", "-x", deb, whole])
        found = [p for p in whole.rglob("vmlinuz*") if p.is_file()]
        shutil.copy(found[0], temporary / "vmlinuz")
        (temporary / "version").write_text(name + "\n")
        modules = next(p for p in (whole / "usr/lib/modules" / name, whole / "lib/modules" / name)
                       if p.is_dir())
        view = temporary / "view"
        (view / "lib/modules").mkdir(parents=True)
        modules = modules.rename(view / "lib/modules" / name)
        _depmod(view, name)
        kept = temporary / "kept/lib/modules" / name
        kept.mkdir(parents=True)
        _keep(modules, kept)
        _depmod(temporary / "kept", name)
        kept.rename(temporary / "modules")
        for folder in ("view", "whole", "kept"):
            shutil.rmtree(temporary / folder)

    return cache.artefact(f"kernel-{role}", digest(RECIPE, kernel, MODULES), recipe)


def boot(role):
    """What a machine is booted with, as images.stock() gives it."""
    kernel = make(role)
    tree = trees.make("level1")

    def recipe(temporary):
        images.put_kernel(kernel / "vmlinuz", temporary / "kernel")
        shutil.copy(kernel / "version", temporary / "version")
        (temporary / "cmdline").write_text("\n")
        (temporary / "host-cmdline").write_text("\n")
        (temporary / "memory").write_text(f"{MEGABYTES}\n")
        images.make_initrd(tree, kernel / "modules", temporary / "initrd")

    key = digest(RECIPE, kernel.name, trees.key("level1"), MEGABYTES, images.BOOT_MODULES,
                 LAB_DIR / "common/init", pathlib.Path(images.__file__))
    return cache.artefact(f"boot-{role}", key, recipe)
