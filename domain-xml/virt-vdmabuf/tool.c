/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "tool.h"

G_DEFINE_QUARK(virt - vdmabuf - error - quark, tool_error)

const char *
tool_get_schema_directory(void)
{
    const char *directory = g_getenv("VDMABUF_SCHEMADIR");

    return directory != NULL && *directory != '\0' ? directory : VDMABUF_SCHEMADIR;
}

char *
tool_quote(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.+:@%/";

    if (*text != '\0' && text[strspn(text, plain)] == '\0')
        return g_strdup(text);
    return g_shell_quote(text);
}
