/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scanout-card.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "scanout-error.h"

#ifndef DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT
#define DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT 6
#endif

#define CARD_DIRECTORY "/dev/dri"

typedef enum {
    PROP_SRC_X,
    PROP_SRC_Y,
    PROP_SRC_W,
    PROP_SRC_H,
    PROP_CRTC_X,
    PROP_CRTC_Y,
    PROP_HOTSPOT_X,
    PROP_HOTSPOT_Y,
    PROP_ROTATION,
    N_PROPS,
} PlaneProp;

typedef struct {
    guint32 id;
    guint32 type; /* DRM_PLANE_TYPE_* */
    guint32 props[N_PROPS];
    gboolean only_linear;
} Plane;

struct _VdmabufScanoutCard {
    char *path;
    char *driver;
    int fd;
    GArray *planes; /* Plane; drivers make them all before the node appears */
};

static const char *const prop_names[N_PROPS] = {
    [PROP_SRC_X] = "SRC_X",         [PROP_SRC_Y] = "SRC_Y",         [PROP_SRC_W] = "SRC_W",
    [PROP_SRC_H] = "SRC_H",         [PROP_CRTC_X] = "CRTC_X",       [PROP_CRTC_Y] = "CRTC_Y",
    [PROP_HOTSPOT_X] = "HOTSPOT_X", [PROP_HOTSPOT_Y] = "HOTSPOT_Y", [PROP_ROTATION] = "rotation",
};

typedef drmModeRes ModeRes;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeRes, drmModeFreeResources)
typedef drmModePlaneRes ModePlaneRes;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModePlaneRes, drmModeFreePlaneResources)
typedef drmModePlane ModePlane;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModePlane, drmModeFreePlane)
typedef drmModeCrtc ModeCrtc;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeCrtc, drmModeFreeCrtc)
typedef drmModeConnector ModeConnector;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeConnector, drmModeFreeConnector)
typedef drmModeEncoder ModeEncoder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeEncoder, drmModeFreeEncoder)
typedef drmModeObjectProperties ModeProps;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeProps, drmModeFreeObjectProperties)
typedef drmModePropertyRes ModeProp;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeProp, drmModeFreeProperty)
typedef drmModePropertyBlobRes ModeBlob;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeBlob, drmModeFreePropertyBlob)
typedef drmModeFB2 ModeFb2;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ModeFb2, drmModeFreeFB2)
typedef drmVersion Version;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Version, drmFreeVersion)

void
vdmabuf_scanout_head_free(VdmabufScanoutHead *self)
{
    if (self == NULL)
        return;
    g_free(self->name);
    g_free(self);
}

static guint64
card_number(const char *path)
{
    return g_ascii_strtoull(path + strlen(CARD_DIRECTORY "/card"), NULL, 10);
}

static int
compare_cards(gconstpointer a, gconstpointer b)
{
    guint64 one = card_number(*(const char *const *) a);
    guint64 other = card_number(*(const char *const *) b);

    return one < other ? -1 : one > other;
}

GPtrArray *
vdmabuf_scanout_card_list(void)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(CARD_DIRECTORY, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_prefix(name, "card") && g_ascii_isdigit(name[4]))
            g_ptr_array_add(paths, g_build_filename(CARD_DIRECTORY, name, NULL));
    }
    g_ptr_array_sort(paths, compare_cards);
    return paths;
}

static void
card_add_plane(VdmabufScanoutCard *self, guint32 plane_id)
{
    g_autoptr(ModeProps) props =
        drmModeObjectGetProperties(self->fd, plane_id, DRM_MODE_OBJECT_PLANE);
    Plane plane = {.id = plane_id, .type = DRM_PLANE_TYPE_OVERLAY};

    for (guint32 i = 0; props != NULL && i < props->count_props; i++) {
        g_autoptr(ModeProp) prop = drmModeGetProperty(self->fd, props->props[i]);

        if (prop == NULL)
            continue;
        if (g_str_equal(prop->name, "type"))
            plane.type = (guint32) props->prop_values[i];
        if (g_str_equal(prop->name, "IN_FORMATS")) {
            g_autoptr(ModeBlob) blob =
                drmModeGetPropertyBlob(self->fd, (guint32) props->prop_values[i]);

            if (blob != NULL)
                plane.only_linear =
                    vdmabuf_scanout_in_formats_only_linear(blob->data, blob->length);
        }
        for (guint p = 0; p < N_PROPS; p++) {
            if (g_str_equal(prop->name, prop_names[p]))
                plane.props[p] = prop->prop_id;
        }
    }
    g_array_append_val(self->planes, plane);
}

