# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages, child processes and hashing: what every other part of the lab needs."""

import hashlib
import os
import pathlib
import subprocess
import sys
import time

LAB_DIR = pathlib.Path(__file__).resolve().parent.parent
SOURCE_DIR = LAB_DIR.parent.parent

_began = time.monotonic()


class LabError(Exception):
    """Something that the user is told in one line, without a traceback."""


def say(text):
    """One line of progress; a terminal gets the elapsed time in grey."""
    stamp = f"[{time.monotonic() - _began:6.1f}s]"
    if sys.stdout.isatty():
        stamp = f"\033[2m{stamp}\033[0m"
    print(f"{stamp} {text}", flush=True)


def run(argv, log=None, **kwargs):
    """Run a command; its output goes to the file `log`, whose end is shown if it fails."""
    argv = [str(a) for a in argv]
    if log is None:
        result = subprocess.run(argv, **kwargs)
        if result.returncode:
            raise LabError(f"{argv[0]} failed with status {result.returncode}")
        return
    log = pathlib.Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, **kwargs)
    if result.returncode:
        with open(log, "rb") as text:
            text.seek(max(0, log.stat().st_size - 4000))
            tail = text.read().decode(errors="replace")
        sys.stdout.write("".join(f"    {line}\n" for line in tail.splitlines()[-25:]))
        raise LabError(f"{argv[0]} failed with status {result.returncode}; the whole log: {log}")


def output(argv, **kwargs):
    """The standard output of a command, as text."""
    argv = [str(a) for a in argv]
    result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **kwargs)
    if result.returncode:
        raise LabError(f"{' '.join(argv)}: status {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def digest(*things):
    """A short hash of texts, of files and of folders (names, modes and contents)."""
    total = hashlib.sha256()

    def add(data):
        total.update(str(len(data)).encode() + b":" + data)

    for thing in things:
        if not isinstance(thing, pathlib.Path):
            add(repr(thing).encode())
            continue
        paths = [thing]
        if thing.is_dir():
            paths = sorted(p for p in thing.rglob("*") if "__pycache__" not in p.parts)
        for path in paths:
            add(str(path.relative_to(thing.parent)).encode())
            if path.is_symlink():
                add(os.readlink(path).encode())
            elif path.is_file():
                add(oct(path.stat().st_mode & 0o111).encode())
                add(path.read_bytes())
    return total.hexdigest()[:16]
