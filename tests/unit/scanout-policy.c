/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When frames are exported, which buffers are kept, which output has which index, and texts. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "scanout-cache.h"
#include "scanout-error.h"
#include "scanout-names.h"
#include "scanout-options.h"
#include "scanout-pace.h"
#include "scanout-stats.h"

#define MS 1000

static void
test_pace_rate(void)
{
    VdmabufScanoutPace pace;
    guint sent = 0;

    vdmabuf_scanout_pace_init(&pace, 30, 0);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 1), ==, VDMABUF_SCANOUT_IDLE);
    /* A compositor that flips at 60 Hz, seen with some jitter, for a second */
    for (gint64 tick = 0; tick < 60; tick++) {
        gint64 now = 1000 * MS + tick * 16667 - (tick % 3) * 200;

        vdmabuf_scanout_pace_flip(&pace);
        if (vdmabuf_scanout_pace_decide(&pace, now) == VDMABUF_SCANOUT_EXPORT) {
            vdmabuf_scanout_pace_done(&pace, now);
            sent++;
        } else {
            g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, now), ==, VDMABUF_SCANOUT_LATER);
        }
    }
    g_assert_cmpuint(sent, ==, 30);
    g_assert_cmpuint(pace.flips, ==, 59);
}

static void
test_pace_refresh(void)
{
    VdmabufScanoutPace pace;

    vdmabuf_scanout_pace_init(&pace, 0, 20);
    vdmabuf_scanout_pace_flip(&pace);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 100 * MS), ==, VDMABUF_SCANOUT_EXPORT);
    vdmabuf_scanout_pace_done(&pace, 100 * MS);
    /* One framebuffer all the time: it may be drawn in place */
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 120 * MS), ==, VDMABUF_SCANOUT_IDLE);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 150 * MS), ==, VDMABUF_SCANOUT_REFRESH);
    vdmabuf_scanout_pace_done(&pace, 150 * MS);
    /* A new consumer needs no refresh to be due */
    vdmabuf_scanout_pace_touch(&pace);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 151 * MS), ==, VDMABUF_SCANOUT_EXPORT);
    /* One that flips is looked at once a second */
    vdmabuf_scanout_pace_flip(&pace);
    vdmabuf_scanout_pace_done(&pace, 200 * MS);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 800 * MS), ==, VDMABUF_SCANOUT_IDLE);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, 1200 * MS), ==, VDMABUF_SCANOUT_REFRESH);

    vdmabuf_scanout_pace_init(&pace, 0, 0);
    vdmabuf_scanout_pace_flip(&pace);
    vdmabuf_scanout_pace_done(&pace, 0);
    g_assert_cmpint(vdmabuf_scanout_pace_decide(&pace, G_MAXINT64 / 2), ==, VDMABUF_SCANOUT_IDLE);
}

static void
test_pace_skip(void)
{
    g_assert_cmpuint(vdmabuf_scanout_pace_skip(60000, 0), ==, 1);
    g_assert_cmpuint(vdmabuf_scanout_pace_skip(60000, 60), ==, 1);
    g_assert_cmpuint(vdmabuf_scanout_pace_skip(59940, 60), ==, 1);
    g_assert_cmpuint(vdmabuf_scanout_pace_skip(60000, 30), ==, 2);
    g_assert_cmpuint(vdmabuf_scanout_pace_skip(144000, 60), ==, 2);
    g_assert_cmpuint(vdmabuf_scanout_pace_skip(60000, 1), ==, 60);
}

static void
on_drop(VdmabufScanoutBuffer *buffer, gpointer data)
{
    GString *log = data;

    g_string_append_printf(log, "%u ", (guint) buffer->inode);
}

static VdmabufScanoutBuffer *
add_buffer(VdmabufScanoutCache *cache, guint64 inode, gint64 used)
{
    VdmabufScanoutBuffer *buffer =
        vdmabuf_scanout_buffer_new(inode, open("/dev/null", O_RDONLY | O_CLOEXEC), 4096);

    g_assert_cmpint(buffer->fd, >=, 0);
    buffer->used = used;
    buffer->registered = TRUE;
    buffer->id.counter = (guint32) inode;
    vdmabuf_scanout_cache_add(cache, buffer);
    return buffer;
}

