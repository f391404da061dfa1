/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was checked of this host, as virt-host-validate prints it. */
#pragma once

#include <glib.h>

typedef enum {
    HOST_PASS,
    HOST_WARN, /* something will not work, or not for everybody */
    HOST_FAIL, /* no domain with a vdmabuf device will work */
} HostVerdict;

typedef struct _HostReport HostReport;

/* Prints each line when it is known; @json: all of them in the end. */
HostReport *host_report_new(gboolean json);
void host_report_free(HostReport *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostReport, host_report_free)

/* "Checking @what": ends with one of the two below */
void host_report_begin(HostReport *self, const char *what);
void host_report_pass(HostReport *self);
/* What is wrong and what is to be done about it, in one line */
G_GNUC_PRINTF(3, 4)
void host_report_problem(HostReport *self, HostVerdict verdict, const char *format, ...);
/* Whether nothing has failed */
gboolean host_report_end(HostReport *self);
