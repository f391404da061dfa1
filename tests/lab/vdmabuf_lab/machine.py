# SPDX-License-Identifier: GPL-2.0-or-later
"""Level 1: start it, follow its job, bring its results back."""

import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time

from . import cache, images, trees
from .util import LabError, say

PROBE_SECONDS = 20


class Result:
    """How a job ended: its status, or None where the machine ended without one."""

    def __init__(self, status, folder, why=""):
        self.status = status
        self.folder = folder
        self.why = why


def _qemu(arguments, folder):
    """The command line of level 1's own QEMU, run inside level 1's tree."""
    tree = trees.make("level1")
    binds = [(cache.ROOT, "/lab/cache"), (folder, "/lab/run")]
    return trees.enter(tree, ["qemu-system-x86_64", *arguments], binds,
                       env={"TMPDIR": "/lab/run"})


def _inside(path):
    """A path of the cache as QEMU sees it."""
    return pathlib.Path("/lab/cache") / pathlib.Path(path).relative_to(cache.ROOT)


def _accelerator():
    """KVM where it truly runs guests, else software emulation.

    That /dev/kvm opens proves nothing (some machines run special guests only), so a guest is run.
    What was found holds until the machine is booted again.
    """
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    noted = cache.folder() / "accelerator"
    if noted.exists():
        seen, _, answer = noted.read_text().strip().partition(" ")
        if seen == boot:
            return answer
    answer = "tcg"
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        kernel = images.stock()
        folder = cache.folder("tmp", "probe")
        argv = _qemu(["-accel", "kvm", "-cpu", "host", "-m", "512M", "-display", "none",
                      "-nodefaults", "-no-reboot", "-serial", "stdio",
                      "-kernel", _inside(kernel / "vmlinuz"), "-initrd", _inside(kernel / "initrd"),
                      "-append", "console=ttyS0 quiet panic=-1 lab.probe"], folder)
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=PROBE_SECONDS, check=False)
            if b"LAB PROBE OK" in done.stdout:
                answer = "kvm"
        except subprocess.TimeoutExpired:
            pass
    noted.write_text(f"{boot} {answer}\n")
    say(f"accelerator: {answer}")
    return answer


