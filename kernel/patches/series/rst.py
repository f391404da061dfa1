# SPDX-License-Identifier: GPL-2.0-only
"""docs/protocol.md as a file of the kernel's Documentation/.

Only what that file uses of Markdown is known. What is not ends the program, so that nothing arrives
in the tree as a row of stars.
"""

import re

from .tree import SeriesError, replace

NAME = "docs/protocol.md"
LINES = {1: "=", 2: "-", 3: "~", 4: "^"}


def _inline(text):
    """One paragraph's text: code, links within the file."""
    parts = re.split(r"(`[^`]*`)", text)
    for i, part in enumerate(parts):
        if part.startswith("`"):
            parts[i] = f"`{part}`"
            continue
        part = re.sub(r"\[([^\]]+)\]\(#[^)]*\)", r"\1", part)
        if re.search(r"\]\(|<\w+>", part):
            raise SeriesError(f"{NAME}: \"{part.strip()}\" is more Markdown than is known")
        parts[i] = part.replace("\\", "\\\\")
    # reStructuredText wants something between code and a letter beside it
    for i in range(1, len(parts), 2):
        if re.search(r"\w$", parts[i - 1]):
            parts[i - 1] += "\\ "
        if re.match(r"\w", parts[i + 1]):
            parts[i + 1] = "\\ " + parts[i + 1]
    return "".join(parts)


def _cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _table(lines):
    out = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in [lines[0], *lines[2:]]:
        for number, cell in enumerate(_cells(row)):
            out.append(f"   {'* -' if number == 0 else '  -'} {_inline(cell)}".rstrip())
    return [*out, ""]


def _heading(level, text, first):
    line = LINES[level] * len(text)
    return [line, text, line, ""] if first else ["", text, line, ""]


def convert(text):
    """The whole text; part 3, about a daemon's sockets, is no matter of the kernel's."""
    text, found, _ = text.partition("\n---\n\n# 3 Sockets and files\n")
    if not found:
        raise SeriesError(f"{NAME}: part 3 is not where it was")
    for old, new in ((re.search(r"^3\. \[Sockets.*\n", text, re.M)[0], ""),
                     ("Three interfaces, ", "Two interfaces, "),
                     (" `docs/security.md` says who can see what.", ""),
                     (" (`kernel/patches`)", " (``CONFIG_KVM_NOTIFIER``)"),
                     ("`kernel/include/uapi/linux/virtio_vdmabuf.h`",
                      "`include/uapi/linux/virtio_vdmabuf.h`"),
                     ("`kernel/include/uapi/linux/vdmabuf.h`", "`include/uapi/linux/vdmabuf.h`")):
        text = replace(text, old, new.replace("``", "`"), NAME)
    lines = text.splitlines()
    if lines[0] != "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->":
        raise SeriesError(f"{NAME}: its first line is not the licence")
    out = [".. SPDX-License-Identifier: GPL-2.0-or-later", ""]
    first, i, depth, before = True, 1, 0, 0
    while i < len(lines):
        line = lines[i]
        heading = re.match(r"(#+) (.*)$", line)
        if line.startswith("```"):
            end = lines.index("```", i + 1)
            block = [f"\t{code}" if code else "" for code in lines[i + 1:end]]
            out += ["", "::", "", *block, ""]
            i = end
        elif heading:
            out += _heading(len(heading[1]), _inline(heading[2]), first)
            first = False
        elif line.startswith("|"):
            end = i
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            out += _table(lines[i:end])
            i = end - 1
        elif line.startswith("    ") and not out[-1].strip():
            end = i
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end]):
                end += 1
            out += ["::", "", *lines[i:end], ""]
            i = end - 1
        elif line != "---":
            item = re.match(r"( *)(?:\d+\.|-) ", line)
            depth = len(item[1]) if item else depth if line else 0
            # A list in a list stands between empty lines
            if item and out[-1] and depth != before:
                out.append("")
            out.append(_inline(line))
            before = depth
        i += 1
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).rstrip() + "\n"
