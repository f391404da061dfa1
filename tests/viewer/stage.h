/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A window with a VdmabufView that fills the screen, and behind it a guest made of one program: what
 * the guest draws is compared with what is on the screen.
 */
#pragma once

#include <gtk/gtk.h>

#include "guest-model.h"
#include "vdmabuf-view.h"

/* Of the display server that the tests run on */
#define STAGE_WIDTH 640
#define STAGE_HEIGHT 480

typedef struct {
    Guest *guest;
    guint64 pages; /* of its memory that are taken */
    VdmabufStream *stream;
    GtkWidget *window;
    VdmabufView *view;
    VdmabufOutput *output;
    guint64 sent;
    guint tick;
} Stage;

typedef struct {
    struct vdmabuf_id id;
    guint8 *memory;
    gsize bytes;
    guint64 sequence; /* of its last frame; 0: the guest has it */
} StageBuffer;

Stage *stage_new(void);
void stage_free(Stage *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stage, stage_free)

/* "CPU", "EGL on Wayland" or "EGL on X11": what the display server lets the view do */
const char *stage_get_expected_path(void);

void stage_buffer_init(Stage *self, StageBuffer *buffer, gsize bytes);
void stage_buffer_drop(Stage *self, StageBuffer *buffer); /* UNREGISTER */
/* Hands the buffer over. */
void stage_send(Stage *self, StageBuffer *buffer, const struct vdmabuf_frame *frame);
/* Looks what the guest got back, without waiting. */
void stage_collect(Stage *self, StageBuffer *buffers, guint count);

/* Runs the main loop once. */
void stage_iterate(void);
/* Runs the main loop until @condition holds, and fails where it does not. */
#define stage_wait(condition)                                                                      \
    G_STMT_START                                                                                   \
    {                                                                                              \
        gint64 deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;                            \
                                                                                                   \
        while (!(condition)) {                                                                     \
            if (g_get_monotonic_time() > deadline)                                                 \
                g_error("%s:%d: waited in vain for: %s", __FILE__, __LINE__, #condition);          \
            stage_iterate();                                                                       \
        }                                                                                          \
    }                                                                                              \
    G_STMT_END

guint64 stage_count_shown(Stage *self);
guint stage_count_held(Stage *self);

/* --- Pictures: pixels are 0x00RRGGBB --- */

/* A linear XR24 picture at the beginning of the buffer */
void stage_frame_init(struct vdmabuf_frame *frame, guint32 width, guint32 height);
/* A colour for each place, different for each @seed */
guint32 stage_pixel(guint32 x, guint32 y, guint32 seed);
/* Draws stage_pixel() into an XR24 or AR24 picture; @alpha: the byte above the colours */
void stage_draw(StageBuffer *buffer, const struct vdmabuf_frame *frame, guint32 seed, guint8 alpha);

typedef guint32 (*StagePixelFunc)(int x, int y, gconstpointer data);

/*
 * Waits until the screen shows what @pixel says for each place, exactly; fails, with the first
 * difference, if it never does.
 */
void stage_expect(Stage *self, StagePixelFunc pixel, gconstpointer data);
/* A picture drawn with @seed, each pixel @zoom pixels wide, in the middle of black */
void stage_expect_picture(Stage *self, guint32 width, guint32 height, guint zoom, guint32 seed);
void stage_expect_black(Stage *self);