def _memory(wanted):
    """As much as is wanted (MiB), but never more than half of what is free."""
    with open("/proc/meminfo", encoding="ascii") as file:
        free = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    size = min(wanted, free // 2048)
    if size < 2560:
        raise LabError(f"level 1 needs 5 GiB of free memory, there are {free // 1048576}")
    return size


def _capabilities(kernel):
    """Where libvirt's knowledge of QEMU is kept, for machines of these disks and this kernel."""
    name = f"{images.root('level1').parent.name}-{kernel.name}-{_accelerator()}.tar.gz"
    return cache.folder("capabilities") / name


def _arguments(kernel, project, shell, extra):
    accelerator = _accelerator()
    if accelerator == "kvm":
        speed = ["-accel", "kvm", "-cpu", "host"]
    else:
        speed = ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max"]
    append = ["root=/dev/vda", "rw", "console=ttyS0", "panic=-1", "lab.level=1",
              "systemd.show_status=no", "loglevel=5", "mitigations=off",
              "nowatchdog", "init_on_alloc=0",
              # Before libvirtd, which remembers what it found at its start.
              "modules_load=kvm_amd,kvm_intel,vhost_vsock,qemu_fw_cfg",
              *(kernel / "cmdline").read_text().split(), *extra]
    append += ["lab.shell=1"] if shell else (kernel / "host-cmdline").read_text().split()
    disks = [(images.root("level1"), "snapshot=on"), (project / "project.tar", "readonly=on"),
             (images.root("level2"), "readonly=on"), (project / "host.tar", "readonly=on")]
    memory = _memory(int((kernel / "memory").read_text()))
    argv = [*speed, "-machine", "q35,sata=off,smbus=off", "-smp", "2", "-m", f"{memory}M",
            "-display", "none", "-nodefaults", "-no-reboot", "-rtc", "base=utc",
            "-kernel", _inside(kernel / "vmlinuz"), "-initrd", _inside(kernel / "initrd"),
            "-append", " ".join(append), "-object", "rng-random,id=rng,filename=/dev/urandom",
            "-device", "virtio-rng-pci,rng=rng"]
    for number, (path, how) in enumerate(disks):
        argv += ["-drive", f"file={_inside(path)},format=raw,if=none,id=d{number},cache=unsafe,"
                           f"{how}",
                 "-device", f"virtio-blk-pci,drive=d{number}"]
    return argv


def run(kernel, project, job, timeout, name, on_line=None, extra=()):
    """Boot level 1, run the shell script `job` in it, return its Result.

    kernel is a folder as images.stock() gives, project one as build.project() gives. Each line of
    the job's output goes to on_line as it comes. All that is left of the run is in Result.folder.
    """
    # Two may start in the same second.
    folder = pathlib.Path(tempfile.mkdtemp(prefix=time.strftime(f"%Y%m%d-%H%M%S-{name}-"),
                                           dir=cache.folder("runs")))
    (folder / "job").write_text(job)
    argv = _arguments(kernel, project, False, extra)
    argv += ["-fw_cfg", "name=opt/run,file=/lab/run/job",
             "-serial", "file:/lab/run/console.txt",
             "-device", "virtio-serial-pci",
             # Not "stdio": the end of standard input counts as an unplugged port there.
             "-chardev", "file,id=log,path=/proc/self/fd/1",
             "-device", "virtserialport,chardev=log,name=lab.log",
             "-chardev", "file,id=out,path=/lab/run/out.tar",
             "-device", "virtserialport,chardev=out,name=lab.out",
             "-chardev", "file,id=status,path=/lab/run/status",
             "-device", "virtserialport,chardev=status,name=lab.status"]
    known = _capabilities(kernel)
    if known.exists():
        argv += ["-fw_cfg", f"name=opt/capabilities,file={_inside(known)}"]
    deadline = time.monotonic() + timeout
    why = ""
    with open(folder / "qemu.txt", "wb") as errors, open(folder / "log.txt", "wb") as log:
        machine = subprocess.Popen(_qemu(argv, folder), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=errors)
        rest = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                why = f"not done after {timeout} s"
                machine.send_signal(signal.SIGKILL)
                break
            if not select.select([machine.stdout], [], [], left)[0]:
                continue
            data = os.read(machine.stdout.fileno(), 65536)
            if not data:
                break
            log.write(data)
            log.flush()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if on_line:
                    on_line(line.decode(errors="replace").rstrip("\r"))
        machine.stdout.close()
        machine.wait()
    status = None
    said = (folder / "status").read_text().split() if (folder / "status").exists() else []
    if len(said) == 2 and said[0] == "exit":
        status = int(said[1])
    elif not why:
        why = "the machine ended before its job"
    archive = folder / "out.tar"
    if archive.exists() and archive.stat().st_size:
        (folder / "out").mkdir()
        done = subprocess.run(["tar", "-x", "--no-same-owner", "-f", archive,
                               "-C", folder / "out"], stderr=subprocess.DEVNULL, check=False)
        if done.returncode:
            why = why or "the results are incomplete (out.tar)"
        else:
            archive.unlink()
            found = folder / "out/capabilities.tar.gz"
            if found.exists():
                found.replace(known)
    return Result(status, folder, why)


def shell(kernel, project, extra=()):
    """Level 1 with a root shell on this terminal; poweroff ends it."""
    folder = cache.folder("tmp", "shell")
    argv = _arguments(kernel, project, True, extra)
    argv += ["-serial", "mon:stdio"]
    return subprocess.call(_qemu(argv, folder))


def forget(result):
    """Remove what is left of a run that went well."""
    shutil.rmtree(result.folder, ignore_errors=True)
