/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-geometry.h"

#include <math.h>

/* Rounding in the layout of a window may cost so many pixels. */
#define SNAP 2

static int
round_side(double value)
{
    return (int) CLAMP(floor(value + 0.5), 1, G_MAXINT / 2);
}

/* The whole multiple that is so near that the difference must be rounding; else 0 */
static guint
find_multiple(int widget_width, int widget_height, guint32 width, guint32 height)
{
    double scale = MIN((double) widget_width / width, (double) widget_height / height);
    double multiple = floor(scale + 0.5);

    if (multiple < 1)
        return 0;
    if (fabs(multiple * width - scale * width) > SNAP ||
        fabs(multiple * height - scale * height) > SNAP)
        return 0;
    /* A picture that would be cut off is no longer all of it. */
    if (multiple * width > widget_width || multiple * height > widget_height)
        return 0;
    return (guint) multiple;
}

void
view_fit_init(ViewFit *self, int widget_width, int widget_height, guint32 width, guint32 height)
{
    guint multiple;

    *self = (ViewFit) {.width = width, .height = height};
    if (widget_width <= 0 || widget_height <= 0 || width == 0 || height == 0)
        return;

    multiple = find_multiple(widget_width, widget_height, width, height);
    if (multiple > 0) {
        self->area.width = (int) (width * multiple);
        self->area.height = (int) (height * multiple);
    } else {
        double scale = MIN((double) widget_width / width, (double) widget_height / height);

        self->area.width = MIN(round_side(width * scale), widget_width);
        self->area.height = MIN(round_side(height * scale), widget_height);
    }
    self->area.x = (widget_width - self->area.width) / 2;
    self->area.y = (widget_height - self->area.height) / 2;
}

gboolean
view_fit_is_empty(const ViewFit *self)
{
    return self->area.width == 0 || self->area.height == 0;
}

gboolean
view_fit_is_integral(const ViewFit *self)
{
    guint32 width = (guint32) self->area.width, height = (guint32) self->area.height;

    return !view_fit_is_empty(self) && width % self->width == 0 && height % self->height == 0 &&
           width / self->width == height / self->height;
}

gboolean
view_fit_to_picture(const ViewFit *self, double x, double y, int *picture_x, int *picture_y)
{
    double across, down;

    *picture_x = *picture_y = 0;
    if (view_fit_is_empty(self))
        return FALSE;

    across = floor((x - self->area.x) * self->width / self->area.width);
    down = floor((y - self->area.y) * self->height / self->area.height);
    *picture_x = (int) CLAMP(across, 0, self->width - 1.0);
    *picture_y = (int) CLAMP(down, 0, self->height - 1.0);
    return across == *picture_x && down == *picture_y;
}

void
view_fit_from_picture(const ViewFit *self, double x, double y, double width, double height,
                      cairo_rectangle_int_t *rect)
{
    /* What is smoothed takes from its neighbours; a pixel more than that is for rounding. */
    double border = view_fit_is_integral(self) ? 0 : 2;
    double left, top, right, bottom;
    double scale_x, scale_y;

    *rect = (cairo_rectangle_int_t) {0};
    if (view_fit_is_empty(self) || width <= 0 || height <= 0)
        return;

    scale_x = (double) self->area.width / self->width;
    scale_y = (double) self->area.height / self->height;
    left = floor(x * scale_x - border * MAX(scale_x, 1));
    top = floor(y * scale_y - border * MAX(scale_y, 1));
    right = ceil((x + width) * scale_x + border * MAX(scale_x, 1));
    bottom = ceil((y + height) * scale_y + border * MAX(scale_y, 1));

    left = CLAMP(left, 0, self->area.width);
    top = CLAMP(top, 0, self->area.height);
    right = CLAMP(right, left, self->area.width);
    bottom = CLAMP(bottom, top, self->area.height);
    *rect = (cairo_rectangle_int_t) {
        .x = self->area.x + (int) left,
        .y = self->area.y + (int) top,
        .width = (int) (right - left),
        .height = (int) (bottom - top),
    };
}

void
view_fit_damage(const ViewFit *self, const struct vdmabuf_rect *damage, cairo_rectangle_int_t *rect)
{
    view_fit_from_picture(self, damage->x, damage->y, damage->width, damage->height, rect);
}
