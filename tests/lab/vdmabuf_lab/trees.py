# SPDX-License-Identifier: GPL-2.0-or-later
"""The three Debian 13 trees that mmdebstrap makes: builder, level1 ("the host"), level2
("the guest")."""

import inspect
import os
import pathlib
import shutil
import subprocess

from . import apt, cache, kernels
from .util import digest, run, say

# Part of every key: raise it when the way in which trees are made changes.
RECIPE = 1

PACKAGES = {
    "builder": """
        build-essential meson ninja-build pkgconf git perl python3 python3-ply python3-git
        libglib2.0-dev libdrm-dev libxml2-dev libxml2-utils libvirt-dev libvirt-glib-1.0-dev
        libseccomp-dev libsystemd-dev systemd-dev udev libjson-glib-dev libpng-dev libgbm-dev
        libegl-dev libgles-dev libepoxy-dev libgtk-3-dev libgtk-4-dev libcap-ng-dev libudev-dev
        libpixman-1-dev libwayland-dev libacl1-dev
        sparse clang-format clang libclang-rt-19-dev gcc-12 python3-docutils gettext
        bash-completion dbus-daemon apparmor
        flex bison bc libelf-dev libssl-dev kmod cpio xz-utils rsync
        linux-headers-{stock} linux-headers-{new}
        debhelper dh-apparmor dh-dkms lintian
        """,
    "level1": """
        systemd systemd-sysv udev dbus dbus-user-session kmod iproute2 procps util-linux less
        busybox-static linux-image-{stock}
        libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients apparmor apparmor-utils
        qemu-system-x86 qemu-utils seabios
        virt-viewer weston libgl1-mesa-dri libegl1 libgles2 adwaita-icon-theme
        fonts-dejavu-core
        libglib2.0-0t64 libxml2 libjson-glib-1.0-0 libpng16-16t64 libdrm2 libseccomp2
        libvirt-glib-1.0-0 libepoxy0 libgtk-3-0t64 libgbm1 libcap-ng0 libasan8 libubsan1
        strace python3 python3-gi python3-libvirt gir1.2-gtk-3.0 libxml2-utils jq socat
        polkitd acl sudo
        qemu-system-modules-spice libgtk-4-1 xvfb xauth xdotool x11-utils
        dkms linux-headers-{stock} linux-source {stock_source} openssl gcc-14-for-host
        """,
    "level2": """
        systemd systemd-sysv udev dbus kmod iproute2 procps util-linux
        busybox-static linux-image-{stock}
        weston libgl1-mesa-dri libegl1 libgles2 libgbm1 seatd fonts-dejavu-core
        libglib2.0-0t64 libdrm2 libpng16-16t64 libjson-glib-1.0-0 libxml2 libasan8 libubsan1
        strace python3-minimal
        dkms linux-headers-{stock} openssl gcc-14-for-host
        """,
}

# QEMU 10.2 or newer has the generic vhost-user device; its parts must come from the same place.
PREFERENCES = """Package: src:qemu src:seabios src:edk2 src:ipxe
Pin: release n=trixie-backports
Pin-Priority: 600
"""

# The machines need no documentation; and libvirt asks every emulator for its
# abilities, which takes ten seconds each under emulation.
LEAN = ("path-exclude=/usr/bin/qemu-system-i386",
        "path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/man/*",
        "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*",
        "path-include=/usr/share/doc/*/copyright", "path-include=/usr/share/locale/locale.alias")

# Nothing of this serves a machine that lives for minutes; under emulation it costs seconds.
MASKED = """
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer
    e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer systemd-pstore.service
    getty@tty1.service libvirt-guests.service systemd-tmpfiles-clean.timer
    systemd-hibernate-clear.service systemd-random-seed.service systemd-binfmt.service
    virtlockd.socket virtlockd-admin.socket systemd-journal-catalog-update.service
    systemd-firstboot.service systemd-machine-id-commit.service
    """.split()