VdmabufScanoutCard *
vdmabuf_scanout_card_open(const char *path, GError **error)
{
    g_autoptr(VdmabufScanoutCard) self = g_new0(VdmabufScanoutCard, 1);
    g_autoptr(Version) version = NULL;
    g_autoptr(ModeRes) resources = NULL;
    g_autoptr(ModePlaneRes) planes = NULL;
    int saved;

    self->path = g_strdup(path);
    self->planes = g_array_new(FALSE, FALSE, sizeof(Plane));
    self->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    saved = errno;
    if (self->fd < 0) {
        if (saved == EACCES || saved == EPERM)
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_PERMISSION,
                        "%s cannot be opened: %s; run vdmabuf-scanout as root", path,
                        g_strerror(saved));
        else
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_NO_CARD,
                        "%s cannot be opened: %s; ls " CARD_DIRECTORY
                        " shows which cards there are",
                        path, g_strerror(saved));
        return NULL;
    }
    /*
     * The first one to open a card without a master becomes its master. A compositor that
     * starts in this moment would be refused, so give it back before anything else.
     */
    if (drmIsMaster(self->fd))
        drmDropMaster(self->fd);

    version = drmGetVersion(self->fd);
    if (version == NULL) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_NO_CARD,
                    "%s is not a DRM device; give a node such as " CARD_DIRECTORY "/card0 with "
                    "--card",
                    path);
        return NULL;
    }
    self->driver = g_strdup(version->name);

    /* Old drivers know neither atomic planes nor hot spots; they show what they have. */
    drmSetClientCap(self->fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1);
    if (drmSetClientCap(self->fd, DRM_CLIENT_CAP_ATOMIC, 1) == 0) {
        /* Virtual drivers hide the cursor's plane from those who do not say that they know it. */
        drmSetClientCap(self->fd, DRM_CLIENT_CAP_CURSOR_PLANE_HOTSPOT, 1);
    }

    resources = drmModeGetResources(self->fd);
    planes = resources != NULL ? drmModeGetPlaneResources(self->fd) : NULL;
    if (planes == NULL || resources->count_crtcs == 0 || planes->count_planes == 0) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_NO_KMS,
                    "%s (driver %s) has no outputs (no KMS); give another card with --card", path,
                    self->driver);
        return NULL;
    }
    for (guint32 i = 0; i < planes->count_planes; i++)
        card_add_plane(self, planes->planes[i]);
    return g_steal_pointer(&self);
}

void
vdmabuf_scanout_card_free(VdmabufScanoutCard *self)
{
    if (self == NULL)
        return;
    if (self->fd >= 0)
        close(self->fd);
    g_array_unref(self->planes);
    g_free(self->driver);
    g_free(self->path);
    g_free(self);
}

int
vdmabuf_scanout_card_get_fd(const VdmabufScanoutCard *self)
{
    return self->fd;
}

const char *
vdmabuf_scanout_card_get_path(const VdmabufScanoutCard *self)
{
    return self->path;
}

const char *
vdmabuf_scanout_card_get_driver(const VdmabufScanoutCard *self)
{
    return self->driver;
}

static gboolean
set_drm_error(GError **error, const VdmabufScanoutCard *self, int code, const char *what,
              guint32 object)
{
    gboolean gone = code == ENOENT || code == ENODEV || code == ENXIO;

    g_set_error(error, VDMABUF_SCANOUT_ERROR,
                gone ? VDMABUF_SCANOUT_ERROR_GONE : VDMABUF_SCANOUT_ERROR_FAILED,
                "%s (driver %s): %s %u failed: %s", self->path, self->driver, what, object,
                g_strerror(code));
    return FALSE;
}