static void
test_cache(void)
{
    g_autoptr(GString) log = g_string_new(NULL);
    VdmabufScanoutCache *cache = vdmabuf_scanout_cache_new(3, on_drop, log);
    struct vdmabuf_id id = {.counter = 4};
    VdmabufScanoutBuffer *shown;

    add_buffer(cache, 1, 10)->outstanding = TRUE;
    add_buffer(cache, 2, 40);
    add_buffer(cache, 3, 30);
    shown = add_buffer(cache, 4, 20);
    add_buffer(cache, 5, 50);
    g_assert_true(vdmabuf_scanout_cache_find(cache, 4) == shown);
    g_assert_null(vdmabuf_scanout_cache_find(cache, 6));
    g_assert_true(vdmabuf_scanout_cache_find_id(cache, &id) == shown);
    g_assert_cmpuint(vdmabuf_scanout_cache_outstanding(cache), ==, 1);

    /* Neither the outstanding one nor the one that is shown, though they are the oldest */
    vdmabuf_scanout_cache_trim(cache, shown, 0);
    g_assert_cmpstr(log->str, ==, "3 2 ");
    g_string_truncate(log, 0);
    vdmabuf_scanout_cache_trim(cache, shown, 51);
    g_assert_cmpstr(log->str, ==, "5 ");
    g_assert_cmpuint(vdmabuf_scanout_cache_size(cache), ==, 2);
    g_string_truncate(log, 0);
    vdmabuf_scanout_cache_find(cache, 1)->outstanding = FALSE;
    vdmabuf_scanout_cache_trim(cache, shown, 0);
    g_assert_cmpstr(log->str, ==, "");
    vdmabuf_scanout_cache_remove(cache, vdmabuf_scanout_cache_nth(cache, 0));
    g_assert_cmpstr(log->str, ==, "1 ");
    shown->outstanding = TRUE;
    vdmabuf_scanout_cache_free(cache);
    g_assert_cmpstr(log->str, ==, "1 4 ");
}

static void
test_names(void)
{
    const char *const wanted[] = {"HDMI-A-1", "card1-Virtual-1", NULL};
    g_autoptr(VdmabufScanoutNames) all = vdmabuf_scanout_names_new(NULL);
    g_autoptr(VdmabufScanoutNames) some = vdmabuf_scanout_names_new(wanted);

    g_assert_cmpint(vdmabuf_scanout_names_lookup(all, "card0-Virtual-2"), ==, 0);
    g_assert_cmpint(vdmabuf_scanout_names_lookup(all, "card0-Virtual-1"), ==, 1);
    g_assert_cmpint(vdmabuf_scanout_names_lookup(all, "card0-Virtual-2"), ==, 0);

    g_assert_cmpint(vdmabuf_scanout_names_lookup(some, "card0-Virtual-1"), ==, -1);
    g_assert_cmpint(vdmabuf_scanout_names_lookup(some, "card1-Virtual-1"), ==, 1);
    g_assert_cmpint(vdmabuf_scanout_names_lookup(some, "card0-HDMI-A-1"), ==, 0);
    g_assert_cmpint(vdmabuf_scanout_names_lookup(some, "card1-HDMI-A-1"), ==, -1);
    g_assert_cmpint(vdmabuf_scanout_names_lookup(some, "card0-HDMI-A-1"), ==, 0);
    g_assert_false(vdmabuf_scanout_name_matches("A-1", "card0-HDMI-A-1"));
}

static VdmabufScanoutOptions *
parse(const char *line, GError **error)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);

    return vdmabuf_scanout_options_parse(&argv, error);
}

