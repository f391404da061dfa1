/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a key of the host's keyboard to the codes that VNC and SPICE have for it. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * viewer_keymap_get_qnum:
 * @hardware_keycode: of a GDK event on Wayland, or on X11 with evdev
 *
 * Returns: QEMU's number of the key: its code in scancode set 1, plus 0x80 where 0xe0 comes before
 *  it; 0 for a key that has none
 */
guint viewer_keymap_get_qnum(guint hardware_keycode);

/* A number of QEMU as SPICE writes it: 0x100 is what 0xe0 is on the wire. */
guint viewer_keymap_get_spice(guint qnum);

G_END_DECLS
