/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line on standard error for each thing an administrator has to know. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The levels of syslog(3) that are used */
typedef enum {
    BROKER_LOG_ERROR = 3,
    BROKER_LOG_WARNING = 4,
    BROKER_LOG_INFO = 6,
} BrokerLogLevel;

void broker_log(BrokerLogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_END_DECLS