static const Plane *
card_find_plane(const VdmabufScanoutCard *self, guint32 plane_id)
{
    for (guint i = 0; i < self->planes->len; i++) {
        const Plane *plane = &g_array_index(self->planes, Plane, i);

        if (plane->id == plane_id)
            return plane;
    }
    return NULL;
}

/* Fills in which planes @head has; the first of a kind counts. */
static void
card_assign_planes(VdmabufScanoutCard *self, VdmabufScanoutHead *head, guint crtc_index)
{
    guint32 idle_cursor = 0;

    for (guint i = 0; i < self->planes->len; i++) {
        const Plane *plane = &g_array_index(self->planes, Plane, i);
        g_autoptr(ModePlane) now = drmModeGetPlane(self->fd, plane->id);

        if (now == NULL)
            continue;
        if (plane->type == DRM_PLANE_TYPE_CURSOR && now->crtc_id == 0 && idle_cursor == 0 &&
            (now->possible_crtcs & (1u << crtc_index)))
            idle_cursor = plane->id;
        if (now->crtc_id != head->crtc_id || now->fb_id == 0)
            continue;
        if (plane->type == DRM_PLANE_TYPE_PRIMARY && head->primary_plane == 0)
            head->primary_plane = plane->id;
        else if (plane->type == DRM_PLANE_TYPE_CURSOR && head->cursor_plane == 0)
            head->cursor_plane = plane->id;
        else
            head->overlays++;
    }
    /* A pointer that is hidden just now comes back on this one. */
    if (head->cursor_plane == 0)
        head->cursor_plane = idle_cursor;
}

static VdmabufScanoutHead *
card_read_head(VdmabufScanoutCard *self, const drmModeRes *resources, guint32 connector_id,
               GHashTable *seen)
{
    g_autoptr(ModeConnector) connector = drmModeGetConnectorCurrent(self->fd, connector_id);
    g_autoptr(ModeEncoder) encoder = NULL;
    g_autoptr(ModeCrtc) crtc = NULL;
    g_autofree char *base = g_path_get_basename(self->path);
    const drmModeModeInfo *mode;
    const char *type;
    VdmabufScanoutHead *head;
    guint index = 0;

    if (connector == NULL || connector->encoder_id == 0)
        return NULL;
    encoder = drmModeGetEncoder(self->fd, connector->encoder_id);
    if (encoder == NULL || encoder->crtc_id == 0)
        return NULL;
    /* Connectors that show the same picture are one output. */
    if (!g_hash_table_add(seen, GUINT_TO_POINTER(encoder->crtc_id)))
        return NULL;
    crtc = drmModeGetCrtc(self->fd, encoder->crtc_id);
    if (crtc == NULL || !crtc->mode_valid)
        return NULL;
    for (int i = 0; i < resources->count_crtcs; i++) {
        if (resources->crtcs[i] == crtc->crtc_id)
            index = (guint) i;
    }

    mode = &crtc->mode;
    type = drmModeGetConnectorTypeName(connector->connector_type);
    head = g_new0(VdmabufScanoutHead, 1);
    head->name = g_strdup_printf("%s-%s-%u", base, type != NULL ? type : "Unknown",
                                 connector->connector_type_id);
    head->connector_id = connector_id;
    head->crtc_id = crtc->crtc_id;
    head->width = mode->hdisplay;
    head->height = mode->vdisplay;
    head->refresh_mhz = vdmabuf_scanout_refresh_mhz(
        mode->clock, mode->htotal, mode->vtotal, mode->vscan,
        (mode->flags & DRM_MODE_FLAG_INTERLACE) != 0, (mode->flags & DRM_MODE_FLAG_DBLSCAN) != 0);
    card_assign_planes(self, head, index);
    return head;
}

GPtrArray *
vdmabuf_scanout_card_list_heads(VdmabufScanoutCard *self, GError **error)
{
    g_autoptr(ModeRes) resources = drmModeGetResources(self->fd);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    GPtrArray *heads;

    if (resources == NULL) {
        set_drm_error(error, self, errno, "listing the outputs of card", 0);
        return NULL;
    }
    heads = g_ptr_array_new_with_free_func((GDestroyNotify) vdmabuf_scanout_head_free);
    for (int i = 0; i < resources->count_connectors; i++) {
        VdmabufScanoutHead *head = card_read_head(self, resources, resources->connectors[i], seen);

        if (head != NULL)
            g_ptr_array_add(heads, head);
    }
    return heads;
}

