/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keymap.h"

#include <linux/input-event-codes.h>

/* X11 keeps the first eight codes for itself, and Wayland's clients do as X11 does. */
#define FIRST_KEYCODE 8
#define EXTENDED 0x80

/*
 * Up to KEY_KPDOT the kernel's numbers are those of set 1; after that they differ. Keys that are on no
 * keyboard with a scancode of its own (most of the multimedia keys) are left out.
 */
static const guint8 others[] = {
    [KEY_ZENKAKUHANKAKU] = 0x76,
    [KEY_102ND] = 0x56,
    [KEY_F11] = 0x57,
    [KEY_F12] = 0x58,
    [KEY_RO] = 0x73,
    [KEY_KATAKANA] = 0x78,
    [KEY_HIRAGANA] = 0x77,
    [KEY_HENKAN] = 0x79,
    [KEY_KATAKANAHIRAGANA] = 0x70,
    [KEY_MUHENKAN] = 0x7b,
    [KEY_KPJPCOMMA] = 0x5c,
    [KEY_KPENTER] = EXTENDED | 0x1c,
    [KEY_RIGHTCTRL] = EXTENDED | 0x1d,
    [KEY_KPSLASH] = EXTENDED | 0x35,
    [KEY_SYSRQ] = 0x54,
    [KEY_RIGHTALT] = EXTENDED | 0x38,
    [KEY_LINEFEED] = 0x5b,
    [KEY_HOME] = EXTENDED | 0x47,
    [KEY_UP] = EXTENDED | 0x48,
    [KEY_PAGEUP] = EXTENDED | 0x49,
    [KEY_LEFT] = EXTENDED | 0x4b,
    [KEY_RIGHT] = EXTENDED | 0x4d,
    [KEY_END] = EXTENDED | 0x4f,
    [KEY_DOWN] = EXTENDED | 0x50,
    [KEY_PAGEDOWN] = EXTENDED | 0x51,
    [KEY_INSERT] = EXTENDED | 0x52,
    [KEY_DELETE] = EXTENDED | 0x53,
    [KEY_MUTE] = EXTENDED | 0x20,
    [KEY_VOLUMEDOWN] = EXTENDED | 0x2e,
    [KEY_VOLUMEUP] = EXTENDED | 0x30,
    [KEY_POWER] = EXTENDED | 0x5e,
    [KEY_KPEQUAL] = 0x59,
    [KEY_PAUSE] = EXTENDED | 0x46,
    [KEY_KPCOMMA] = 0x7e,
    [KEY_HANGEUL] = 0x72,
    [KEY_HANJA] = 0x71,
    [KEY_YEN] = 0x7d,
    [KEY_LEFTMETA] = EXTENDED | 0x5b,
    [KEY_RIGHTMETA] = EXTENDED | 0x5c,
    [KEY_COMPOSE] = EXTENDED | 0x5d,
    [KEY_CALC] = EXTENDED | 0x21,
    [KEY_SLEEP] = EXTENDED | 0x5f,
    [KEY_WAKEUP] = EXTENDED | 0x63,
    [KEY_MAIL] = EXTENDED | 0x6c,
    [KEY_BOOKMARKS] = EXTENDED | 0x66,
    [KEY_COMPUTER] = EXTENDED | 0x6b,
    [KEY_BACK] = EXTENDED | 0x6a,
    [KEY_FORWARD] = EXTENDED | 0x69,
    [KEY_NEXTSONG] = EXTENDED | 0x19,
    [KEY_PLAYPAUSE] = EXTENDED | 0x22,
    [KEY_PREVIOUSSONG] = EXTENDED | 0x10,
    [KEY_STOPCD] = EXTENDED | 0x24,
    [KEY_HOMEPAGE] = EXTENDED | 0x32,
    [KEY_REFRESH] = EXTENDED | 0x67,
};

guint
viewer_keymap_get_qnum(guint hardware_keycode)
{
    guint code = hardware_keycode - FIRST_KEYCODE;

    if (hardware_keycode <= FIRST_KEYCODE)
        return 0;
    if (code <= KEY_KPDOT)
        return code;
    return code < G_N_ELEMENTS(others) ? others[code] : 0;
}

guint
viewer_keymap_get_spice(guint qnum)
{
    return qnum & EXTENDED ? 0x100 | (qnum & ~EXTENDED) : qnum;
}
