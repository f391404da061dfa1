/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a picture goes, and the way back from a place of the widget. */
#include "view-geometry.h"

typedef struct {
    int widget_width, widget_height;
    guint32 width, height;
    cairo_rectangle_int_t area;
    gboolean integral;
} FitCase;

static const FitCase fits[] = {
    {640, 480, 640, 480, {0, 0, 640, 480}, TRUE},
    /* Twice, and twice with some room */
    {1280, 960, 640, 480, {0, 0, 1280, 960}, TRUE},
    {1281, 962, 640, 480, {0, 1, 1280, 960}, TRUE},
    {641, 481, 640, 480, {0, 0, 640, 480}, TRUE},
    /* Half; wide and tall widgets */
    {320, 240, 640, 480, {0, 0, 320, 240}, FALSE},
    {1000, 240, 640, 480, {340, 0, 320, 240}, FALSE},
    {320, 1000, 640, 480, {0, 380, 320, 240}, FALSE},
    /* A pixel too small is no reason to cut it off. */
    {639, 480, 640, 480, {0, 0, 639, 479}, FALSE},
    {700, 525, 640, 480, {0, 0, 700, 525}, FALSE},
    /* What is nearly nothing stays visible. */
    {10, 10, 65535, 1, {0, 4, 10, 1}, FALSE},
    {1, 1, 3, 3, {0, 0, 1, 1}, FALSE},
    {0, 480, 640, 480, {0}, FALSE},
    {640, 480, 0, 0, {0}, FALSE},
};

static void
assert_rect(const cairo_rectangle_int_t *found, int x, int y, int width, int height)
{
    g_assert_cmpint(found->x, ==, x);
    g_assert_cmpint(found->y, ==, y);
    g_assert_cmpint(found->width, ==, width);
    g_assert_cmpint(found->height, ==, height);
}

static void
test_fit(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(fits); i++) {
        const FitCase *fit = &fits[i];
        ViewFit self;

        g_test_message("%dx%d in %dx%d", fit->width, fit->height, fit->widget_width,
                       fit->widget_height);
        view_fit_init(&self, fit->widget_width, fit->widget_height, fit->width, fit->height);
        assert_rect(&self.area, fit->area.x, fit->area.y, fit->area.width, fit->area.height);
        g_assert_cmpint(view_fit_is_integral(&self), ==, fit->integral);
        g_assert_cmpint(view_fit_is_empty(&self), ==, fit->area.width == 0);
    }
}

static void
assert_place(const ViewFit *fit, double x, double y, int expected_x, int expected_y,
             gboolean inside)
{
    int found_x, found_y;

    g_assert_cmpint(view_fit_to_picture(fit, x, y, &found_x, &found_y), ==, inside);
    g_assert_cmpint(found_x, ==, expected_x);
    g_assert_cmpint(found_y, ==, expected_y);
}

static void
test_place(void)
{
    ViewFit fit;

    /* 640x480 at half its size, 100 pixels from the left */
    view_fit_init(&fit, 520, 240, 640, 480);
    assert_place(&fit, 100, 0, 0, 0, TRUE);
    assert_place(&fit, 100.5, 0.5, 1, 1, TRUE);
    assert_place(&fit, 419.9, 239.9, 639, 479, TRUE);
    assert_place(&fit, 99.9, 10, 0, 20, FALSE);
    assert_place(&fit, 420, 10, 639, 20, FALSE);
    assert_place(&fit, 200, -1e9, 200, 0, FALSE);
    assert_place(&fit, 1e18, 1e18, 639, 479, FALSE);

    view_fit_init(&fit, 1280, 960, 640, 480);
    assert_place(&fit, 1, 1, 0, 0, TRUE);
    assert_place(&fit, 2, 959, 1, 479, TRUE);

    view_fit_init(&fit, 0, 0, 640, 480);
    assert_place(&fit, 5, 5, 0, 0, FALSE);
}

static void
test_damage(void)
{
    const struct vdmabuf_rect all = {0, 0, 640, 480};
    const struct vdmabuf_rect some = {10, 20, 30, 40};
    const struct vdmabuf_rect far = {G_MAXUINT32, G_MAXUINT32, G_MAXUINT32, G_MAXUINT32};
    cairo_rectangle_int_t rect;
    ViewFit fit;

    view_fit_init(&fit, 640, 480, 640, 480);
    view_fit_damage(&fit, &some, &rect);
    assert_rect(&rect, 10, 20, 30, 40);
    view_fit_damage(&fit, &all, &rect);
    assert_rect(&rect, 0, 0, 640, 480);
    /* A guest may say anything: it stays inside. */
    view_fit_damage(&fit, &far, &rect);
    g_assert_cmpint(rect.width, ==, 0);
    g_assert_cmpint(rect.height, ==, 0);
    view_fit_from_picture(&fit, -5, -6, 10, 10, &rect);
    assert_rect(&rect, 0, 0, 5, 4);

    /* What is smoothed reaches further than it is. */
    view_fit_init(&fit, 520, 240, 640, 480);
    view_fit_damage(&fit, &some, &rect);
    g_assert_cmpint(rect.x, <=, 100 + 5 - 1);
    g_assert_cmpint(rect.x, >=, 100);
    g_assert_cmpint(rect.x + rect.width, >=, 100 + 20 + 1);
    g_assert_cmpint(rect.y + rect.height, >=, 30 + 1);
    g_assert_cmpint(rect.width, <, 40);
    view_fit_damage(&fit, &all, &rect);
    assert_rect(&rect, 100, 0, 320, 240);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/geometry/fit", test_fit);
    g_test_add_func("/geometry/place", test_place);
    g_test_add_func("/geometry/damage", test_damage);
    return g_test_run();
}