gboolean
vdmabuf_scanout_card_read_plane(VdmabufScanoutCard *self, guint32 plane_id, guint32 crtc_id,
                                VdmabufScanoutPlaneState *state, GError **error)
{
    const Plane *plane = card_find_plane(self, plane_id);
    g_autoptr(ModePlane) now = drmModeGetPlane(self->fd, plane_id);
    g_autoptr(ModeProps) props = NULL;
    guint64 values[N_PROPS] = {0};

    memset(state, 0, sizeof(*state));
    if (now == NULL || plane == NULL)
        return set_drm_error(error, self, errno, "reading plane", plane_id);
    if (now->crtc_id != crtc_id || now->fb_id == 0)
        return TRUE;
    state->fb_id = now->fb_id;

    if (plane->props[PROP_SRC_W] == 0) {
        /* Not an atomic driver: the CRTC says which part of the framebuffer it shows. */
        g_autoptr(ModeCrtc) crtc =
            plane->type == DRM_PLANE_TYPE_PRIMARY ? drmModeGetCrtc(self->fd, crtc_id) : NULL;

        if (crtc != NULL && crtc->mode_valid) {
            state->has_src = TRUE;
            state->src_x = crtc->x << 16;
            state->src_y = crtc->y << 16;
            state->src_w = (guint32) crtc->mode.hdisplay << 16;
            state->src_h = (guint32) crtc->mode.vdisplay << 16;
        }
        return TRUE;
    }

    props = drmModeObjectGetProperties(self->fd, plane_id, DRM_MODE_OBJECT_PLANE);
    if (props == NULL)
        return set_drm_error(error, self, errno, "reading the properties of plane", plane_id);
    for (guint32 i = 0; i < props->count_props; i++) {
        for (guint p = 0; p < N_PROPS; p++) {
            if (plane->props[p] != 0 && props->props[i] == plane->props[p])
                values[p] = props->prop_values[i];
        }
    }
    state->has_src = TRUE;
    state->src_x = (guint32) values[PROP_SRC_X];
    state->src_y = (guint32) values[PROP_SRC_Y];
    state->src_w = (guint32) values[PROP_SRC_W];
    state->src_h = (guint32) values[PROP_SRC_H];
    state->crtc_x = (gint32) (gint64) values[PROP_CRTC_X];
    state->crtc_y = (gint32) (gint64) values[PROP_CRTC_Y];
    state->hot_x = (gint32) (gint64) values[PROP_HOTSPOT_X];
    state->hot_y = (gint32) (gint64) values[PROP_HOTSPOT_Y];
    state->rotation = (guint32) values[PROP_ROTATION];
    return TRUE;
}

/* GetFB2 makes new handles at each call, one for each distinct object. */
static void
card_close_handles(VdmabufScanoutCard *self, const guint32 handles[4])
{
    for (guint i = 0; i < 4; i++) {
        gboolean closed = handles[i] == 0;

        for (guint j = 0; j < i && !closed; j++)
            closed = handles[j] == handles[i];
        if (!closed)
            drmCloseBufferHandle(self->fd, handles[i]);
    }
}

/*
 * One dma-buf for all planes of a framebuffer. Two handles may still name one object, so what
 * counts is the inode of what they are exported as.
 */
static int
card_export_handles(VdmabufScanoutCard *self, const drmModeFB2 *fb2, guint n_planes, GError **error)
{
    int fd = -1;
    struct stat first = {0};

    for (guint i = 0; i < n_planes; i++) {
        struct stat status;
        int other;

        if (i > 0 && fb2->handles[i] == fb2->handles[0])
            continue;
        /*
         * Whoever exports an object first decides on the mode of the one file that all its
         * importers get: a read-only one would break the compositor's own mappings.
         */
        if (drmPrimeHandleToFD(self->fd, fb2->handles[i], DRM_CLOEXEC | DRM_RDWR, &other) != 0) {
            set_drm_error(error, self, errno, "exporting framebuffer", fb2->fb_id);
            goto fail;
        }
        if (fstat(other, &status) != 0) {
            set_drm_error(error, self, errno, "looking at the dma-buf of framebuffer", fb2->fb_id);
            close(other);
            goto fail;
        }
        if (i == 0) {
            fd = other;
            first = status;
            continue;
        }
        close(other);
        if (status.st_dev != first.st_dev || status.st_ino != first.st_ino) {
            g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                        "the planes of framebuffer %u are in different dma-bufs, which one frame "
                        "cannot express; it is skipped",
                        fb2->fb_id);
            goto fail;
        }
    }
    return fd;

