/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-report.h"

#include <sys/stat.h>
#include <unistd.h>
#include <vdmabuf.h>

#include "scanout-card.h"
#include "scanout-error.h"
#include "scanout-names.h"
#include "scanout-stats.h"

/* One plane, as it would be exported */
typedef struct {
    VdmabufScanoutPlaneState state;
    VdmabufScanoutFb fb;
    struct vdmabuf_frame frame;
    guint64 size;
    guint64 inode;
    char *problem;
} PlaneReport;

static void
read_plane(VdmabufScanoutCard *card, const VdmabufScanoutOptions *options, guint32 crtc_id,
           guint32 plane_id, gboolean cursor, PlaneReport *report)
{
    g_autoptr(GError) error = NULL;
    struct vdmabuf_frame copy;
    struct stat status;
    guint64 size;
    off_t end;
    int fd;

    if (!vdmabuf_scanout_card_read_plane(card, plane_id, crtc_id, &report->state, &error)) {
        report->problem = g_strdup(error->message);
        return;
    }
    if (report->state.fb_id == 0)
        return;
    fd = vdmabuf_scanout_card_open_fb(card, plane_id, report->state.fb_id, &report->fb, &error);
    if (fd < 0) {
        report->problem = g_strdup(error->message);
        return;
    }
    end = lseek(fd, 0, SEEK_END);
    report->size = end > 0 ? (guint64) end : 0;
    if (fstat(fd, &status) == 0)
        report->inode = status.st_ino;
    close(fd);
    if (!vdmabuf_scanout_build_frame(&report->frame, &report->fb, &report->state, cursor, &error) ||
        !vdmabuf_frame_check(&report->frame, report->size, &error) ||
        (options->mode == VDMABUF_SCANOUT_COPY &&
         !vdmabuf_scanout_build_copy(&report->frame, &copy, &size, &error)))
        report->problem = g_strdup(error->message);
}

static void
plane_to_json(GString *text, const PlaneReport *report, gboolean cursor)
{
    g_autofree char *fourcc = vdmabuf_scanout_fourcc_to_text(report->fb.fourcc);

    g_string_append_printf(text, "{\"framebuffer\":%u,\"fourcc\":", report->state.fb_id);
    vdmabuf_scanout_json_string(text, fourcc);
    /* A modifier does not fit a JSON number of 53 bits. */
    g_string_append_printf(
        text,
        ",\"modifier\":\"0x%016" G_GINT64_MODIFIER
        "x\",\"explicit_modifier\":%s,\"framebuffer_width\":%u,"
        "\"framebuffer_height\":%u,\"width\":%u,\"height\":%u,\"dmabuf\":%" G_GUINT64_FORMAT
        ",\"size\":%" G_GUINT64_FORMAT ",\"planes\":[",
        report->fb.modifier, report->fb.has_modifier ? "true" : "false", report->fb.width,
        report->fb.height, report->frame.width, report->frame.height, report->inode, report->size);
    for (guint i = 0; i < report->frame.nr_planes; i++)
        g_string_append_printf(text, "%s{\"offset\":%u,\"stride\":%u}", i > 0 ? "," : "",
                               report->frame.planes[i].offset, report->frame.planes[i].stride);
    g_string_append_c(text, ']');
    if (cursor)
        g_string_append_printf(text, ",\"x\":%d,\"y\":%d,\"hot_x\":%d,\"hot_y\":%d",
                               report->frame.x, report->frame.y, report->frame.hot_x,
                               report->frame.hot_y);
    if (report->problem != NULL) {
        g_string_append(text, ",\"problem\":");
        vdmabuf_scanout_json_string(text, report->problem);
    }
    g_string_append_c(text, '}');
}

static void
plane_to_text(GString *text, const PlaneReport *report, gboolean cursor)
{
    g_autofree char *fourcc = vdmabuf_scanout_fourcc_to_text(report->fb.fourcc);

    g_string_append_printf(text, "    %s: framebuffer %u", cursor ? "cursor" : "primary",
                           report->state.fb_id);
    if (report->fb.fourcc != 0)
        g_string_append_printf(text,
                               " %ux%u %s modifier 0x%016" G_GINT64_MODIFIER
                               "x%s, dma-buf %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
                               report->fb.width, report->fb.height, fourcc, report->fb.modifier,
                               report->fb.has_modifier ? "" : " (implied)", report->inode,
                               report->size);
    for (guint i = 0; i < report->frame.nr_planes; i++)
        g_string_append_printf(text, ", plane %u offset %u stride %u", i,
                               report->frame.planes[i].offset, report->frame.planes[i].stride);
    if (report->frame.nr_planes > 0)
        g_string_append_printf(text, ", shows %ux%u", report->frame.width, report->frame.height);
    if (cursor && report->frame.nr_planes > 0)
        g_string_append_printf(text, " at %d,%d hot spot %d,%d", report->frame.x, report->frame.y,
                               report->frame.hot_x, report->frame.hot_y);
    g_string_append_c(text, '\n');
    if (report->problem != NULL)
        g_string_append_printf(text, "      problem: %s\n", report->problem);
}

