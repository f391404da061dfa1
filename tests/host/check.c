/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"

#include "guest-model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024 * 1024)

static char *read_text(const char *path)
{
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

void check_prerequisites(void)
{
    const char *why = NULL;

    if (access(GUEST_DEVICE, R_OK | W_OK) < 0)
        why = GUEST_DEVICE " cannot be opened: load vhost_vdmabuf, and run this as root";
    else if (geteuid() != 0)
        why = "the kernel's counters are for root only: run this as root";
    if (why == NULL)
        return;
    if (g_getenv("VDMABUF_TEST_REQUIRED") != NULL) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    printf("1..0 # SKIP %s\n", why);
    exit(0);
}

static gint64 vmstat(const char *name)
{
    g_autofree char *text = read_text("/proc/vmstat");
    g_autofree char *key = g_strdup_printf("\n%s ", name);
    const char *at;

    g_assert_nonnull(text);
    at = strstr(text, key);
    if (at == NULL)
        g_error("/proc/vmstat has no %s: the kernel must have memory management statistics", name);
    return g_ascii_strtoll(at + strlen(key), NULL, 10);
}

/* Each CPU keeps a difference of its own, which this adds to the counters */
static void refresh_vmstat(void)
{
    g_autofree char *text = read_text("/proc/sys/vm/stat_refresh");
}

gint64 check_pins(void)
{
    refresh_vmstat();
    return vmstat("nr_foll_pin_acquired") - vmstat("nr_foll_pin_released");
}

void check_pins_become(gint64 expected)
{
    gint64 deadline = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    gint64 pins = check_pins();

    /* The last reference of a file can be dropped by the kernel a moment after close(2) */
    while (pins != expected && g_get_monotonic_time() < deadline) {
        g_usleep(10000);
        pins = check_pins();
    }
    g_assert_cmpint(pins, ==, expected);
}

guint check_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint count = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

guint64 check_meminfo(const char *name)
{
    g_autofree char *text = read_text("/proc/meminfo");
    g_autofree char *key = g_strdup_printf("%s:", name);
    const char *at;

    g_assert_nonnull(text);
    at = strstr(text, key);
    g_assert_nonnull(at);
    return g_ascii_strtoull(at + strlen(key), NULL, 10) * 1024;
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        g_test_message("%s: %s", path, g_strerror(errno));
    close(fd);
}

gint64 check_kernel_memory(void)
{
    gint64 lowest = G_MAXINT64;
    guint i;

    /* Freed objects come back after a grace period, and caches keep some: take the lowest */
    for (i = 0; i < 3; i++) {
        gint64 bytes;

        write_text("/proc/sys/vm/drop_caches", "3");
        g_usleep(200000);
        bytes = check_meminfo("SUnreclaim") + check_meminfo("VmallocUsed") +
                check_meminfo("KernelStack");
        lowest = MIN(lowest, bytes);
    }
    return lowest;
}

gint64 check_kernel_tolerance(void)
{
    gint64 tolerance = 3 * MIB;

    /* KASAN's quarantine holds up to a thirty-second part of the memory; kmemleak finds leaks */
    if (access("/sys/kernel/debug/kmemleak", F_OK) == 0)
        tolerance += check_meminfo("MemTotal") / 16;
    return tolerance;
}

int check_module_users(void)
{
    g_autofree char *text = read_text("/sys/module/vhost_vdmabuf/refcnt");

    return text != NULL ? atoi(text) : -1;
}

void check_kmemleak(void)
{
    const char *path = "/sys/kernel/debug/kmemleak";
    g_autofree char *text = NULL;

    if (access(path, R_OK | W_OK) < 0)
        return;
    /* A fresh object is not reported, and a pointer may be in a register: it takes two scans */
    write_text(path, "scan");
    g_usleep(6 * G_USEC_PER_SEC);
    write_text(path, "scan");
    text = read_text(path);
    if (text != NULL && strstr(text, "vdmabuf") != NULL)
        g_error("kmemleak: %s", text);
}

int check_log_open(void)
{
    int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0)
        lseek(fd, 0, SEEK_END);
    return fd;
}

void check_log_clean(int log_fd)
{
    static const char *const complaints[] = {
        "WARNING:", "BUG:", "Oops", "KASAN", "UBSAN", "KCSAN", "refcount_t:", "INFO: task",
        "INFO: rcu", "possible circular locking", "possible recursive locking",
        "general protection fault", "kernel BUG", "Call Trace", "suspicious RCU", "DEBUG_LOCKS",
        "bad page state", "Bad page state", "list_add corruption", "list_del corruption",
        "sleeping function called", "DMA-API:",
    };
    char record[8192];
    gssize length;
    guint i;

    if (log_fd < 0)
        return;
    while ((length = read(log_fd, record, sizeof record - 1)) > 0 ||
           (length < 0 && errno == EPIPE)) {
        if (length < 0)
            continue;
        record[length] = '\0';
        /* What fault injection says about itself, with a trace, is no complaint */
        if (strstr(record, "FAULT_INJECTION") != NULL)
            continue;
        for (i = 0; i < G_N_ELEMENTS(complaints); i++)
            if (strstr(record, complaints[i]) != NULL)
                g_error("the kernel's log: %s", record);
    }
}

void check_begin(CheckPoint *point)
{
    point->fds = check_fds();
    point->log_fd = check_log_open();
    point->pins = check_pins();
}

void check_end(CheckPoint *point)
{
    check_pins_become(point->pins);
    check_log_clean(point->log_fd);
    if (point->log_fd >= 0)
        close(point->log_fd);
    g_assert_cmpuint(check_fds(), ==, point->fds);
}

guint64 check_env(const char *name, guint64 fallback)
{
    const char *text = g_getenv(name);

    return text != NULL && *text != '\0' ? g_ascii_strtoull(text, NULL, 0) : fallback;
}

static void run_checked(gconstpointer data)
{
    void (*test)(void) = (void (*)(void)) (guintptr) data;
    CheckPoint point;

    check_begin(&point);
    test();
    check_end(&point);
}

void check_add_test(const char *path, void (*test)(void))
{
    g_test_add_data_func(path, (gconstpointer) (guintptr) test, run_checked);
}
