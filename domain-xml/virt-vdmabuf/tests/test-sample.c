/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "status" makes of what a device says. */
#include <json-glib/json-glib.h>

#include "sample-text.h"

static Sample *
sample_new(guint64 frames, gint64 time)
{
    Sample *self = g_new0(Sample, 1);

    self->target = sample_target_new("web", "vdmabuf0", "Left\033 screen", "/run/x.sock");
    self->unit = g_strdup("vhost-user-vdmabuf@web-vdmabuf0.service");
    self->pid = 42;
    self->buffers = g_array_new(FALSE, TRUE, sizeof(struct vdmabuf_query));
    self->time = time;
    self->status = (struct vdmabuf_status) {
        .vm = {.pid = 41},
        .limits = {.max_buffers = 256, .max_bytes = 1 << 30, .max_consumers = 8},
        .state = VDMABUF_VM_RUNNING | VDMABUF_VM_DRIVER,
        .nr_consumers = 3,
        .nr_buffers = 2,
        .nr_outstanding = 1,
        .nr_imports = 4,
        .bytes_registered = 3 << 20,
        .bytes_pinned = 1 << 20,
        .frames = frames,
        .released = frames - 1,
        .superseded = 5,
    };
    return self;
}

static void
add_buffers(Sample *self)
{
    const struct vdmabuf_query buffers[] = {
        {
            .id = {.counter = 1},
            .state = VDMABUF_BUFFER_REGISTERED | VDMABUF_BUFFER_PINNED | VDMABUF_BUFFER_OUTSTANDING,
            .size = 2 << 20,
            .nr_imports = 4,
            .sequence = 99,
            .frame = {.fourcc = 0x34325258,
                      .width = 640,
                      .height = 480,
                      .nr_planes = 1,
                      .modifier = 0x0100000000000002,
                      .output = 1},
        },
        /* Its guest can write what it likes into a format. */
        {
            .id = {.counter = 7},
            .size = 1 << 20,
            .sequence = 3,
            .frame = {.fourcc = 0x0a1b5b41, .width = 1, .height = 1},
        },
        {.id = {.counter = 9}, .state = VDMABUF_BUFFER_REGISTERED, .size = 4096},
    };

    g_array_append_vals(self->buffers, buffers, G_N_ELEMENTS(buffers));
}

static void
test_rate(void)
{
    g_autoptr(Sample) before = sample_new(100, 1000000);
    g_autoptr(Sample) after = sample_new(220, 3000000);
    g_autoptr(Sample) anew = sample_new(10, 4000000);
    double rate, seconds;

    g_assert_true(sample_get_rate(after, before, &rate, &seconds));
    g_assert_cmpfloat_with_epsilon(rate, 60, 1e-9);
    g_assert_cmpfloat_with_epsilon(seconds, 2, 1e-9);
    g_assert_false(sample_get_rate(after, NULL, &rate, &seconds));
    g_assert_false(sample_get_rate(after, after, &rate, &seconds));
    /* Plugged anew, its count began again. */
    g_assert_false(sample_get_rate(anew, after, &rate, &seconds));
    before->error = g_strdup("gone");
    g_assert_false(sample_get_rate(after, before, &rate, &seconds));
}

static void
test_text(void)
{
    g_autoptr(Sample) before = sample_new(100, 1000000);
    g_autoptr(Sample) after = sample_new(220, 3000000);
    g_autoptr(GString) text = g_string_new(NULL);

    add_buffers(after);
    sample_text_append(text, after, before);
    g_assert_cmpstr(
        text->str, ==,
        "web/vdmabuf0 (Left\\x1b screen): running, driver loaded in the guest\n"
        "  broker     process 42, vhost-user-vdmabuf@web-vdmabuf0.service\n"
        "  QEMU       process 41\n"
        "  consumers  2 of 8, read only\n"
        "  frames     60.0 per second (over 2.0 s), 220 so far, 219 released, 5 of them "
        "superseded\n"
        "  releases   1 outstanding\n"
        "  buffers    2 of 256, 4 imports\n"
        "  memory     3.0\u00a0MiB of 1.0\u00a0GiB shared, 1.0\u00a0MiB pinned\n"
        "\n"
        "   Buffer   Size      Format                   Picture   Output   Frame   Imports   "
        "State\n"
        "  ----------------------------------------------------------------------------------------"
        "--------------------\n"
        "   1        2.0\u00a0MiB   XR24 0x100000000000002   640x480   1        99      4         "
        "shared, pinned, frame out\n"
        "   7        1.0\u00a0MiB   0x0a1b5b41               1x1       0        3       0         "
        "taken back\n"
        "   9        4.0\u00a0KiB   -                        -         -        0       0         "
        "shared\n");
}

/* A device that cannot be asked says why, and nothing else. */
static void
test_problem(void)
{
    g_autoptr(Sample) sample = sample_new(1, 1);
    g_autoptr(GString) text = g_string_new(NULL);

    sample->pid = 0;
    sample->error = g_strdup("You may not connect");
    sample_text_append(text, sample, NULL);
    g_assert_cmpstr(text->str, ==,
                    "web/vdmabuf0 (Left\\x1b screen): unusable\n"
                    "  broker     no process, vhost-user-vdmabuf@web-vdmabuf0.service\n"
                    "  problem    You may not connect\n");
}

/* Its broker has died, and QEMU does not connect a second time. */
static void
test_unconnected(void)
{
    g_autoptr(Sample) sample = sample_new(1, 1);
    g_autoptr(GString) text = g_string_new(NULL);

    sample->status.vm.pid = 0;
    sample_text_append(text, sample, NULL);
    g_assert_nonnull(strstr(text->str, "QEMU       is not connected "
                                       "(virt-vdmabuf replug web vdmabuf0)\n"));
}

static void
test_json(void)
{
    g_autoptr(Sample) before = sample_new(100, 1000000);
    g_autoptr(Sample) after = sample_new(220, 3000000);
    g_autoptr(JsonNode) root = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(Json) json;
    JsonObject *object;

    add_buffers(after);
    json_init(&json);
    sample_text_add_json(&json, after, before);
    root = json_from_string(json.text->str, &error);
    g_assert_no_error(error);
    object = json_node_get_object(root);
    g_assert_cmpstr(json_object_get_string_member(object, "domain"), ==, "web");
    g_assert_cmpint(json_object_get_int_member(object, "consumers"), ==, 2);
    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(object, "frames_per_second"), 60,
                                   1e-6);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "buffers")), ==, 3);
    object = json_object_get_object_member(object, "broker");
    g_assert_cmpint(json_object_get_int_member(object, "pid"), ==, 42);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sample/rate", test_rate);
    g_test_add_func("/sample/text", test_text);
    g_test_add_func("/sample/problem", test_problem);
    g_test_add_func("/sample/unconnected", test_unconnected);
    g_test_add_func("/sample/json", test_json);
    return g_test_run();
}
