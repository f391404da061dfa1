/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sink.h"

/* A desktop of the same size: nothing moves. */
static void
test_same(void)
{
    for (int x = 0; x < 1280; x++)
        g_assert_cmpint(viewer_sink_scale(x, 1280, 1280), ==, x);
}

/* Both ends of one are both ends of the other, nothing falls out, and the order stays. */
static void
test_scaled(void)
{
    const int sizes[] = {1, 2, 320, 640, 1024, 1280, 3840};

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (guint j = 0; j < G_N_ELEMENTS(sizes); j++) {
            int last = 0;

            for (int x = 0; x < sizes[i]; x++) {
                int y = viewer_sink_scale(x, sizes[i], sizes[j]);

                g_assert_cmpint(y, >=, last);
                g_assert_cmpint(y, <, sizes[j]);
                last = y;
            }
            if (sizes[i] >= sizes[j]) {
                g_assert_cmpint(viewer_sink_scale(0, sizes[i], sizes[j]), ==, 0);
                g_assert_cmpint(last, ==, sizes[j] - 1);
            }
        }
    }
    g_assert_cmpint(viewer_sink_scale(320, 640, 1280), ==, 641);
    g_assert_cmpint(viewer_sink_scale(641, 1280, 640), ==, 320);
}

static void
test_edges(void)
{
    g_assert_cmpint(viewer_sink_scale(-5, 640, 480), ==, 0);
    g_assert_cmpint(viewer_sink_scale(1000000, 640, 480), ==, 479);
    g_assert_cmpint(viewer_sink_scale(3, 0, 480), ==, 0);
    g_assert_cmpint(viewer_sink_scale(3, 480, 0), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sink/same", test_same);
    g_test_add_func("/sink/scaled", test_scaled);
    g_test_add_func("/sink/edges", test_edges);
    return g_test_run();
}
