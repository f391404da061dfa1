# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs run in the builder tree: the sources at /src, build folders at /build."""

import pathlib
import shutil

from . import cache, kernels, trees
from .util import SOURCE_DIR, digest

EXCERPTS = "/usr/src/vdmabuf-vhost"
CHECKPATCH = f"{EXCERPTS}/scripts/checkpatch.pl"


def build_folder():
    """Build folders are each checkout's own: times of files say nothing across two of them."""
    folder = cache.folder("build", digest(str(SOURCE_DIR)))
    (folder / "checkout").write_text(str(SOURCE_DIR))
    for other in folder.parent.iterdir():
        note = other / "checkout"
        if note.exists() and not pathlib.Path(note.read_text()).is_dir():
            shutil.rmtree(other, ignore_errors=True)
    return folder


def command(argv, cwd="/src", env=None, binds=(), writable_source=False):
    """The command line for a program in the builder."""
    tree = trees.make("builder")
    always = [(SOURCE_DIR, "/src" if writable_source else "/src:ro"),
              (kernels.excerpts(), f"{EXCERPTS}:ro"),
              (build_folder(), "/build")]
    return trees.enter(tree, argv, [*always, *binds], cwd=cwd, env=env)


def headers(role):
    """Where the headers of a kernel are in the builder (KDIR)."""
    return f"/usr/src/linux-headers-{kernels.versions()[role]['name']}"


def vhost(role):
    """Where the matching vhost.h is in the builder (a folder)."""
    return f"{EXCERPTS}/{kernels.versions()[role]['name']}"
