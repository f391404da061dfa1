/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <linux/input-event-codes.h>

#include "keymap.h"

static void
test_qnum(void)
{
    /* Some of each kind, as QEMU numbers them */
    const struct {
        guint code;
        guint qnum;
    } keys[] = {
        {KEY_ESC, 0x01},      {KEY_A, 0x1e},        {KEY_SPACE, 0x39},
        {KEY_KPDOT, 0x53},    {KEY_102ND, 0x56},    {KEY_F11, 0x57},
        {KEY_F12, 0x58},      {KEY_KPENTER, 0x9c},  {KEY_RIGHTCTRL, 0x9d},
        {KEY_RIGHTALT, 0xb8}, {KEY_HOME, 0xc7},     {KEY_UP, 0xc8},
        {KEY_DELETE, 0xd3},   {KEY_LEFTMETA, 0xdb}, {KEY_PAUSE, 0xc6},
        {KEY_VOLUMEUP, 0xb0}, {KEY_RESERVED, 0},    {84, 0},
        {KEY_MICMUTE, 0},     {KEY_MAX, 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        g_assert_cmphex(viewer_keymap_get_qnum(keys[i].code + 8), ==, keys[i].qnum);
    g_assert_cmphex(viewer_keymap_get_qnum(0), ==, 0);
    g_assert_cmphex(viewer_keymap_get_qnum(G_MAXUINT), ==, 0);
}

static void
test_spice(void)
{
    g_assert_cmphex(viewer_keymap_get_spice(0x1e), ==, 0x1e);
    g_assert_cmphex(viewer_keymap_get_spice(0xc8), ==, 0x148);
}

/* No two keys may be one to the guest. */
static void
test_unique(void)
{
    guint keycodes[256] = {0};

    for (guint keycode = 0; keycode < 1024; keycode++) {
        guint qnum = viewer_keymap_get_qnum(keycode);

        g_assert_cmpuint(qnum, <, G_N_ELEMENTS(keycodes));
        if (qnum == 0)
            continue;
        g_assert_cmpuint(keycodes[qnum], ==, 0);
        keycodes[qnum] = keycode;
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/keymap/qnum", test_qnum);
    g_test_add_func("/keymap/spice", test_spice);
    g_test_add_func("/keymap/unique", test_unique);
    return g_test_run();
}
