# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's disk: what `meson install` installs, the modules and the lab's own files.

Both levels put it over their root disks at boot, so that it is all that a change of the sources has
to renew.
"""

import shutil
import stat

from . import builder, cache, debugkernel, images, kernels, packagedkernel, trees
from .util import LAB_DIR, SOURCE_DIR, digest, run, say

def _sources():
    """Everything in the checkout that the disk depends on."""
    return [path for path in sorted(SOURCE_DIR.iterdir()) if not path.name.startswith(".")]


def _install(source, target, mode=None):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode or (0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644))


def _enable(units, name):
    link = units / "multi-user.target.wants" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"/etc/systemd/system/{name}")


def _both(stage):
    """The lab's own files that either level needs."""
    lib = stage / "usr/lib/vdmabuf-lab"
    units = stage / "etc/systemd/system"
    for path in sorted((LAB_DIR / "level2/bin").iterdir()):
        _install(path, lib / "bin" / path.name)
    for name in ("lab-small.target", "lab-devices.service"):
        _install(LAB_DIR / "common" / name, units / name)
    _install(LAB_DIR / "level2/small-init", lib / "small-init")
    _install(LAB_DIR / "level2/lab-guest.service", units / "lab-guest.service")
    _enable(units, "lab-guest.service")


def _host(stage, boot):
    """What only level 1 needs: its tools, its job, the tests and what it starts guests with."""
    lib = stage / "usr/lib/vdmabuf-lab"
    units = stage / "etc/systemd/system"
    for path in sorted((LAB_DIR / "level1/bin").iterdir()):
        _install(path, lib / "bin" / path.name)
    for name in ("unpacked", "lab-job"):
        _install(LAB_DIR / "level1" / name, lib / name)
    _install(LAB_DIR / "level1/lab-job.service", units / "lab-job.service")
    _enable(units, "lab-job.service")
    profile = stage / "etc/profile.d/vdmabuf-lab.sh"
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_text("PATH=/usr/lib/vdmabuf-lab/bin:$PATH\nexport LAB_OUT=/run/lab/out\n"
                       "[ -w /run ] && mkdir -p /run/lab/out\n")
    guest = stage / "var/lib/libvirt/images/vdmabuf-lab"
    for name in ("kernel", "initrd", "cmdline"):
        _install(boot / name, guest / name, 0o644)
    for name in ("tests", "domain-xml"):
        if (SOURCE_DIR / name).is_dir():
            shutil.copytree(SOURCE_DIR / name, stage / "opt/vdmabuf" / name, symlinks=True,
                            ignore=shutil.ignore_patterns("lab", "__pycache__"))


def _pack(stage, target):
    # No entries for the top folders themselves: one would replace a link such as /lib.
    names = sorted(p.name for p in stage.iterdir())
    run(["tar", "-c", "--owner=0", "--group=0", "-C", stage, "-f", target, *names])
    shutil.rmtree(stage)


def boot(flavour):
    """What a machine is booted with: the stock kernel, the debug one, that with the series applied,
    or Debian's oldest or newest that is supported ("old", "new")."""
    if flavour == "stock":
        return images.stock()
    if flavour in debugkernel.CONFIGS:
        return debugkernel.boot(flavour)
    return packagedkernel.boot(flavour)


def project(flavour="stock"):
    """The folder with project.img (for both levels) and host.tar (for level 1).

    "stock" has modules for the stock kernel, which guests run too; with another the guests run
    that one, and level 1 may be booted with either.
    """
    booted = boot(flavour)
    headers, binds, kernel = [builder.headers("stock")], [], None
    if flavour in debugkernel.CONFIGS:
        kernel = debugkernel.make(flavour)
        headers.append(f"/{flavour}/headers")
        binds.append((kernel, f"/{flavour}:ro"))
    elif flavour != "stock":
        kernel = packagedkernel.make(flavour)
        headers.append(builder.headers(flavour))
    release = (booted / "version").read_text().strip()
    key = digest(3, flavour, booted.name, trees.key("builder"), trees.key("level1"),
                 kernels.versions(), *_sources())

    def recipe(temporary):
        say(f"the project, for kernel {release}")
        stage, host = temporary / "stage", temporary / "host"
        stage.mkdir()
        host.mkdir()
        # One build folder for each builder and kernel: a second build is incremental.
        place = f"project-{flavour}-" + digest(trees.key("builder"), booted.name,
                                               LAB_DIR / "build-project")
        for old in builder.build_folder().glob(f"project-{flavour}-*"):
            if old.name != place:
                shutil.rmtree(old, ignore_errors=True)
        log = cache.folder("logs") / f"project-{flavour}.log"
        log.unlink(missing_ok=True)
        run(builder.command(
            ["sh", "-eu", "/src/tests/lab/build-project"], cwd="/",
            env={"BUILD": f"/build/{place}", "STAGE": "/stage", "KDIRS": " ".join(headers)},
            binds=[(stage, "/stage"), *binds]), log=log)
        _both(stage)
        _host(host, booted)
        stock = kernels.versions()["stock"]["name"]
        _depmod(temporary, stage, stock, trees.make("level1") / "usr/lib/modules" / stock)
        if kernel:
            # The root disks have no modules of such kernels.
            run(["cp", "-a", "--no-target-directory", kernel / "modules",
                 stage / "usr/lib/modules" / release])
            _depmod(temporary, stage, release, None)
        images.make_disk(stage, temporary / "project.img", "project", 4)
        shutil.rmtree(stage)
        _pack(host, temporary / "host.tar")

    return cache.artefact(f"project-{flavour}", key, recipe)


def _depmod(temporary, stage, release, below):
    """The modules' index, made here in a second and not in a machine in ten."""
    modules = stage / "usr/lib/modules" / release
    modules.mkdir(parents=True, exist_ok=True)
    view = temporary / "depmod"
    whole = view / "lib/modules" / release
    whole.parent.mkdir(parents=True)
    if below:
        run(["cp", "-a", "--no-target-directory", below, whole])
    else:
        whole.mkdir()
    run(["cp", "-a", "--no-target-directory", modules, whole])
    run(trees.enter(trees.make("builder"), ["depmod", "-b", "/view", release], [(view, "/view")]),
        log=cache.folder("logs") / "depmod.log")
    for path in whole.glob("modules.*"):
        shutil.copy(path, modules / path.name)
    shutil.rmtree(view)
