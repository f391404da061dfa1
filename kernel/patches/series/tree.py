# SPDX-License-Identifier: GPL-2.0-only
"""A kernel's tree, of which only the files that are touched are copied, and changes to it.

Every change names what it expects to find. Whatever is not there, or is there more than once, ends
the program: a patch that was put somewhere by guess is worse than none.
"""

import pathlib
import re


class SeriesError(Exception):
    """What a person is told in one line."""


def replace(text, old, new, where):
    """Replace what is there exactly once."""
    found = text.count(old)
    if found != 1:
        line = old.strip().splitlines()[0]
        raise SeriesError(f"{where}: \"{line}\" is there {found} times, not once: "
                          "kernel/patches does not know this version")
    return text.replace(old, new)


class Tree:
    """Files of the tree @source, changed in the folder @copy."""

    def __init__(self, source, copy):
        self.source = pathlib.Path(source)
        self.copy = pathlib.Path(copy)
        makefile = self.source / "Makefile"
        if not makefile.is_file() or not (self.source / "MAINTAINERS").is_file():
            raise SeriesError(f"{source} is no tree of Linux")
        numbers = dict(re.findall(r"^(VERSION|PATCHLEVEL) = (\d+)$", makefile.read_text(), re.M))
        if len(numbers) != 2:
            raise SeriesError(f"{makefile} does not say which version it is")
        self.version = (int(numbers["VERSION"]), int(numbers["PATCHLEVEL"]))

    def has(self, path, text):
        """Whether a file of the tree contains the text."""
        return text in (self.source / path).read_text()

    def fetch(self, path):
        """Copy a file that is going to be changed."""
        if not (self.source / path).is_file():
            raise SeriesError(f"{self.source} has no {path}")
        target = self.copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((self.source / path).read_bytes())

    def add(self, path, text):
        """A new file."""
        if (self.source / path).exists() or (self.copy / path).exists():
            raise SeriesError(f"{self.source / path} is there already")
        target = self.copy / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def change(self, path, old, new):
        """Replace what is in the file exactly once."""
        target = self.copy / path
        target.write_text(replace(target.read_text(), old, new, path))

    def before(self, path, anchor, text):
        """Insert before what is in the file exactly once."""
        self.change(path, anchor, text + anchor)

    def after(self, path, anchor, text):
        """Insert behind what is in the file exactly once."""
        self.change(path, anchor, anchor + text)

    def in_order(self, path, head, anchor, text):
        """Insert behind the first @anchor that follows @head, which is there exactly once."""
        target = self.copy / path
        whole = target.read_text()
        above, _, below = whole.partition(head)
        if whole.count(head) != 1 or anchor not in below:
            raise SeriesError(f"{path}: \"{head.strip()}\" without \"{anchor.strip()}\": "
                              "kernel/patches does not know this version")
        target.write_text(above + head + below.replace(anchor, anchor + text, 1))

    def in_function(self, path, head, old, new):
        """Replace what is exactly once in one function of a C file, whose definition begins so."""
        target = self.copy / path
        text = target.read_text()
        found = re.findall(rf"^{re.escape(head)}[^;{{]*\n{{\n.*?^}}\n", text, re.M | re.S)
        if len(found) != 1:
            raise SeriesError(f"{path}: \"{head}\" is there {len(found)} times, not once: "
                              "kernel/patches does not know this version")
        body = replace(found[0], old, new, f"{path}, {head}")
        target.write_text(text.replace(found[0], body))