# Of some hundred profiles only libvirt's matter, and each is compiled at every boot.
APPARMOR = ("abi", "abstractions", "disable", "force-complain", "libvirt", "local", "tunables",
            "usr.sbin.libvirtd", "usr.lib.libvirt.virt-aa-helper")


def packages(name):
    """What the tree consists of."""
    known = kernels.versions()
    names = {role: kernel["name"] for role, kernel in known.items()}
    names["stock_source"] = known["stock"]["source"]
    return PACKAGES[name].format(**names).split()


def key(name):
    """The key of a tree: its packages and the recipe, not the state of the mirror."""
    inputs = [RECIPE, name, packages(name), PREFERENCES]
    if name == "builder":
        inputs.append(kernels.versions())
    else:
        inputs.append(LEAN)
        inputs.append(inspect.getsource(_configure))
        inputs += [MASKED, APPARMOR]
    return digest(*inputs)


def _bootstrap(name, target):
    debs = cache.folder("debs")
    log = cache.folder("logs") / f"tree-{name}.log"
    log.unlink(missing_ok=True)
    scratch = cache.folder("tmp")
    preferences = scratch / f"preferences-{name}"
    preferences.write_text(PREFERENCES)
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", "--architectures=amd64",
            "--format=directory", "--skip=download/empty", "--skip=check/empty",
            "--aptopt=Acquire::Languages \"none\"", "--aptopt=APT::Install-Recommends \"false\""]
    argv += [f"--aptopt={line.rstrip(';')}" for line in apt.options()]
    if name != "builder":
        argv += [f"--dpkgopt={line}" for line in LEAN]
    argv += [
        f"--setup-hook=cp {preferences} \"$1\"/etc/apt/preferences.d/lab",
        # Packages that another tree has fetched already are linked, not fetched again.
        "--setup-hook=mkdir -p \"$1\"/var/cache/apt/archives/partial; "
        f"cp -l {debs}/*.deb \"$1\"/var/cache/apt/archives/ 2>/dev/null || true",
        # The lab boots with an initrd of its own: the kernel's package need not make one.
        "--essential-hook=chroot \"$1\" dpkg-divert --quiet --local --rename --add "
        "/usr/sbin/update-initramfs; ln -s /bin/true \"$1\"/usr/sbin/update-initramfs",
        f"--customize-hook=cp -ln \"$1\"/var/cache/apt/archives/*.deb {debs}/ || true",
        f"--include={','.join(packages(name))}",
        "trixie", str(target), "-"]
    script = "\n".join(apt.sources("trixie")) + "\n"
    with open(log, "ab") as out:
        result = subprocess.run(argv, input=script.encode(), stdout=out, stderr=subprocess.STDOUT,
                                env=dict(os.environ, TMPDIR=str(scratch), LC_ALL="C.UTF-8"))
    if result.returncode:
        run(["sh", "-c", f"echo mmdebstrap for {name}; exit 1"], log=log)


def _configure(name, tree):
    """Make a bare tree a machine of the lab."""
    etc = tree / "etc"
    host = {"level1": "lab-host", "level2": "lab-guest"}[name]
    (etc / "hostname").write_text(host + "\n")
    (etc / "hosts").write_text(f"127.0.0.1 localhost {host}\n")
    # A fixed identity: without one, systemd takes every boot for the first.
    (etc / "machine-id").write_text(digest(name) * 2 + "\n")
    (etc / "fstab").write_text("")
    for path in (etc / ".updated", tree / "var/.updated"):
        path.touch()
    for unit in MASKED:
        link = etc / "systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    settings = etc / "systemd/journald.conf.d/lab.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n"
                        "ForwardToConsole=no\n")
    getty = etc / "systemd/system/serial-getty@ttyS0.service.d/lab.conf"
    getty.parent.mkdir(parents=True, exist_ok=True)
    getty.write_text("[Unit]\nConditionKernelCommandLine=lab.shell\n[Service]\nExecStart=\n"
                     "ExecStart=-/sbin/agetty -a root --keep-baud 115200 - $TERM\n")
    run(["chroot", tree, "passwd", "-q", "-d", "root"])
    if name == "level2":
        # None of them finds anything to do here, and each is a program to run in a nested guest.
        for path in sorted((tree / "usr/lib/systemd/system-generators").iterdir()):
            link = etc / "systemd/system-generators" / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to("/dev/null")
    if name == "level1":
        # An ordinary user, as an administrator would set one up for virt-manager.
        run(["chroot", tree, "useradd", "--create-home", "--uid", "1000", "--shell", "/bin/bash",
             "--groups", "libvirt,kvm,video,render", "lab"])
        for path in (etc / "apparmor.d").iterdir():
            if path.name not in APPARMOR:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (etc / "libvirt/qemu/networks/autostart/default.xml").unlink(missing_ok=True)


