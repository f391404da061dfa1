/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must be the same after a test as before: pins, descriptors, kernel memory and a kernel log
 * without complaints.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Ends the program (TAP: all skipped) when the device is not there or the caller is not root.
 * With VDMABUF_TEST_REQUIRED set in the environment that is a failure instead. */
void check_prerequisites(void);

/* Pages that are pinned for long, all of the machine: acquired minus released */
gint64 check_pins(void);
/* Waits, within bounds, until check_pins() is @expected, and asserts it */
void check_pins_become(gint64 expected);

/* Open descriptors of this process */
guint check_fds(void);

/* A line of /proc/meminfo, in bytes */
guint64 check_meminfo(const char *name);
/* Unreclaimable slab, vmalloc and page tables in bytes, after the kernel has been made to settle */
gint64 check_kernel_memory(void);
/* What check_kernel_memory() may grow without a leak: debug kernels keep freed memory back */
gint64 check_kernel_tolerance(void);
/* Use counter of the module; -1 if there is none */
int check_module_users(void);

/* Asserts that kmemleak has nothing to say; returns at once where the kernel has none */
void check_kmemleak(void);

/* A reader of the kernel's log that starts at its end */
int check_log_open(void);
/* Asserts that nothing in the log since then is a complaint, and goes to its end */
void check_log_clean(int log_fd);

/**
 * CheckPoint: all of the above around one piece of work.
 */
typedef struct {
    gint64 pins;
    guint fds;
    int log_fd;
} CheckPoint;

void check_begin(CheckPoint *point);
/* Asserts that everything is as it was at check_begin() */
void check_end(CheckPoint *point);

/* A number from the environment, or @fallback */
guint64 check_env(const char *name, guint64 fallback);

/* A test that is run between check_begin() and check_end() */
void check_add_test(const char *path, void (*test)(void));

G_END_DECLS
