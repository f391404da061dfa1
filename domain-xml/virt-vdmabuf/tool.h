/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes wrong in this program, apart from wrong options (G_OPTION_ERROR). */
#pragma once

#include <glib.h>

/**
 * ToolError:
 * @TOOL_ERROR_FAILED: anything without a code of its own
 * @TOOL_ERROR_TIMED_OUT: somebody has not answered in time, such as a guest
 */
typedef enum {
    TOOL_ERROR_FAILED,
    TOOL_ERROR_TIMED_OUT,
} ToolError;

#define TOOL_ERROR (tool_error_quark())
GQuark tool_error_quark(void);

#define TOOL_FAIL(error, ...) g_set_error(error, TOOL_ERROR, TOOL_ERROR_FAILED, __VA_ARGS__)

/* Where the sockets of all domains are */
#define TOOL_DIRECTORY "/run/vdmabuf"
/* Of the schemas; the environment can say otherwise, for a program that is not installed. */
const char *tool_get_schema_directory(void);

/* @text as a word of a command line that a person can copy: quoted where that is needed */
char *tool_quote(const char *text);