def _old_headers(target):
    """Debian 12's kernel headers are unpacked beside the others, not installed."""
    old = kernels.versions()["old"]
    source = apt.Apt(old["release"])
    for package in (f"linux-headers-{old['name']}",
                    f"linux-headers-{old['name'].removesuffix('-amd64')}-common",
                    "linux-kbuild-6.1"):
        deb = source.download(package, old["version"])
        run(["dpkg-deb", "-x", deb, target / "old"])
    # Unpacked aside first: a Debian 13 tree has /lib as a symbolic link, a package may have both.
    for part in ("usr", "lib"):
        if (target / "old" / part).is_dir():
            run(["cp", "-a", "--no-target-directory", target / "old" / part,
                 target / "usr" / ("lib" if part == "lib" else "")])
    shutil.rmtree(target / "old")


def make(name):
    """The folder of a tree, made if need be: `tree` in it is the root."""
    def recipe(temporary):
        say(f"tree {name}: mmdebstrap")
        _bootstrap(name, temporary / "tree")
        if name == "builder":
            _old_headers(temporary / "tree")
        else:
            _configure(name, temporary / "tree")
        say(f"tree {name}: done")

    return cache.artefact(f"tree-{name}", key(name), recipe) / "tree"


def enter(tree, argv, binds=(), cwd="/", env=None, layers=(), upper=None):
    """The command line that runs a program inside a tree, in a mount namespace of its own.

    binds are pairs of a folder and where it is seen in the tree; ":ro" after that protects it.
    layers are folders that lie over the tree, the topmost first. What is written goes to the
    folder upper, beside which there is room for a folder "work"; without one, to a tmpfs above it
    all, and is forgotten. The tree itself stays as it is.
    """
    script = ["set -e", "mount --make-rprivate /"]
    where = pathlib.Path("/run/vdmabuf-lab-root")
    script += [f"mkdir -p {where}", f"mount -t tmpfs lab {where}",
               f"mkdir {where}/up {where}/work {where}/root"]
    up, work = upper or where / "up", upper.parent / "work" if upper else where / "work"
    below = ":".join(str(folder) for folder in (*layers, tree))
    script += [f"mkdir -p {up} {work}",
               f"mount -t overlay lab -o lowerdir={below},upperdir={up},workdir={work} "
               f"{where}/root"]
    root = where / "root"
    script += [f"mount --rbind /{name} {root}/{name}" for name in ("dev", "sys", "proc")]
    script += [f"mount -t tmpfs lab {root}/tmp"]
    for source, target in binds:
        target, _, how = target.partition(":")
        script += [f"mkdir -p {root}{target}", f"mount --bind {source} {root}{target}"]
        if how == "ro":
            script.append(f"mount -o remount,bind,ro {root}{target}")
    script += [f"cd {root}", 'exec chroot . /usr/bin/env -i "$@"']
    settings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                "TERM": os.environ.get("TERM", "dumb")}
    settings.update(env or {})
    assigned = [f"{k}={v}" for k, v in settings.items()]
    return ["unshare", "--mount", "sh", "-c", "; ".join(script), "lab", *assigned,
            "sh", "-c", f"cd {cwd} && exec \"$@\"", "lab", *[str(a) for a in argv]]
