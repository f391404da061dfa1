# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's Debian packages, and what apt makes of a machine with them.

A machine is its tree, which is stock Debian, and layers over it: what apt has changed when it
installed packages, modules (built by DKMS) apart from programs, so that a change of the sources
renews no more than it has to. A layer is named after the contents of its packages.
"""

import os
import shutil
import stat

from . import builder, cache, kernels, packagedkernel, trees
from .apt import Apt
from .util import LAB_DIR, SOURCE_DIR, LabError, digest, run, say

# Part of every key: raise it when the way in which a layer is made changes.
RECIPE = 1

# What is installed, and in which order: modules, programs
WANTED = {
    "level1": (("vdmabuf-host-dkms", "vdmabuf-tests-dkms"),
               ("libvdmabuf0", "vdmabuf-host", "virt-vdmabuf", "virt-viewer-vdmabuf",
                "vdmabuf-tests", "vdmabuf-tests-host")),
    "level2": (("vdmabuf-guest-dkms",), ("libvdmabuf0", "vdmabuf-guest", "vdmabuf-tests")),
}

# What apt leaves behind that is no part of what it has installed
LITTER = ("run", "tmp", "var/cache/apt", "var/log", "var/lib/apt/lists", "var/lib/dpkg/lock",
          "var/lib/dpkg/lock-frontend", "var/cache/debconf")


def _sources():
    """The files that packages are made of; suites and the lab itself are not."""
    found = []
    for top in sorted(SOURCE_DIR.iterdir()):
        if top.name.startswith("."):
            continue
        found += [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file())
    names = {path: path.relative_to(SOURCE_DIR) for path in found}
    return [part for path, name in names.items()
            if name.parts[:2] != ("tests", "lab") and name.suffix != ".sh"
            and "__pycache__" not in name.parts
            for part in (str(name), path)]


def build():
    """The folder of the packages, as dpkg-buildpackage leaves them."""
    script = LAB_DIR / "build-packages"

    def recipe(temporary):
        say("packages: dpkg-buildpackage")
        # What they are configured with is in debian/rules: another folder then.
        place = "packages-" + digest(trees.key("builder"), SOURCE_DIR / "debian/rules")
        for old in builder.build_folder().glob("packages-*"):
            if old.name != place:
                shutil.rmtree(old, ignore_errors=True)
        log = cache.folder("logs") / "packages.log"
        log.unlink(missing_ok=True)
        run(builder.command(["sh", "-eu", "/src/tests/lab/build-packages"], cwd="/",
                            env={"BUILD": f"/build/{place}", "OUT": "/out"},
                            binds=[(temporary, "/out")]), log=log)

    return cache.artefact("packages", digest(RECIPE, trees.key("builder"), script, *_sources()),
                          recipe)


def deb(folder, name):
    """The file of one package."""
    found = list(folder.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise LabError(f"{folder} has {len(found)} packages {name}, one was expected")
    return found[0]


def _install(kind, level, below, debs):
    """What apt changes when it installs debs over the layers below; where DKMS builds, its log is
    shown if something fails."""
    tree = trees.make(level)
    contents = [part for deb in debs for part in (deb.name, digest(deb))]

    def recipe(temporary):
        say(f"{level}: apt install {' '.join(deb.name.split('_')[0] for deb in debs)}")
        upper = temporary / "upper"
        folders = sorted({deb.parent for deb in debs})
        binds = [(folder, f"/tmp/{number}:ro") for number, folder in enumerate(folders)]
        files = [f"/tmp/{folders.index(deb.parent)}/{deb.name}" for deb in debs]
        log = cache.folder("logs") / f"{kind}-{level}.log"
        log.unlink(missing_ok=True)
        run(trees.enter(tree, ["apt-get", "-q", "-y", "--no-install-recommends",
                               "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
                               "-o", "APT::Sandbox::User=root", "install", *files],
                        binds, env={"DEBIAN_FRONTEND": "noninteractive"},
                        layers=below, upper=upper), log=log)
        for name in LITTER:
            path = upper / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        shutil.rmtree(temporary / "work")

    key = digest(RECIPE, level, trees.key(level), [layer.parent.name for layer in below], contents)
    return cache.artefact(f"{kind}-{level}", key, recipe) / "upper"


def kernel(role, level):
    """The packages of a kernel and of what modules are built with."""
    known = kernels.versions()[role]
    apt = Apt(known["release"])
    common = known["name"].removesuffix("-amd64")
    names = [f"linux-headers-{known['name']}", f"linux-headers-{common}-common",
             f"linux-kbuild-{common}"]
    if level == "level1":
        names.append(known["source"])
    # What every kernel of Debian's shares has to be as new as the newest one asks for.
    base = apt.show("linux-base", "trixie-backports")["Version"]
    return [apt.download("linux-base", base), *packagedkernel.packages(known),
            *(apt.download(name, known["version"]) for name in names)]


def layers(level, folder, role="stock"):
    """What lies over the tree of a level, the topmost first, with the packages of a folder.

    With the kernel "new", what its installation has changed is between modules and programs.
    """
    modules, programs = WANTED[level]
    found = [_install("modules", level, [], [deb(folder, name) for name in modules])]
    if role != "stock":
        found.insert(0, _install(f"upgrade-{role}", level, found, kernel(role, level)))
    debs = [deb(folder, name) for name in programs]
    # The same programs over one kernel and over two
    kind = "programs" if role == "stock" else f"programs-{role}"
    return [_install(kind, level, found, debs), *found]


def _whiteouts(layer):
    """What a layer says is not there, in the form that overlayfs has for it."""
    for folder, _, names in os.walk(layer):
        for name in names:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            if stat.S_ISCHR(state.st_mode) and state.st_rdev == 0:
                yield os.path.relpath(path, layer)


def merge(found, stage):
    """Copy layers, the topmost of which is first, into one folder."""
    gone = set()
    for layer in reversed(found):
        for name in _whiteouts(layer):
            path = stage / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        run(["cp", "-a", "--no-target-directory", layer, stage])
        for name in list(_whiteouts(stage)):
            gone.add(name)
            (stage / name).unlink()
    # A kernel's installation turns the links to kernels round.
    gone = {name for name in gone if not (stage / name).exists()} - {"initrd.img.old"}
    if gone:
        # Neither an archive nor a disk over another says that something is not there.
        raise LabError(f"apt has removed what is in the tree: {', '.join(sorted(gone))}")
