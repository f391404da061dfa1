# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Linux versions the lab works with, and their exact packages.

Three kernels matter: the running one (Debian's stock kernel, on both levels), the newest one
(backports) and the oldest that is supported (Debian 12's). The modules are built for all three.
"""

import json
import subprocess

from . import cache
from .apt import Apt
from .util import LabError, digest, say


CHECKPATCH = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")


def _resolve(release, suite):
    """The flavour package, its version and the source package of the newest kernel of a suite."""
    apt = Apt(release)
    meta = apt.show("linux-headers-amd64", suite)
    flavour = next(d.strip().split()[0] for d in meta["Depends"].split(",")
                   if d.strip().startswith("linux-headers-"))
    version = meta["Version"]
    name = flavour.removeprefix("linux-headers-")
    series = ".".join(name.split(".")[:2])
    return {"release": release, "name": name, "version": version,
            "source": f"linux-source-{series}"}


def versions(refresh=False):
    """The pinned kernels; only on request are newer ones looked for."""
    pinned = cache.folder() / "kernels.json"
    if not pinned.exists() or refresh:
        with cache.exclusive("kernels"):
            # Another part of this run may have looked while this one waited.
            if not pinned.exists() or refresh:
                found = pinned.with_suffix(".new")
                found.write_text(json.dumps(_look(), indent=1) + "\n")
                found.rename(pinned)
    return json.loads(pinned.read_text())


def _look():
    for release in ("trixie", "bookworm"):
        Apt(release).update()
    found = {
        "stock": _resolve("trixie", None),
        "new": _resolve("trixie", "trixie-backports"),
        "old": _resolve("bookworm", None),
    }
    for role, kernel in found.items():
        say(f"kernel {role}: {kernel['name']} ({kernel['version']})")
        # vhost's private header must come from exactly the source that the headers belong to.
        source = Apt(kernel["release"]).show(kernel["source"], version=kernel["version"])
        if source["Version"] != kernel["version"]:
            raise LabError(f"{kernel['source']} is {source['Version']}, the headers are "
                           f"{kernel['version']}: the mirror is between two states")
    return found


def source(kernel):
    """The file of the kernel's source package."""
    return Apt(kernel["release"]).download(kernel["source"], kernel["version"])


def excerpts():
    """vhost.h of each kernel and checkpatch.pl, taken from the source packages.

    The folder has VERSION/vhost.h for each kernel, and scripts/ for checkpatch.
    """
    def recipe(temporary):
        say("vhost.h and checkpatch.pl from the kernels' sources")
        jobs = []
        for role, kernel in versions().items():
            place = temporary / kernel["name"]
            place.mkdir()
            top = kernel["source"]
            wanted = ["drivers/vhost/vhost.h"]
            if role == "stock":
                wanted += [f"scripts/{name}" for name in CHECKPATCH]
            # --occurrence: tar would read the archive to its end otherwise, most of it for nothing.
            line = (f"dpkg-deb --fsys-tarfile {source(kernel)} | "
                    f"tar -xO ./usr/src/{top}.tar.xz | xz -dc | "
                    f"tar -x -C {place} --strip-components=1 --occurrence=1 " +
                    " ".join(f"{top}/{name}" for name in wanted))
            jobs.append((kernel, place, wanted,
                         subprocess.Popen(["sh", "-c", line], stderr=subprocess.DEVNULL)))
        for kernel, place, wanted, job in jobs:
            job.wait()
            # tar ends the pipe early, so that a status says little: the files are the proof.
            missing = [name for name in wanted if not (place / name).is_file()]
            if missing:
                raise LabError(f"{kernel['source']} {kernel['version']} has no {missing[0]}")
            (place / "drivers/vhost/vhost.h").rename(place / "vhost.h")
            (place / "version").write_text(kernel["version"] + "\n")
            if len(wanted) > 1:
                (place / "scripts").rename(temporary / "scripts")

    return cache.artefact("excerpts", digest(1, versions(), CHECKPATCH), recipe)
