# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's packages: the machine's own mirror, exact versions, single packages.

Everything comes from the mirror that the machine's apt is configured for, so that the lab works
behind a proxy or with a local mirror just as apt does.
"""

import os
import pathlib
import re
import subprocess

from . import cache
from .util import LabError, output, run

SUITES = {
    "trixie": ("trixie", "trixie-updates", "trixie-backports", "trixie-security"),
    "bookworm": ("bookworm", "bookworm-updates", "bookworm-security"),
}


def keyring(release):
    """The archive's keys. Debian 12's first keyring packages did not know trixie's."""
    folder = pathlib.Path("/usr/share/keyrings")
    if not list(folder.glob(f"debian-archive-{release}-automatic.*")):
        raise LabError(f"no archive key for {release} in {folder}: "
                       "install a newer debian-archive-keyring")
    for name in ("debian-archive-keyring.pgp", "debian-archive-keyring.gpg"):
        if (folder / name).exists():
            return folder / name
    raise LabError(f"no debian-archive-keyring in {folder}")


def mirrors():
    """The addresses of Debian and of Debian's security archive in the machine's apt."""
    found = {}
    form = "$(REPO_URI)\t$(ORIGIN)\t$(LABEL)"
    for line in output(["apt-get", "indextargets", "--format", form,
                        "Created-By: Packages"]).splitlines():
        uri, origin, label = line.split("\t")
        # Before the first apt-get update there is no Release file, hence no origin and no label.
        if label == "Debian" or (not origin and re.search(r"/debian/?$", uri)):
            found.setdefault("Debian", uri)
        elif label == "Debian-Security" or (not origin and re.search(r"/debian-security/?$", uri)):
            found.setdefault("Debian-Security", uri)
    if "Debian" not in found:
        raise LabError("apt is not configured for a Debian mirror (apt-get indextargets)")
    return found


def sources(release):
    """The sources of a release, in apt's one-line form (mmdebstrap reads it too)."""
    known = mirrors()
    signed = keyring(release)
    lines = []
    for suite in SUITES[release]:
        label = "Debian-Security" if suite.endswith("-security") else "Debian"
        if label in known:
            lines.append(f"deb [signed-by={signed}] {known[label]} {suite} main")
    return lines


def options():
    """The machine's own way to its mirror (proxies), for an apt that does not read its files."""
    kept = []
    dump = output(["apt-config", "dump", "Acquire"])
    for line in dump.splitlines():
        if re.match(r"Acquire::(https?|ftp)::(Proxy|Verify|Ca|Timeout)", line, re.I):
            kept.append(line)
    return kept


class Apt:
    """A private apt for one release: it resolves and downloads, and installs nothing."""

    def __init__(self, release):
        self.release = release
        self.root = cache.folder("apt", release)
        for name in ("state/lists/partial", "cache/archives/partial", "etc/sources.list.d",
                     "etc/preferences.d", "etc/apt.conf.d", "etc/trusted.gpg.d"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        wanted = "\n".join(sources(release)) + "\n"
        listed = self.root / "etc/sources.list"
        config = [f'Dir::State "{self.root}/state";',
                  f'Dir::State::status "{self.root}/status";',
                  f'Dir::Cache "{self.root}/cache";',
                  f'Dir::Etc "{self.root}/etc";',
                  'APT::Sandbox::User "root";',
                  'Acquire::Languages "none";'] + options()
        (self.root / "apt.conf").write_text("\n".join(config) + "\n")
        self.env = dict(os.environ, APT_CONFIG=str(self.root / "apt.conf"), LC_ALL="C.UTF-8")
        # Two machines are prepared side by side, and apt does not wait for its own lock.
        with cache.exclusive(f"apt-{release}"):
            if not listed.exists() or listed.read_text() != wanted:
                listed.write_text(wanted)
                try:
                    self.update()
                except LabError:
                    listed.unlink()
                    raise

    def update(self):
        """Fetch the package lists anew."""
        run(["apt-get", "update", "-o", "APT::Update::Error-Mode=any"],
            log=cache.folder("logs") / f"apt-{self.release}.log", env=self.env)

    def show(self, package, suite=None, version=None):
        """The control fields of one package."""
        name = package
        if version:
            name += f"={version}"
        elif suite:
            name += f"/{suite}"
        argv = ["apt-cache", "show", "--no-all-versions"]
        if suite:
            # A suite is honoured by the resolver only: ask it which version it would take.
            argv += ["-o", f"APT::Default-Release={suite}"]
            name = package
        fields, last = {}, None
        for line in output(argv + [name], env=self.env).split("\n\n")[0].splitlines():
            if line[:1].isspace():
                fields[last] += "\n" + line
            else:
                last, value = line.split(":", 1)
                fields[last] = value.strip()
        return fields

    def download(self, package, version):
        """The file of one package in exactly this version."""
        folder = cache.folder("debs")
        pattern = f"{package}_{version.replace(':', '%3a')}_*.deb"
        with cache.exclusive("debs"):
            found = list(folder.glob(pattern))
            if not found:
                result = subprocess.run(["apt-get", "download", f"{package}={version}"],
                                        cwd=folder, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
                found = list(folder.glob(pattern))
                if result.returncode or not found:
                    raise LabError(f"cannot download {package}={version}: "
                                   f"{result.stdout.strip()}")
            return found[0]
