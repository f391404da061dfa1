/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-gl.h"

#include "view-format.h"
#include "view-program.h"

/* More than any swapchain has; a guest that never uses a buffer twice must not fill the GPU. */
#define MAX_IMAGES 32

/* A buffer can be shown in more than one way, one after the other. */
typedef struct {
    VdmabufBuffer *buffer;
    struct vdmabuf_frame frame; /* the fields that matter to EGL; the rest is zero */
    ViewGlImage gl;
} Image;

typedef struct {
    GLuint texture;
    guint64 serial;
    int width, height;
} LayerTexture;

struct _ViewGl {
    EGLDisplay display;
    gboolean modifiers;
    gboolean external;
    GLenum target;
    ViewProgram picture;
    ViewProgram layer;
    GLuint corners; /* a vertex buffer */
    GLuint array;   /* a vertex array; 0 where there are none */
    LayerTexture layers[VIEW_N_LAYERS];
    GQueue images; /* that used last first */
    /* Also for when no context is current, where libepoxy does not find it */
    PFNEGLDESTROYIMAGEKHRPROC destroy_image;
};

/* --- Setting up --- */

gboolean
view_gl_check_display(EGLDisplay display, GError **error)
{
    if (!epoxy_has_egl_extension(display, "EGL_EXT_image_dma_buf_import") ||
        !epoxy_has_egl_extension(display, "EGL_KHR_image_base")) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "The EGL driver (%s) cannot import dma-bufs on this display",
                    eglQueryString(display, EGL_VENDOR));
        return FALSE;
    }
    if (!epoxy_has_egl_extension(display, "EGL_KHR_fence_sync")) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "The EGL driver (%s) does not tell when the GPU is done with a picture",
                    eglQueryString(display, EGL_VENDOR));
        return FALSE;
    }
    return TRUE;
}

static gboolean
gl_check_context(ViewGl *self, GError **error)
{
    if (!epoxy_has_gl_extension("GL_OES_EGL_image")) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "The OpenGL driver (%s) cannot make textures of dma-bufs",
                    (const char *) glGetString(GL_RENDERER));
        return FALSE;
    }
    self->modifiers =
        epoxy_has_egl_extension(self->display, "EGL_EXT_image_dma_buf_import_modifiers");
    self->external = !epoxy_is_desktop_gl() && epoxy_has_gl_extension("GL_OES_EGL_image_external");
    self->target = self->external ? GL_TEXTURE_EXTERNAL_OES : GL_TEXTURE_2D;
    return TRUE;
}

static void
gl_make_corners(ViewGl *self)
{
    static const GLfloat corners[] = {0, 0, 0, 1, 1, 0, 1, 1};

    if (epoxy_is_desktop_gl() && epoxy_gl_version() >= 30)
        glGenVertexArrays(1, &self->array);
    glGenBuffers(1, &self->corners);
    glBindBuffer(GL_ARRAY_BUFFER, self->corners);
    glBufferData(GL_ARRAY_BUFFER, sizeof(corners), corners, GL_STATIC_DRAW);
    glBindBuffer(GL_ARRAY_BUFFER, 0);
}

ViewGl *
view_gl_new(EGLDisplay display, GError **error)
{
    ViewGl *self = g_new0(ViewGl, 1);

    self->display = display;
    self->destroy_image = (PFNEGLDESTROYIMAGEKHRPROC) eglGetProcAddress("eglDestroyImageKHR");
    g_queue_init(&self->images);
    if (!view_gl_check_display(display, error) || !gl_check_context(self, error) ||
        !view_program_init(&self->picture, VIEW_PROGRAM_PICTURE, self->external, error) ||
        !view_program_init(&self->layer, VIEW_PROGRAM_LAYER, FALSE, error)) {
        view_gl_free(self, TRUE);
        return NULL;
    }
    gl_make_corners(self);
    return self;
}

static void
image_free(ViewGl *gl, Image *self, gboolean current)
{
    if (current)
        view_gl_image_clear(gl, &self->gl);
    else
        gl->destroy_image(gl->display, self->gl.image);
    vdmabuf_buffer_unref(self->buffer);
    g_free(self);
}

void
view_gl_free(ViewGl *self, gboolean current)
{
    Image *image;

    if (self == NULL)
        return;

    while ((image = g_queue_pop_head(&self->images)) != NULL)
        image_free(self, image, current);
    if (current) {
        for (guint i = 0; i < VIEW_N_LAYERS; i++)
            glDeleteTextures(1, &self->layers[i].texture);
        if (self->array != 0)
            glDeleteVertexArrays(1, &self->array);
        glDeleteBuffers(1, &self->corners);
        view_program_clear(&self->picture);
        view_program_clear(&self->layer);
    }
    g_free(self);
}

/* --- Importing --- */

