/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host of its own for a test: a directory in place of /run/vdmabuf, and an input. */
#pragma once

#include "hook.h"

G_BEGIN_DECLS

typedef struct {
    char *base;
    char *directory;
    InstanceHost host;
    char *xml; /* of the domain that the test is about */
} Fixture;

/* @name: of the domain; without systemd */
void fixture_set_up(Fixture *self, const char *name);
/* Nothing may be left in the directory. */
void fixture_tear_down(Fixture *self);

gboolean fixture_run(Fixture *self, const char *name, const char *operation, const char *phase,
                     const char *extra, const char *xml, GError **error);
void fixture_assert_runs(Fixture *self, const char *name, const char *operation, const char *phase,
                         const char *extra);
void fixture_assert_fails(Fixture *self, const char *name, const char *operation, const char *extra,
                          const char *xml, const char *says);

/* What libvirt gave to the hook once, with this directory in it; see the folder fixtures */
char *fixture_recorded(Fixture *self, const char *operation);

G_END_DECLS
