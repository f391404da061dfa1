/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "latency.h"

static const VdmabufTimes frame = {
    .exported = 1000,
    .arrived = 1300,
    .read = 1500,
    .imported = 2500,
    .drawn = 10500,
    .presented = 20500,
};

static void
test_stages(void)
{
    gint64 stages[VIEWER_NR_STAGES];
    VdmabufTimes times = frame;

    viewer_latency_get_stages(&times, stages);
    g_assert_cmpint(stages[VIEWER_STAGE_TRANSPORT], ==, 300);
    g_assert_cmpint(stages[VIEWER_STAGE_QUEUE], ==, 200);
    g_assert_cmpint(stages[VIEWER_STAGE_IMPORT], ==, 1000);
    g_assert_cmpint(stages[VIEWER_STAGE_FRAME_CLOCK], ==, 8000);
    g_assert_cmpint(stages[VIEWER_STAGE_PRESENTATION], ==, 10000);

    /* What is not known yet is said to be so; where clocks disagree a stage takes no time. */
    times.presented = 0;
    times.exported = 0;
    times.read = 1299;
    viewer_latency_get_stages(&times, stages);
    g_assert_cmpint(stages[VIEWER_STAGE_TRANSPORT], <, 0);
    g_assert_cmpint(stages[VIEWER_STAGE_QUEUE], ==, 0);
    g_assert_cmpint(stages[VIEWER_STAGE_PRESENTATION], <, 0);
}

static void
test_means(void)
{
    VdmabufTimes times[2] = {frame, frame};
    double means[VIEWER_NR_STAGES];
    double sum;

    times[1].drawn += 2000;
    times[1].presented += 2000;
    sum = viewer_latency_get_means(times, 2, means);
    g_assert_cmpfloat_with_epsilon(means[VIEWER_STAGE_TRANSPORT], 0.3, 1e-9);
    g_assert_cmpfloat_with_epsilon(means[VIEWER_STAGE_FRAME_CLOCK], 9, 1e-9);
    g_assert_cmpfloat_with_epsilon(sum, 20.5, 1e-9);
    g_assert_cmpfloat_with_epsilon(viewer_latency_get_means(times, 0, means), 0, 1e-9);

    /* One frame of which it is not known changes no mean. */
    times[1].presented = 0;
    viewer_latency_get_means(times, 2, means);
    g_assert_cmpfloat_with_epsilon(means[VIEWER_STAGE_PRESENTATION], 10, 1e-9);
    times[0].presented = 0;
    sum = viewer_latency_get_means(times, 2, means);
    g_assert_cmpfloat(means[VIEWER_STAGE_PRESENTATION], <, 0);
    g_assert_cmpfloat_with_epsilon(sum, 10.5, 1e-9);
}

static void
test_rate(void)
{
    VdmabufTimes times[120] = {0};
    gint64 now = 100 * G_TIME_SPAN_SECOND;

    for (guint i = 0; i < G_N_ELEMENTS(times); i++)
        times[i].drawn = now - (G_N_ELEMENTS(times) - 1 - i) * 20000;
    g_assert_cmpfloat_with_epsilon(viewer_latency_get_rate(times, G_N_ELEMENTS(times), now), 50,
                                   1e-6);
    /* Nothing came in the last second. */
    g_assert_cmpfloat_with_epsilon(viewer_latency_get_rate(times, 60, now), 0, 1e-6);
    g_assert_cmpfloat_with_epsilon(viewer_latency_get_rate(times, 0, now), 0, 1e-6);
    g_assert_cmpfloat_with_epsilon(viewer_latency_get_rate(times + 119, 1, now), 1, 1e-6);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/latency/stages", test_stages);
    g_test_add_func("/latency/means", test_means);
    g_test_add_func("/latency/rate", test_rate);
    return g_test_run();
}
