/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which libvirt virt-viewer is connected to, and what that means for dma-bufs. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * viewer_uri_from_arguments:
 * @arguments: virt-viewer's, its name first
 *
 * Returns: (transfer full) (nullable): what -c or --connect says; %NULL without one
 */
char *viewer_uri_from_arguments(const char *const *arguments);

/* (transfer full) (nullable): the machine that @uri leads to; %NULL when it is this one. */
char *viewer_uri_get_host(const char *uri);

/* (transfer full): the same connection, but ssh asks nobody for anything. */
char *viewer_uri_without_questions(const char *uri);

G_END_DECLS
