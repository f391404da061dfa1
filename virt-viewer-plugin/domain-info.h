/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the viewer needs to know of a domain's XML. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ViewerDevice:
 * @alias: of the device
 * @label: (nullable): what a person calls it
 * @path: the consumer socket of its broker
 */
typedef struct {
    char *alias;
    char *label;
    char *path;
} ViewerDevice;

/**
 * ViewerDomainInfo:
 * @name: of the domain
 * @devices: (element-type ViewerDevice): its vdmabuf devices, in the order of the XML
 * @graphics: (nullable): the type of the graphics that virt-viewer connects to
 * @session_displays: how many displays that has, so that ours can be counted on from there
 * @has_video: whether there is something to see in them
 */
typedef struct {
    char *name;
    GPtrArray *devices;
    char *graphics;
    guint session_displays;
    gboolean has_video;
} ViewerDomainInfo;

/**
 * viewer_domain_info_parse:
 * @xml: as libvirt has it
 * @directory: (nullable): %NULL for $VDMABUF_RUNDIR or else /run/vdmabuf
 *
 * Devices whose alias, or whose domain's name, cannot be part of a path are left out.
 */
ViewerDomainInfo *viewer_domain_info_parse(const char *xml, const char *directory, GError **error);
void viewer_domain_info_free(ViewerDomainInfo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewerDomainInfo, viewer_domain_info_free)

gboolean viewer_device_equal(const ViewerDevice *self, const ViewerDevice *other);
ViewerDevice *viewer_device_copy(const ViewerDevice *self);
void viewer_device_free(ViewerDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewerDevice, viewer_device_free)

/* (transfer full): what to call the device's output; @output is -1 where there is only one. */
char *viewer_device_get_title(const ViewerDevice *self, int output);

G_END_DECLS