static void
gl_clear_errors(void)
{
    /* A context that is lost gives the same error for ever. */
    for (guint i = 0; i < 16 && glGetError() != GL_NO_ERROR; i++)
        ;
}

static void
gl_set_texture_filter(GLenum target, GLint filter)
{
    glTexParameteri(target, GL_TEXTURE_MIN_FILTER, filter);
    glTexParameteri(target, GL_TEXTURE_MAG_FILTER, filter);
    glTexParameteri(target, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    glTexParameteri(target, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
}

/* Also tells the driver that the contents are new. */
static gboolean
gl_bind_image(ViewGl *self, EGLImageKHR image, GLuint texture)
{
    GLenum status;

    gl_clear_errors();
    glBindTexture(self->target, texture);
    glEGLImageTargetTexture2DOES(self->target, image);
    status = glGetError();
    glBindTexture(self->target, 0);
    return status == GL_NO_ERROR;
}

gboolean
view_gl_image_init(ViewGl *self, ViewGlImage *image, const struct vdmabuf_frame *frame, int fd,
                   GError **error)
{
    g_autofree char *what = view_format_describe(frame);
    EGLint attributes[VIEW_FORMAT_EGL_ATTRIBUTES];

    if (!view_format_get_egl(frame, fd, self->modifiers, attributes, error))
        return FALSE;

    image->image =
        eglCreateImageKHR(self->display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, attributes);
    if (image->image == EGL_NO_IMAGE_KHR) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                    "The EGL driver (%s) does not import the guest's picture (%s): error 0x%x",
                    eglQueryString(self->display, EGL_VENDOR), what, (guint) eglGetError());
        return FALSE;
    }
    glGenTextures(1, &image->texture);
    if (gl_bind_image(self, image->image, image->texture))
        return TRUE;

    view_gl_image_clear(self, image);
    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_INVALID,
                "The OpenGL driver (%s) makes no texture of the guest's picture (%s)",
                (const char *) glGetString(GL_RENDERER), what);
    return FALSE;
}

void
view_gl_image_clear(ViewGl *self, ViewGlImage *image)
{
    glDeleteTextures(1, &image->texture);
    self->destroy_image(self->display, image->image);
}

/* The fields of a frame that an image depends on */
static void
image_frame_init(struct vdmabuf_frame *self, const struct vdmabuf_frame *frame)
{
    *self = (struct vdmabuf_frame) {
        .fourcc = frame->fourcc,
        .modifier = frame->modifier,
        .width = frame->width,
        .height = frame->height,
        .nr_planes = frame->nr_planes,
    };
    for (guint i = 0; i < frame->nr_planes; i++)
        self->planes[i] = frame->planes[i];
}

static gboolean
image_frame_equal(const struct vdmabuf_frame *a, const struct vdmabuf_frame *b)
{
    if (a->fourcc != b->fourcc || a->modifier != b->modifier || a->width != b->width ||
        a->height != b->height || a->nr_planes != b->nr_planes)
        return FALSE;
    for (guint i = 0; i < a->nr_planes; i++) {
        if (a->planes[i].offset != b->planes[i].offset ||
            a->planes[i].stride != b->planes[i].stride)
            return FALSE;
    }
    return TRUE;
}

/* One buffer has one image: what it showed before in another way is dropped. */
static Image *
gl_find_image(ViewGl *self, VdmabufPicture *picture)
{
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(picture);

    for (GList *l = self->images.head; l != NULL; l = l->next) {
        Image *image = l->data;

        if (image->buffer != buffer)
            continue;
        if (!image_frame_equal(&image->frame, vdmabuf_picture_get_frame(picture))) {
            g_queue_delete_link(&self->images, l);
            image_free(self, image, TRUE);
            return NULL;
        }
        g_queue_unlink(&self->images, l);
        g_queue_push_head_link(&self->images, l);
        return image;
    }
    return NULL;
}

gboolean
view_gl_import(ViewGl *self, VdmabufPicture *picture, GError **error)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    VdmabufBuffer *buffer = vdmabuf_picture_get_buffer(picture);
    Image *image = gl_find_image(self, picture);
    ViewGlImage gl;

    if (image != NULL && gl_bind_image(self, image->gl.image, image->gl.texture))
        return TRUE;
    if (image != NULL)
        view_gl_forget(self, buffer);
    if (!view_format_check(frame, vdmabuf_buffer_get_size(buffer), error) ||
        !view_gl_image_init(self, &gl, frame, vdmabuf_buffer_get_fd(buffer), error))
        return FALSE;

    if (g_queue_get_length(&self->images) >= MAX_IMAGES)
        image_free(self, g_queue_pop_tail(&self->images), TRUE);
    image = g_new0(Image, 1);
    image->buffer = vdmabuf_buffer_ref(buffer);
    image_frame_init(&image->frame, frame);
    image->gl = gl;
    g_queue_push_head(&self->images, image);
    return TRUE;
}

