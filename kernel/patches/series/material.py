# SPDX-License-Identifier: GPL-2.0-only
"""What the patches are made of: kernel/, docs/protocol.md, and the texts beside this folder."""

import pathlib

from . import rst
from .tree import SeriesError

HERE = pathlib.Path(__file__).resolve().parent.parent


class Material:
    """All of it, read from the checkout."""

    def __init__(self):
        self._kernel = HERE.parent
        self._docs = HERE.parent.parent / "docs"

    def read(self, name):
        """A file of kernel/patches."""
        return (HERE / name).read_text()

    def template(self, name, **values):
        """A text of kernel/patches/templates, without its licence line."""
        first, _, text = (HERE / "templates" / name).read_text().partition("\n")
        if "SPDX-License-Identifier" not in first:
            raise SeriesError(f"templates/{name}: its first line is not the licence")
        for key, value in values.items():
            text = text.replace(f"@{key.upper()}@", value)
        return text

    def kernel(self, name):
        """A file of kernel/."""
        return (self._kernel / name).read_text()

    def kernel_names(self):
        """The C files and headers of kernel/, sorted."""
        return sorted(path.name for path in self._kernel.iterdir() if path.suffix in (".c", ".h"))

    def protocol(self):
        """docs/protocol.md, for the kernel's Documentation/."""
        return rst.convert((self._docs / "protocol.md").read_text())
