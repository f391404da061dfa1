/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two shader programs of the view, for OpenGL and for OpenGL ES; a context is current. */
#pragma once

#include <epoxy/gl.h>
#include <glib.h>

typedef enum {
    VIEW_PROGRAM_PICTURE, /* an opaque picture */
    VIEW_PROGRAM_LAYER,   /* pixels as cairo has them, to be blended */
} ViewProgramKind;

typedef struct {
    GLuint program;
    GLint rect; /* uniform: x, y, width, height of the texture on the screen, -1 to 1 */
    GLint flip; /* uniform: 1 when the texture's first row is the bottom one */
} ViewProgram;

/* @external: a picture of GL_TEXTURE_EXTERNAL_OES */
gboolean view_program_init(ViewProgram *self, ViewProgramKind kind, gboolean external,
                           GError **error);
void view_program_clear(ViewProgram *self);