void
view_gl_forget(ViewGl *self, VdmabufBuffer *buffer)
{
    for (GList *l = self->images.head; l != NULL; l = l->next) {
        Image *image = l->data;

        if (image->buffer == buffer) {
            g_queue_delete_link(&self->images, l);
            image_free(self, image, TRUE);
            return;
        }
    }
}

void
view_gl_forget_all(ViewGl *self)
{
    Image *image;

    while ((image = g_queue_pop_head(&self->images)) != NULL)
        image_free(self, image, TRUE);
}

guint
view_gl_get_n_images(ViewGl *self)
{
    return g_queue_get_length(&self->images);
}

/* --- Drawing --- */

/* What GDK, or whoever else draws with this context, may have left behind */
static void
gl_begin(ViewGl *self)
{
    glDisable(GL_BLEND);
    glDisable(GL_CULL_FACE);
    glDisable(GL_DEPTH_TEST);
    glDisable(GL_SCISSOR_TEST);
    glDisable(GL_STENCIL_TEST);
    glDisable(GL_DITHER);
    glColorMask(GL_TRUE, GL_TRUE, GL_TRUE, GL_TRUE);
    glActiveTexture(GL_TEXTURE0);
    if (self->array != 0)
        glBindVertexArray(self->array);
    glBindBuffer(GL_ARRAY_BUFFER, self->corners);
    glEnableVertexAttribArray(0);
    glVertexAttribPointer(0, 2, GL_FLOAT, GL_FALSE, 0, NULL);
}

static void
gl_end(ViewGl *self)
{
    glDisableVertexAttribArray(0);
    glBindBuffer(GL_ARRAY_BUFFER, 0);
    if (self->array != 0)
        glBindVertexArray(0);
    glUseProgram(0);
}

/* @area in pixels from the top left of a target of @width x @height */
static void
gl_draw_rect(const ViewProgram *program, const cairo_rectangle_int_t *area, int width, int height,
             gboolean flip)
{
    glUseProgram(program->program);
    glUniform4f(program->rect, (GLfloat) (2.0 * area->x / width - 1.0),
                (GLfloat) (1.0 - 2.0 * area->y / height), (GLfloat) (2.0 * area->width / width),
                (GLfloat) (2.0 * area->height / height));
    glUniform1f(program->flip, flip ? 1 : 0);
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
}

static void
gl_draw_picture(ViewGl *self, const ViewScene *scene)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(scene->picture);
    Image *image = gl_find_image(self, scene->picture);

    /* It was imported for another context, or too long ago. */
    if (image == NULL && view_gl_import(self, scene->picture, NULL))
        image = gl_find_image(self, scene->picture);
    if (image == NULL)
        return;
    glBindTexture(self->target, image->gl.texture);
    gl_set_texture_filter(self->target, view_fit_is_integral(&scene->fit) ? GL_NEAREST : GL_LINEAR);
    gl_draw_rect(&self->picture, &scene->fit.area, scene->width, scene->height,
                 (frame->flags & VDMABUF_FRAME_Y_INVERTED) != 0);
    glBindTexture(self->target, 0);
}

static void
gl_upload_layer(LayerTexture *texture, const ViewLayer *layer)
{
    int width = cairo_image_surface_get_width(layer->surface);
    int height = cairo_image_surface_get_height(layer->surface);
    const guint8 *data = cairo_image_surface_get_data(layer->surface);

    cairo_surface_flush(layer->surface);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
    /* Rows of this format have nothing behind them. */
    if (texture->width == width && texture->height == height)
        glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, data);
    else
        glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, data);
    texture->width = width;
    texture->height = height;
    texture->serial = layer->serial;
}

static void
gl_draw_layer(ViewGl *self, LayerTexture *texture, const ViewLayer *layer, const ViewScene *scene)
{
    gboolean stretched = cairo_image_surface_get_width(layer->surface) != layer->area.width ||
                         cairo_image_surface_get_height(layer->surface) != layer->area.height;

    if (texture->texture == 0)
        glGenTextures(1, &texture->texture);
    glBindTexture(GL_TEXTURE_2D, texture->texture);
    if (texture->serial != layer->serial || texture->width == 0)
        gl_upload_layer(texture, layer);
    gl_set_texture_filter(GL_TEXTURE_2D,
                          stretched && !view_fit_is_integral(&scene->fit) ? GL_LINEAR : GL_NEAREST);
    glEnable(GL_BLEND);
    glBlendFunc(GL_ONE, GL_ONE_MINUS_SRC_ALPHA);
    gl_draw_rect(&self->layer, &layer->area, scene->width, scene->height, FALSE);
    glDisable(GL_BLEND);
    glBindTexture(GL_TEXTURE_2D, 0);
}

