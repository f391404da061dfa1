/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which way to the screen is taken for a picture, and why not another. */
#pragma once

#include "view-backend.h"

/* What is known of EGL on this display */
typedef struct {
    gboolean proved; /* it shows the right pixels */
    guint wrong;     /* how often it did not */
} ViewTrust;

typedef struct {
    ViewBackend *backend; /* it is prepared for the picture; %NULL: there is no way */
    char *reason;         /* why it is not EGL; else %NULL */
    char *problem;        /* why there is no way; else %NULL */
    gboolean again;       /* the next picture may decide otherwise */
} ViewChoice;

/* @egl: (nullable). Not while a widget is drawn: widgets may be realized here. */
void view_choice_make(ViewChoice *self, ViewTrust *trust, ViewBackend *egl, ViewBackend *cpu,
                      VdmabufPicture *picture);
void view_choice_clear(ViewChoice *self);
