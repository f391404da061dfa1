# SPDX-License-Identifier: GPL-2.0-or-later
"""Namespaces of the lab's own: whatever way it ends, no process and no mount of it is left."""

import ctypes
import os
import signal
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def enter():
    """Go on in a child that is process 1 of a new namespace; its end ends all that it started."""
    _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWPID), "unshare")
    _check(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    child = os.fork()
    if child:
        # Process 1 takes a signal only if it has a handler: the child sets them up.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, lambda n, _frame: os.kill(child, signal.SIGTERM))
        while True:
            try:
                _, status = os.waitpid(child, 0)
                break
            except InterruptedError:
                continue
        code = os.waitstatus_to_exitcode(status)
        os._exit(code if code >= 0 else 128 - code)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _check(_libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")

    def stop(_number, _frame):
        sys.exit("\nlab: interrupted")

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
