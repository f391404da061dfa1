/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for systemd on a bus of its own. It writes down what it is asked for, as lines of
 * "METHOD UNIT". The name of a unit decides what becomes of it: one with "broken" in it does not
 * start and says why, "silent" neither starts nor says why, "eternal" keeps its job for ever.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _FakeSystemd FakeSystemd;

/* The bus becomes the system bus of this process. %NULL where there is no dbus-daemon. */
FakeSystemd *fake_systemd_new(void);
void fake_systemd_free(FakeSystemd *self);
/* What was asked for since the last time */
char *fake_systemd_take_log(FakeSystemd *self);
/* As if it had ended by itself */
void fake_systemd_lose(FakeSystemd *self, const char *unit);

G_END_DECLS
