/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-choice.h"

/* A guest that draws into its buffer too early looks like a driver that shows wrong pixels. */
#define MAX_WRONG 3

typedef enum {
    TRIAL_GOOD,
    TRIAL_BAD,
    TRIAL_UNCLEAR, /* this picture does not tell whether it is good */
} Trial;

static Trial
try_egl(ViewTrust *trust, ViewBackend *egl, VdmabufPicture *picture, GError **reason)
{
    if (egl == NULL) {
        g_set_error_literal(reason, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "There is no way to import dma-bufs on this display");
        return TRIAL_BAD;
    }
    if (trust->wrong >= MAX_WRONG) {
        g_set_error_literal(reason, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "EGL imports the guest's pictures, but shows other pixels");
        return TRIAL_BAD;
    }
    if (!egl->class->prepare(egl, picture, reason))
        return TRIAL_BAD;
    if (trust->proved)
        return TRIAL_GOOD;

    switch (egl->class->prove(egl, picture)) {
    case VIEW_PROOF_RIGHT:
        trust->proved = TRUE;
        return TRIAL_GOOD;
    case VIEW_PROOF_WRONG:
        trust->wrong++;
        g_set_error_literal(reason, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "EGL imports the guest's picture, but shows other pixels");
        return TRIAL_BAD;
    case VIEW_PROOF_UNDECIDED:
    default:
        g_set_error_literal(reason, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                            "No picture has told yet whether EGL shows the right pixels");
        return TRIAL_UNCLEAR;
    }
}

void
view_choice_make(ViewChoice *self, ViewTrust *trust, ViewBackend *egl, ViewBackend *cpu,
                 VdmabufPicture *picture)
{
    g_autoptr(GError) egl_error = NULL;
    g_autoptr(GError) cpu_error = NULL;
    guint wrong = trust->wrong;
    Trial trial;

    view_choice_clear(self);
    trial = try_egl(trust, egl, picture, &egl_error);
    if (trial == TRIAL_GOOD) {
        self->backend = egl;
        return;
    }

    self->again = trial == TRIAL_UNCLEAR || trust->wrong != wrong;
    if (cpu->class->prepare(cpu, picture, &cpu_error)) {
        self->backend = cpu;
        self->reason = g_strdup(egl_error->message);
    } else if (trial == TRIAL_UNCLEAR) {
        /* There is nothing to compare it with, and no other way. */
        self->backend = egl;
    } else {
        self->reason = g_strdup(egl_error->message);
        self->problem = g_strdup_printf("%s. %s", egl_error->message, cpu_error->message);
    }
}

void
view_choice_clear(ViewChoice *self)
{
    g_free(self->reason);
    g_free(self->problem);
    *self = (ViewChoice) {0};
}