static void
test_options(void)
{
    static const char *const wrong[] = {
        "x --mode=blit",      "x --buffers=1", "x --buffers=17",
        "x --max-rate=-1",    "x --refresh=x", "x --no-such",
        "x --once --dry-run", "x something",   "x --max-rate=1001",
    };
    g_autoptr(VdmabufScanoutOptions) plain = parse("x", NULL);
    g_autoptr(VdmabufScanoutOptions) full = parse(
        "x --mode=copy -c /dev/dri/card1 --output Virtual-1 -o Virtual-2 --buffers 4 --max-rate 30 "
        "--refresh=0 --json --once -d /dev/virtio-vdmabuf1",
        NULL);

    g_assert_nonnull(plain);
    g_assert_cmpint(plain->mode, ==, VDMABUF_SCANOUT_DIRECT);
    g_assert_cmpuint(plain->buffers, ==, VDMABUF_SCANOUT_DEFAULT_BUFFERS);
    g_assert_cmpuint(plain->refresh, ==, VDMABUF_SCANOUT_DEFAULT_REFRESH);
    g_assert_null(plain->cards);
    g_assert_nonnull(full);
    g_assert_cmpint(full->mode, ==, VDMABUF_SCANOUT_COPY);
    g_assert_cmpuint(g_strv_length(full->outputs), ==, 2);
    g_assert_cmpstr(full->cards[0], ==, "/dev/dri/card1");
    g_assert_cmpuint(full->max_rate, ==, 30);
    g_assert_cmpuint(full->refresh, ==, 0);
    g_assert_cmpuint(full->buffers, ==, 4);
    g_assert_true(full->once && full->json);
    g_assert_cmpstr(full->device, ==, "/dev/virtio-vdmabuf1");
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(wrong[i], &error));
        g_assert_error(error, VDMABUF_SCANOUT_ERROR, VDMABUF_SCANOUT_ERROR_USAGE);
    }
}

static void
test_stats(void)
{
    VdmabufScanoutStats stats = {.frames = 7, .flips = 5, .copied = 1ULL << 40};
    VdmabufScanoutStatsOutput output = {
        .name = "card0-Virtual-1", .active = TRUE, .buffers = 2, .stats = &stats};
    g_autofree char *json = vdmabuf_scanout_stats_to_json("direct", 1, &output, 1);
    g_autofree char *empty = vdmabuf_scanout_stats_to_json("copy", 0, NULL, 0);
    g_autofree char *text = vdmabuf_scanout_stats_to_text("direct", 1, &output, 1);
    g_autoptr(GString) string = g_string_new(NULL);

    g_assert_cmpstr(json, ==,
                    "{\"mode\":\"direct\",\"consumers\":1,\"outputs\":[{\"name\":"
                    "\"card0-Virtual-1\",\"output\":0,\"active\":true,\"vblank\":false,"
                    "\"buffers\":2,\"outstanding\":0,\"frames\":7,\"cursors\":0,\"hidden\":0,"
                    "\"flips\":5,\"refreshes\":0,\"busy\":0,\"released\":0,\"superseded\":0,"
                    "\"lost\":0,\"errors\":0,\"copied\":1099511627776}]}");
    g_assert_cmpstr(empty, ==, "{\"mode\":\"copy\",\"consumers\":0,\"outputs\":[]}");
    g_assert_nonnull(strstr(text, "output 0 (card0-Virtual-1): on, timer, buffers 2"));
    vdmabuf_scanout_json_string(string, "a\"b\\c\n");
    g_assert_cmpstr(string->str, ==, "\"a\\\"b\\\\c\\u000a\"");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scanout/pace/rate", test_pace_rate);
    g_test_add_func("/scanout/pace/refresh", test_pace_refresh);
    g_test_add_func("/scanout/pace/skip", test_pace_skip);
    g_test_add_func("/scanout/cache", test_cache);
    g_test_add_func("/scanout/names", test_names);
    g_test_add_func("/scanout/options", test_options);
    g_test_add_func("/scanout/stats", test_stats);
    return g_test_run();
}