/* The cursor ends where the picture ends. */
static void
gl_set_clip(const ViewScene *scene)
{
    const cairo_rectangle_int_t *area = &scene->fit.area;

    glScissor(area->x, scene->height - area->y - area->height, area->width, area->height);
    glEnable(GL_SCISSOR_TEST);
}

void
view_gl_draw(ViewGl *self, const ViewScene *scene)
{
    gl_begin(self);
    glViewport(0, 0, scene->width, scene->height);
    glClearColor(0, 0, 0, 1);
    glClear(GL_COLOR_BUFFER_BIT);

    if (scene->picture != NULL && !view_fit_is_empty(&scene->fit))
        gl_draw_picture(self, scene);
    for (guint i = 0; i < VIEW_N_LAYERS; i++) {
        if (scene->layers[i].surface == NULL)
            continue;
        if (i == VIEW_LAYER_CURSOR)
            gl_set_clip(scene);
        gl_draw_layer(self, &self->layers[i], &scene->layers[i], scene);
        glDisable(GL_SCISSOR_TEST);
    }
    gl_end(self);
}

/* --- Reading --- */

static void
swap_colours(guint32 *pixels, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        const guint8 *bytes = (const guint8 *) &pixels[i];

        pixels[i] = 0xff000000u | (guint32) bytes[0] << 16 | (guint32) bytes[1] << 8 | bytes[2];
    }
}

gboolean
view_gl_image_read(ViewGl *self, const ViewGlImage *image, const struct vdmabuf_frame *frame,
                   const cairo_rectangle_int_t *part, guint32 *pixels, GError **error)
{
    const cairo_rectangle_int_t all = {0, 0, (int) frame->width, (int) frame->height};
    GLint bound = 0;
    GLuint framebuffer, colour;
    GLenum status;

    glGetIntegerv(GL_FRAMEBUFFER_BINDING, &bound);
    gl_clear_errors();
    glGenTextures(1, &colour);
    glBindTexture(GL_TEXTURE_2D, colour);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, part->width, part->height, 0, GL_RGBA, GL_UNSIGNED_BYTE,
                 NULL);
    gl_set_texture_filter(GL_TEXTURE_2D, GL_NEAREST);
    glBindTexture(GL_TEXTURE_2D, 0);
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, colour, 0);
    status = glCheckFramebufferStatus(GL_FRAMEBUFFER);

    if (status == GL_FRAMEBUFFER_COMPLETE) {
        gl_begin(self);
        /*
         * The whole picture, pixel for pixel, of which only the part is inside the framebuffer.
         * Drawn upside down, so that the row that is read first is the top one.
         */
        glViewport(-part->x, -part->y, all.width, all.height);
        glBindTexture(self->target, image->texture);
        gl_set_texture_filter(self->target, GL_NEAREST);
        gl_draw_rect(&self->picture, &all, all.width, all.height,
                     (frame->flags & VDMABUF_FRAME_Y_INVERTED) == 0);
        glBindTexture(self->target, 0);
        gl_end(self);
        glPixelStorei(GL_PACK_ALIGNMENT, 4);
        glReadPixels(0, 0, part->width, part->height, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
        swap_colours(pixels, (gsize) part->width * (gsize) part->height);
        status = glGetError();
    }

    glBindFramebuffer(GL_FRAMEBUFFER, (GLuint) bound);
    glDeleteFramebuffers(1, &framebuffer);
    glDeleteTextures(1, &colour);
    if (status != GL_NO_ERROR) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "OpenGL cannot read the picture back: error 0x%x", (guint) status);
        return FALSE;
    }
    return TRUE;
}

gboolean
view_gl_read_surface(ViewGl *self, VdmabufPicture *picture, cairo_surface_t *surface,
                     GError **error)
{
    const struct vdmabuf_frame *frame = vdmabuf_picture_get_frame(picture);
    const cairo_rectangle_int_t all = {0, 0, (int) frame->width, (int) frame->height};
    gboolean ok;

    /* Rows of this format have nothing behind them. */
    cairo_surface_flush(surface);
    ok = view_gl_read(self, picture, &all,
                      (guint32 *) (void *) cairo_image_surface_get_data(surface), error);
    cairo_surface_mark_dirty(surface);
    return ok;
}

gboolean
view_gl_read(ViewGl *self, VdmabufPicture *picture, const cairo_rectangle_int_t *part,
             guint32 *pixels, GError **error)
{
    if (!view_gl_import(self, picture, error))
        return FALSE;
    return view_gl_image_read(self, &gl_find_image(self, picture)->gl,
                              vdmabuf_picture_get_frame(picture), part, pixels, error);
}
