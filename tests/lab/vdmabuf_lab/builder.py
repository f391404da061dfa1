# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs run in the builder tree: the sources at /src, build folders at /build."""

from . import cache, kernels, trees
from .util import SOURCE_DIR

EXCERPTS = "/usr/src/vdmabuf-vhost"
CHECKPATCH = f"{EXCERPTS}/scripts/checkpatch.pl"


def command(argv, cwd="/src", env=None, binds=(), writable_source=False):
    """The command line for a program in the builder."""
    tree = trees.make("builder")
    always = [(SOURCE_DIR, "/src" if writable_source else "/src:ro"),
              (kernels.excerpts(), f"{EXCERPTS}:ro"),
              (cache.folder("build"), "/build")]
    return trees.enter(tree, argv, [*always, *binds], cwd=cwd, env=env)


def headers(role):
    """Where the headers of a kernel are in the builder (KDIR)."""
    return f"/usr/src/linux-headers-{kernels.versions()[role]['name']}"


def vhost(role):
    """Where the matching vhost.h is in the builder (a folder)."""
    return f"{EXCERPTS}/{kernels.versions()[role]['name']}"
