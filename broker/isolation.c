/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <linux/capability.h>
#include <linux/vdmabuf.h>
#include <linux/vhost.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FAIL(error, ...) g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, __VA_ARGS__)

gboolean
isolation_drop_privileges(GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        FAIL(error, "cannot give up new privileges: %s", g_strerror(errno));
        return FALSE;
    }
    /* Fails without CAP_SETPCAP, but then there is nothing that could come back. */
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        (void) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    (void) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0) {
        FAIL(error, "cannot give up capabilities: %s", g_strerror(errno));
        return FALSE;
    }
    /* The brokers of all domains are one user: none of them may look into another. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
        FAIL(error, "cannot forbid to be traced: %s", g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

/* Allowed with any arguments */
static const int plain_calls[] = {
    SCMP_SYS(accept4),       SCMP_SYS(brk),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),         SCMP_SYS(exit),
    SCMP_SYS(exit_group),    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),         SCMP_SYS(futex),
    SCMP_SYS(getpid),        SCMP_SYS(getrandom),
    SCMP_SYS(getsockopt),    SCMP_SYS(gettid),
    SCMP_SYS(geteuid),       SCMP_SYS(lseek),
    SCMP_SYS(lstat),         SCMP_SYS(madvise),
    SCMP_SYS(mremap),        SCMP_SYS(munmap),
    SCMP_SYS(newfstatat),    SCMP_SYS(poll),
    SCMP_SYS(ppoll),         SCMP_SYS(read),
    SCMP_SYS(recvmsg),       SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),        SCMP_SYS(statx),
    SCMP_SYS(tgkill), /* abort(3) */
    SCMP_SYS(unlink),        SCMP_SYS(unlinkat),
    SCMP_SYS(write),         SCMP_SYS(writev),
};

static const unsigned long ioctls[] = {
    VHOST_GET_FEATURES,         VHOST_SET_FEATURES,       VHOST_SET_OWNER,
    VHOST_SET_MEM_TABLE,        VHOST_SET_VRING_NUM,      VHOST_SET_VRING_BASE,
    VHOST_GET_VRING_BASE,       VHOST_SET_VRING_ADDR,     VHOST_SET_VRING_KICK,
    VHOST_SET_VRING_CALL,       VHOST_SET_VRING_ERR,      VHOST_VDMABUF_SET_RUNNING,
    VHOST_VDMABUF_SET_VM,       VHOST_VDMABUF_SET_LIMITS, VHOST_VDMABUF_GET_LIMITS,
    VHOST_VDMABUF_GET_CONSUMER, VHOST_VDMABUF_GET_STATUS,
};

static int
add_rules(scmp_filter_ctx filter)
{
    int result = 0;

    for (guint i = 0; result == 0 && i < G_N_ELEMENTS(plain_calls); i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain_calls[i], 0);
    for (guint i = 0; result == 0 && i < G_N_ELEMENTS(ioctls); i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, ioctls[i]));
    /* Never code: neither of the guest nor of anybody else. */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* The device is opened again for every QEMU; nothing is created or truncated. */
    if (result == 0)
        result = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
            SCMP_A2(SCMP_CMP_MASKED_EQ, O_CREAT | O_TRUNC | O_APPEND | O_TMPFILE, 0));
    /* sd_notify(3) */
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                                  SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM));
    return result;
}

gboolean
isolation_filter_syscalls(GError **error)
{
    /*
     * ENOSYS and not the end of the process: a C library that tries something newer first then
     * falls back to what it did before.
     */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int result;

    if (!filter) {
        FAIL(error, "cannot make a system call filter");
        return FALSE;
    }
    result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = add_rules(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    if (result < 0) {
        FAIL(error, "cannot filter system calls: %s; --seccomp=off does without",
             g_strerror(-result));
        return FALSE;
    }
    return TRUE;
}
