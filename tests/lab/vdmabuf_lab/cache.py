# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache: artefacts in folders named after a hash of what they are made from.

An artefact is made in a temporary folder and renamed at the end, so that a folder with the final
name is always complete. Whoever uses one holds a shared lock on it, and what is stale is removed
only when nobody does.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil

from .util import LabError, say


def place():
    """The cache folder: never inside the checkout."""
    named = os.environ.get("VDMABUF_LAB_CACHE")
    if named:
        return pathlib.Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    base = pathlib.Path(base) if base else pathlib.Path.home() / ".cache"
    return base / "vdmabuf-lab"


ROOT = place()
_held = []


def folder(*parts):
    """A folder of the cache that is no artefact (logs, packages, runs)."""
    path = ROOT.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def hold(path):
    """Keep an artefact from being removed for as long as this process lives."""
    fd = os.open(str(path) + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_SH)
    _held.append(fd)


@contextlib.contextmanager
def exclusive(name):
    """Only one process at a time makes one kind of artefact."""
    fd = os.open(folder() / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {name}, which is being made elsewhere")
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def remove(path):
    """Remove an artefact that nobody uses; tell whether it is gone."""
    lock = str(path) + ".lock"
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(path, ignore_errors=True)
        os.unlink(lock)
        return True
    finally:
        os.close(fd)


def known(kind, key):
    """The folder of an artefact, or None where it is not made yet."""
    path = ROOT / f"{kind}-{key}"
    return path if path.is_dir() else None


def artefact(kind, key, make):
    """The folder of an artefact, made with make(temporary folder) where it is not there yet."""
    path = ROOT / f"{kind}-{key}"
    if not path.is_dir():
        with exclusive(kind):
            _make(kind, key, path, make)
    hold(path)
    for other in ROOT.glob(f"{kind}-*"):
        if other != path and other.is_dir() and len(other.name) == len(path.name):
            remove(other)
    return path


def _make(kind, key, path, make):
    # Another run may have made it while this one waited for the lock.
    if not path.is_dir():
        # What an interrupted run has left: nobody else makes this kind at the same time.
        for left in ROOT.glob(f"{kind}-*.tmp"):
            shutil.rmtree(left, ignore_errors=True)
        temporary = folder() / f"{kind}-{key}.tmp"
        temporary.mkdir()
        try:
            make(temporary)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        temporary.rename(path)


def clean():
    """Remove the whole cache, except what another process uses."""
    if not ROOT.is_dir():
        return
    for path in sorted(ROOT.iterdir()):
        if path.is_dir() and not remove(path):
            raise LabError(f"{path} is in use")
    shutil.rmtree(ROOT)
