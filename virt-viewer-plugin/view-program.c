/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view-program.h"

#include "vdmabuf.h"

/* The corner is one of (0, 0) to (1, 1), counted from the top left of the picture. */
static const char vertex_source[] =
    "IN vec2 corner;\n"
    "OUT vec2 place;\n"
    "uniform vec4 rect;\n"
    "uniform float flip;\n"
    "void main() {\n"
    "    gl_Position = vec4(rect.x + corner.x * rect.z, rect.y - corner.y * rect.w, 0.0, 1.0);\n"
    "    place = vec2(corner.x, mix(corner.y, 1.0 - corner.y, flip));\n"
    "}\n";

static const char picture_source[] = "VARYING vec2 place;\n"
                                     "uniform SAMPLER picture;\n"
                                     "void main() {\n"
                                     "    COLOUR = vec4(TEXTURE(picture, place).rgb, 1.0);\n"
                                     "}\n";

/* cairo's words have blue in the byte that is GL's red. */
static const char layer_source[] = "VARYING vec2 place;\n"
                                   "uniform sampler2D picture;\n"
                                   "void main() {\n"
                                   "    COLOUR = TEXTURE(picture, place).bgra;\n"
                                   "}\n";

/* What the same words are called in the dialects */
static const char es_vertex[] = "#version 100\n#define IN attribute\n#define OUT varying\n";
static const char es_fragment[] =
    "precision highp float;\n#define VARYING varying\n#define TEXTURE texture2D\n"
    "#define COLOUR gl_FragColor\n";
static const char core_vertex[] = "#version 150\n#define IN in\n#define OUT out\n";
static const char core_fragment[] = "#version 150\n#define VARYING in\n#define TEXTURE texture\n"
                                    "#define COLOUR colour\nout vec4 colour;\n";
static const char old_vertex[] = "#version 120\n#define IN attribute\n#define OUT varying\n";
static const char old_fragment[] = "#version 120\n#define VARYING varying\n"
                                   "#define TEXTURE texture2D\n#define COLOUR gl_FragColor\n";

static GLuint
shader_new(GLenum type, const char *const *parts, GLsizei nr_parts, GError **error)
{
    GLuint shader = glCreateShader(type);
    char log[512] = "";
    GLint ok = GL_FALSE;

    glShaderSource(shader, nr_parts, parts, NULL);
    glCompileShader(shader);
    glGetShaderiv(shader, GL_COMPILE_STATUS, &ok);
    if (ok)
        return shader;

    glGetShaderInfoLog(shader, sizeof(log), NULL, log);
    g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED, "OpenGL does not take a shader: %s",
                g_strstrip(log));
    glDeleteShader(shader);
    return 0;
}

gboolean
view_program_init(ViewProgram *self, ViewProgramKind kind, gboolean external, GError **error)
{
    gboolean es = !epoxy_is_desktop_gl();
    gboolean core = !es && epoxy_gl_version() >= 32;
    gboolean picture = kind == VIEW_PROGRAM_PICTURE;
    const char *vertex[] = {es ? es_vertex : core ? core_vertex : old_vertex, vertex_source};
    const char *fragment[] = {
        es && picture && external ? "#version 100\n#extension GL_OES_EGL_image_external : require\n"
        : es                      ? "#version 100\n"
                                  : "",
        es     ? es_fragment
        : core ? core_fragment
               : old_fragment,
        external ? "#define SAMPLER samplerExternalOES\n" : "#define SAMPLER sampler2D\n",
        picture ? picture_source : layer_source,
    };
    GLuint vertex_shader, fragment_shader;
    GLint ok = GL_FALSE;

    *self = (ViewProgram) {0};
    vertex_shader = shader_new(GL_VERTEX_SHADER, vertex, G_N_ELEMENTS(vertex), error);
    if (vertex_shader == 0)
        return FALSE;
    fragment_shader = shader_new(GL_FRAGMENT_SHADER, fragment, G_N_ELEMENTS(fragment), error);
    if (fragment_shader == 0) {
        glDeleteShader(vertex_shader);
        return FALSE;
    }

    self->program = glCreateProgram();
    glAttachShader(self->program, vertex_shader);
    glAttachShader(self->program, fragment_shader);
    glBindAttribLocation(self->program, 0, "corner");
    glLinkProgram(self->program);
    glDeleteShader(vertex_shader);
    glDeleteShader(fragment_shader);
    glGetProgramiv(self->program, GL_LINK_STATUS, &ok);
    if (!ok) {
        g_set_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED,
                    "OpenGL does not link a shader program");
        view_program_clear(self);
        return FALSE;
    }

    self->rect = glGetUniformLocation(self->program, "rect");
    self->flip = glGetUniformLocation(self->program, "flip");
    return TRUE;
}

void
view_program_clear(ViewProgram *self)
{
    if (self->program != 0)
        glDeleteProgram(self->program);
    self->program = 0;
}
