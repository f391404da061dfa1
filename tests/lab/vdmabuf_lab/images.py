# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machines boot from: root disks, kernels and initrds."""

import gzip
import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess

from . import cache, kernels, trees
from .util import LAB_DIR, LabError, digest, run, say

# In the order in which the initrd needs them; what they depend on is added.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "overlay")


class Cpio:
    """A writer of initramfs archives ("newc"), so that no tool is needed for a few files."""

    def __init__(self):
        self.parts = []
        self.serial = 0

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        self.serial += 1
        encoded = name.encode() + b"\0"
        fields = [self.serial, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0]
        head = b"070701" + b"".join(b"%08x" % f for f in fields) + encoded
        self.parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def folder(self, name):
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data)

    def device(self, name, major, minor):
        self._entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def write(self, path):
        self._entry("TRAILER!!!", 0)
        with gzip.open(path, "wb", compresslevel=1) as out:
            out.write(b"".join(self.parts))


def _plain(path):
    """A module's contents, unpacked: busybox knows no compressed modules."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    return path.read_bytes()


def ordered(modules_dir, wanted):
    """Modules with everything they need before them, as paths below modules_dir."""
    needs, by_name = {}, {}
    for line in (modules_dir / "modules.dep").read_text().splitlines():
        path, rest = line.split(":", 1)
        needs[path] = rest.split()
        name = pathlib.PurePath(path).name.split(".")[0].replace("-", "_")
        by_name[name] = path
    built_in = (modules_dir / "modules.builtin").read_text()
    order = []

    def add(path):
        for other in needs[path]:
            add(other)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in by_name:
            add(by_name[name])
        elif not re.search(rf"/{name.replace('_', '[-_]')}\.ko", built_in):
            raise LabError(f"the kernel has no {name}")
    # ext4 asks for its checksum by name, which modules.dep does not say.
    for name in ("crc32c_generic", "crc32c_cryptoapi"):
        if name in by_name and "ext4" in by_name and by_name[name] not in order:
            order.insert(order.index(by_name["ext4"]), by_name[name])
    return order


def make_initrd(tree, modules_dir, target):
    """The initrd of both levels: busybox, a handful of modules and common/init."""
    archive = Cpio()
    for name in ("bin", "dev", "modules"):
        archive.folder(name)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", (tree / "bin/busybox").read_bytes(), 0o755)
    archive.file("init", (LAB_DIR / "common/init").read_bytes(), 0o755)
    names = []
    for path in ordered(modules_dir, BOOT_MODULES) if modules_dir else ():
        name = pathlib.PurePath(path).name.removesuffix(".xz")
        archive.file(f"modules/{name}", _plain(modules_dir / path))
        names.append(name)
    archive.file("modules/order", "".join(f"{n}\n" for n in names).encode())
    archive.write(target)


def stock():
    """The stock kernel as it is booted, a folder: vmlinuz, initrd, version, cmdline for both levels
    and host-cmdline for level 1, memory (MiB) for level 1."""
    tree = trees.make("level1")
    name = kernels.versions()["stock"]["name"]

    def recipe(temporary):
        shutil.copy(tree / f"boot/vmlinuz-{name}", temporary / "vmlinuz")
        make_initrd(tree, tree / f"lib/modules/{name}", temporary / "initrd")
        (temporary / "version").write_text(name + "\n")
        (temporary / "cmdline").write_text("\n")
        (temporary / "host-cmdline").write_text("\n")
        (temporary / "memory").write_text("8192\n")

    return cache.artefact("boot-stock", digest(1, name, trees.key("level1"), BOOT_MODULES,
                                               LAB_DIR / "common/init",
                                               pathlib.Path(__file__)), recipe)


def root(level):
    """The root disk of a level: a raw ext4 image of its tree."""
    tree = trees.make(level)

    def recipe(temporary):
        say(f"root disk {level}")
        size = int(subprocess.run(["du", "-s", "--block-size=1M", "-x", tree], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout.split()[0])
        spare = 3072 if level == "level1" else 64
        image = temporary / "root.img"
        run(["mke2fs", "-q", "-t", "ext4", "-d", tree, "-L", level, "-m", "0",
             "-O", "^has_journal,^metadata_csum", "-E", "lazy_itable_init=1,nodiscard",
             image, f"{int(size * 1.15) + spare}M"],
            log=cache.folder("logs") / f"root-{level}.log",
            env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))

    return cache.artefact(f"root-{level}", digest(1, trees.key(level)), recipe) / "root.img"
