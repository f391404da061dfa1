# SPDX-License-Identifier: GPL-2.0-or-later
"""What is put over the root disks at boot, so that it is all that a change of the sources has to
renew: the project and the lab's own files. Level 1 unpacks an archive, guests have a disk.

The project is what `apt install` of its packages makes of Debian, where the kernel is Debian's
stock or newest one; with other kernels it is what `meson install` installs.
"""

import concurrent.futures
import shutil
import stat

from . import builder, cache, debugkernel, images, kernels, packagedkernel, packages, trees
from .util import LAB_DIR, SOURCE_DIR, digest, run, say

# Where the packages have the programs of the tests, and where suites look for them
TEST_PROGRAMS = "/usr/libexec/vdmabuf/tests/bin"
TESTS = "opt/vdmabuf/tests"


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
    _install(SOURCE_DIR / "README.md", stage / "opt/vdmabuf/README.md", 0o644)
    for name in ("tests", "domain-xml", "docs"):
        shutil.copytree(SOURCE_DIR / name, stage / "opt/vdmabuf" / name, symlinks=True,
                        dirs_exist_ok=True, ignore=shutil.ignore_patterns("lab", "__pycache__"))


def _pack(stage, target):
    # No entries for the top folders themselves: one would replace a link such as /lib.
    names = sorted(p.name for p in stage.iterdir())
    run(["tar", "-c", "--numeric-owner", "-C", stage, "-f", target, *names])


def boot(flavour):
    """What a machine is booted with: the stock kernel, the debug one, that with the series applied,
    or Debian's oldest or newest that is supported ("old", "new")."""
    if flavour == "stock":
        return images.stock()
    if flavour in debugkernel.CONFIGS:
        return debugkernel.boot(flavour)
    return packagedkernel.boot(flavour)


def project(flavour="stock"):
    """The folder with project.img (for guests) and host.tar (for level 1).

    "stock" has modules for the stock kernel, which guests run too; with another the guests run
    that one, and level 1 may be booted with either.
    """
    booted = boot(flavour)
    if flavour in ("stock", "new"):
        return _from_packages(flavour, booted)
    return _from_sources(flavour, booted)


def _finish(temporary, booted, host, guest):
    """Pack what is on the project's folders, with what the lab puts there itself."""
    for stage in (host, guest):
        _both(stage)
    _host(host, booted)
    images.make_disk(guest, temporary / "project.img", "project", 4)
    _pack(host, temporary / "host.tar")
    for stage in (host, guest):
        shutil.rmtree(stage)


def _lab_programs():
    """The lab's own program, for both levels."""
    source = LAB_DIR / "common/vsock-exec.c"

    def recipe(temporary):
        run(builder.command(["gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", "/out/vsock-exec",
                             "/src/tests/lab/common/vsock-exec.c"], binds=[(temporary, "/out")]))

    return cache.artefact("lab-programs", digest(1, trees.key("builder"), source), recipe)


def _from_packages(role, booted):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        folder = packages.build()
        host, guest = pool.map(lambda level: packages.layers(level, folder, role),
                               ("level1", "level2"))
    programs = _lab_programs()
    own = [SOURCE_DIR / name for name in ("tests", "domain-xml", "docs", "README.md")]
    key = digest(1, booted.name, programs.name, *(layer.parent.name for layer in host + guest),
                 *own)

    def recipe(temporary):
        say(f"the project, for kernel {(booted / 'version').read_text().strip()}")
        stages = temporary / "host", temporary / "guest"
        for stage, layers in zip(stages, (host, guest)):
            packages.merge(layers, stage)
            if role != "stock":
                _prune(stage, kernels.versions()[role]["name"])
            _install(programs / "vsock-exec", stage / "usr/lib/vdmabuf-lab/bin/vsock-exec", 0o755)
            (stage / TESTS).mkdir(parents=True)
            (stage / TESTS / "bin").symlink_to(TEST_PROGRAMS)
        # For the suite that installs them anew
        for name in packages.WANTED["level1"][1]:
            deb = packages.deb(folder, name)
            _install(deb, stages[0] / "opt/vdmabuf/packages" / deb.name, 0o644)
        _finish(temporary, booted, *stages)

    return cache.artefact(f"project-{role}", key, recipe)


def _prune(stage, release):
    """Of a kernel that was installed, leave what a machine needs that is booted with it: to unpack
    the rest would take longer than the suites."""
    for path in (stage / "usr/src").glob("linux-*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.rmtree(stage / "boot", ignore_errors=True)
    modules = stage / "usr/lib/modules" / release
    wanted = set(images.ordered(modules, packagedkernel.MODULES))
    for path in modules.rglob("*.ko*"):
        name = str(path.relative_to(modules))
        if name not in wanted and not name.startswith("updates/"):
            path.unlink()
    run(trees.enter(trees.make("builder"), ["depmod", "-b", "/view/usr", release],
                    [(stage, "/view")]), log=cache.folder("logs") / "depmod.log")


def _from_sources(flavour, booted):
    headers, binds, kernel = [builder.headers("stock")], [], None
    if flavour in debugkernel.CONFIGS:
        kernel = debugkernel.make(flavour)
        headers.append(f"/{flavour}/headers")
        binds.append((kernel, f"/{flavour}:ro"))
    else:
        kernel = packagedkernel.make(flavour)
        headers.append(builder.headers(flavour))
    release = (booted / "version").read_text().strip()
    key = digest(4, flavour, booted.name, trees.key("builder"), trees.key("level1"),
                 kernels.versions(), *_sources())

    def recipe(temporary):
        say(f"the project, for kernel {release}")
        guest, host = temporary / "stage", temporary / "host"
        guest.mkdir()
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
            binds=[(guest, "/stage"), *binds]), log=log)
        stock = kernels.versions()["stock"]["name"]
        _depmod(temporary, guest, stock, trees.make("level1") / "usr/lib/modules" / stock)
        # The root disks have no modules of other kernels.
        run(["cp", "-a", "--no-target-directory", kernel / "modules",
             guest / "usr/lib/modules" / release])
        _depmod(temporary, guest, release, None)
        run(["cp", "-a", "--no-target-directory", guest, host])
        _finish(temporary, booted, host, guest)

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