fail:
    if (fd >= 0)
        close(fd);
    return -1;
}

int
vdmabuf_scanout_card_open_fb(VdmabufScanoutCard *self, guint32 plane_id, guint32 fb_id,
                             VdmabufScanoutFb *fb, GError **error)
{
    const Plane *plane = card_find_plane(self, plane_id);
    g_autoptr(ModeFb2) fb2 = drmModeGetFB2(self->fd, fb_id);
    guint n_planes = 0;
    int fd;

    memset(fb, 0, sizeof(*fb));
    if (fb2 == NULL) {
        set_drm_error(error, self, errno, "reading framebuffer", fb_id);
        return -1;
    }
    fb->id = fb_id;
    fb->width = fb2->width;
    fb->height = fb2->height;
    fb->fourcc = fb2->pixel_format;
    fb->has_modifier = (fb2->flags & DRM_MODE_FB_MODIFIERS) != 0;
    fb->modifier =
        fb->has_modifier
            ? fb2->modifier
            : vdmabuf_scanout_implied_modifier(self->driver, plane != NULL && plane->only_linear);
    while (n_planes < VDMABUF_MAX_PLANES && fb2->pitches[n_planes] != 0) {
        fb->pitches[n_planes] = fb2->pitches[n_planes];
        fb->offsets[n_planes] = fb2->offsets[n_planes];
        n_planes++;
    }
    fb->n_planes = n_planes;

    if (fb2->handles[0] == 0) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_PERMISSION,
                    "%s: the kernel hands out framebuffers only to the DRM master and to programs "
                    "with the capability CAP_SYS_ADMIN; run vdmabuf-scanout as root or give it "
                    "that capability",
                    self->path);
        return -1;
    }
    if (n_planes == 0) {
        g_set_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_UNSUPPORTED,
                    "%s: framebuffer %u has no planes", self->path, fb_id);
        fd = -1;
    } else {
        fd = card_export_handles(self, fb2, n_planes, error);
    }
    card_close_handles(self, fb2->handles);
    return fd;
}

gboolean
vdmabuf_scanout_card_queue_vblank(VdmabufScanoutCard *self, guint32 crtc_id, guint skip,
                                  guint64 token)
{
    return drmCrtcQueueSequence(self->fd, crtc_id,
                                DRM_CRTC_SEQUENCE_RELATIVE | DRM_CRTC_SEQUENCE_NEXT_ON_MISS, skip,
                                NULL, token) == 0;
}

gboolean
vdmabuf_scanout_card_read_events(VdmabufScanoutCard *self, VdmabufScanoutVblankFunc func,
                                 gpointer data)
{
    /* Not drmHandleEvent(): its callback gets no pointer of the caller's. */
    char buffer[1024] __attribute__((aligned(8)));
    ssize_t length = read(self->fd, buffer, sizeof(buffer));
    gsize offset = 0;

    if (length < 0)
        return errno == EAGAIN || errno == EINTR;
    while (offset + sizeof(struct drm_event) <= (gsize) length) {
        struct drm_event header;

        memcpy(&header, buffer + offset, sizeof(header));
        if (header.length < sizeof(header) || header.length > (gsize) length - offset)
            break;
        if (header.type == DRM_EVENT_CRTC_SEQUENCE &&
            header.length >= sizeof(struct drm_event_crtc_sequence)) {
            struct drm_event_crtc_sequence event;

            memcpy(&event, buffer + offset, sizeof(event));
            func(event.user_data, data);
        }
        offset += header.length;
    }
    return TRUE;
}