static void
report_head(GString *text, VdmabufScanoutCard *card, const VdmabufScanoutOptions *options,
            const VdmabufScanoutHead *head, int index)
{
    PlaneReport primary = {0};
    PlaneReport cursor = {0};
    gboolean vblank = vdmabuf_scanout_card_queue_vblank(card, head->crtc_id, 1, 0);

    if (head->primary_plane != 0)
        read_plane(card, options, head->crtc_id, head->primary_plane, FALSE, &primary);
    if (head->cursor_plane != 0)
        read_plane(card, options, head->crtc_id, head->cursor_plane, TRUE, &cursor);
    if (options->json) {
        g_string_append(text, "{\"name\":");
        vdmabuf_scanout_json_string(text, head->name);
        g_string_append_printf(text,
                               ",\"output\":%d,\"crtc\":%u,\"width\":%u,\"height\":%u,"
                               "\"refresh_mhz\":%u,\"vblank\":%s,\"overlays\":%u,\"primary\":",
                               index, head->crtc_id, head->width, head->height, head->refresh_mhz,
                               vblank ? "true" : "false", head->overlays);
        if (primary.state.fb_id != 0)
            plane_to_json(text, &primary, FALSE);
        else
            g_string_append(text, "null");
        g_string_append(text, ",\"cursor\":");
        if (cursor.state.fb_id != 0)
            plane_to_json(text, &cursor, TRUE);
        else
            g_string_append(text, "null");
        g_string_append_c(text, '}');
    } else {
        g_string_append_printf(text, "  output %d: %s %ux%u at %u.%03u Hz, %s\n", index, head->name,
                               head->width, head->height, head->refresh_mhz / 1000,
                               head->refresh_mhz % 1000,
                               vblank ? "vertical blanks" : "no vertical blanks: timer");
        if (primary.state.fb_id != 0)
            plane_to_text(text, &primary, FALSE);
        else
            g_string_append(text, "    primary: nothing\n");
        if (cursor.state.fb_id != 0)
            plane_to_text(text, &cursor, TRUE);
        if (head->overlays > 0)
            g_string_append_printf(text, "    overlays: %u, which are not exported\n",
                                   head->overlays);
    }
    g_free(primary.problem);
    g_free(cursor.problem);
}

char *
vdmabuf_scanout_report(const VdmabufScanoutOptions *options, GError **error)
{
    g_autoptr(GString) text = g_string_new(options->json ? "{\"cards\":[" : NULL);
    g_autoptr(GPtrArray) paths = NULL;
    g_autoptr(VdmabufScanoutNames) names =
        vdmabuf_scanout_names_new((const char *const *) options->outputs);
    g_autoptr(GError) first = NULL;
    guint n_cards = 0;

    if (options->cards != NULL) {
        paths = g_ptr_array_new_with_free_func(g_free);
        for (char **card = options->cards; *card != NULL; card++)
            g_ptr_array_add(paths, g_strdup(*card));
    } else {
        paths = vdmabuf_scanout_card_list();
    }
    for (guint i = 0; i < paths->len; i++) {
        const char *path = g_ptr_array_index(paths, i);
        g_autoptr(GError) local = NULL;
        g_autoptr(VdmabufScanoutCard) card = vdmabuf_scanout_card_open(path, &local);
        g_autoptr(GPtrArray) heads = NULL;
        guint n_heads = 0;

        if (card != NULL)
            heads = vdmabuf_scanout_card_list_heads(card, &local);
        if (heads == NULL) {
            if (first == NULL)
                first = g_steal_pointer(&local);
            continue;
        }
        if (options->json) {
            g_string_append(text, n_cards > 0 ? ",{\"path\":" : "{\"path\":");
            vdmabuf_scanout_json_string(text, path);
            g_string_append(text, ",\"driver\":");
            vdmabuf_scanout_json_string(text, vdmabuf_scanout_card_get_driver(card));
            g_string_append(text, ",\"outputs\":[");
        } else {
            g_string_append_printf(text, "%s (driver %s)\n", path,
                                   vdmabuf_scanout_card_get_driver(card));
        }
        n_cards++;
        for (guint h = 0; h < heads->len; h++) {
            const VdmabufScanoutHead *head = g_ptr_array_index(heads, h);
            int index = vdmabuf_scanout_names_lookup(names, head->name);

            if (index < 0)
                continue;
            if (options->json && n_heads > 0)
                g_string_append_c(text, ',');
            report_head(text, card, options, head, index);
            n_heads++;
        }
        if (options->json)
            g_string_append(text, "]}");
        else if (n_heads == 0)
            g_string_append(text, "  no output is on\n");
    }
    if (n_cards == 0) {
        if (first != NULL)
            g_propagate_error(error, g_steal_pointer(&first));
        else
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_NO_CARD,
                        "there is no DRM card in /dev/dri: load the driver of the guest's display, "
                        "such as virtio-gpu");
        return NULL;
    }
    if (options->json)
        g_string_append(text, "]}\n");
    return g_string_free(g_steal_pointer(&text), FALSE);
}
