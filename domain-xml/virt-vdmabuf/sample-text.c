/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample-text.h"
#include "describe.h"
#include "format.h"
#include "table.h"
#include "tool.h"

G_GNUC_PRINTF(3, 4)
static void
append_line(GString *text, const char *title, const char *format, ...)
{
    va_list args;

    g_string_append_printf(text, "  %-11s", title);
    va_start(args, format);
    g_string_append_vprintf(text, format, args);
    va_end(args);
    g_string_append_c(text, '\n');
}

static char *
describe_format(const struct vdmabuf_query *buffer)
{
    char fourcc[FOURCC_TEXT_SIZE];

    if (buffer->sequence == 0)
        return g_strdup("-");
    if (buffer->frame.fourcc == 0)
        return g_strdup("data");
    fourcc_format(buffer->frame.fourcc, fourcc);
    if (buffer->frame.modifier == 0)
        return g_strdup(fourcc);
    return g_strdup_printf("%s 0x%" G_GINT64_MODIFIER "x", fourcc,
                           (guint64) buffer->frame.modifier);
}

static char *
describe_picture(const struct vdmabuf_query *buffer)
{
    if (buffer->sequence == 0 || buffer->frame.fourcc == 0)
        return g_strdup("-");
    return g_strdup_printf("%ux%u", buffer->frame.width, buffer->frame.height);
}

static char *
describe_state_of(const struct vdmabuf_query *buffer)
{
    return g_strdup_printf("%s%s%s",
                           buffer->state & VDMABUF_BUFFER_REGISTERED ? "shared" : "taken back",
                           buffer->state & VDMABUF_BUFFER_PINNED ? ", pinned" : "",
                           buffer->state & VDMABUF_BUFFER_OUTSTANDING ? ", frame out" : "");
}

static void
append_buffers(GString *text, const GArray *buffers)
{
    g_autoptr(Table) table = table_new("Buffer", "Size", "Format", "Picture", "Output", "Frame",
                                       "Imports", "State", NULL);
    g_autofree char *formatted = NULL;

    for (guint i = 0; i < buffers->len; i++) {
        const struct vdmabuf_query *buffer = &g_array_index(buffers, struct vdmabuf_query, i);
        g_autofree char *number = g_strdup_printf("%u", buffer->id.counter);
        g_autofree char *size = describe_size(buffer->size);
        g_autofree char *format = describe_format(buffer);
        g_autofree char *picture = describe_picture(buffer);
        g_autofree char *output =
            buffer->sequence > 0 ? g_strdup_printf("%u", buffer->frame.output) : g_strdup("-");
        g_autofree char *frame = g_strdup_printf("%" G_GUINT64_FORMAT, (guint64) buffer->sequence);
        g_autofree char *imports = g_strdup_printf("%u", buffer->nr_imports);
        g_autofree char *state = describe_state_of(buffer);

        table_add_row(table, number, size, format, picture, output, frame, imports, state, NULL);
    }
    formatted = table_format(table, "  ");
    g_string_append_printf(text, "\n%s", formatted);
}

static void
append_frames(GString *text, const Sample *sample, const Sample *before)
{
    const struct vdmabuf_status *status = &sample->status;
    g_autofree char *rate_text = NULL;
    double rate, seconds;

    rate_text = sample_get_rate(sample, before, &rate, &seconds)
                    ? g_strdup_printf("%.1f per second (over %.1f s)", rate, seconds)
                    : g_strdup("- per second");
    append_line(text, "frames",
                "%s, %" G_GUINT64_FORMAT " so far, %" G_GUINT64_FORMAT
                " released, %" G_GUINT64_FORMAT " of them superseded",
                rate_text, (guint64) status->frames, (guint64) status->released,
                (guint64) status->superseded);
    append_line(text, "releases", "%u outstanding", status->nr_outstanding);
}

void
sample_text_append(GString *text, const Sample *sample, const Sample *before)
{
    const SampleTarget *target = sample->target;
    const struct vdmabuf_status *status = &sample->status;
    g_autofree char *label = target->label != NULL ? table_make_printable(target->label) : NULL;
    g_autofree char *state = describe_state(status->state);
    g_autofree char *registered = describe_size(status->bytes_registered);
    g_autofree char *pinned = describe_size(status->bytes_pinned);
    g_autofree char *limit = describe_size(status->limits.max_bytes);
    g_autofree char *name = table_make_printable(target->domain);
    g_autofree char *word = tool_quote(name);
    g_autofree char *pid =
        sample->pid > 0 ? g_strdup_printf("process %u", sample->pid) : g_strdup("no process");

    g_string_append_printf(text, "%s/%s%s%s%s: %s\n", name, target->device,
                           label != NULL ? " (" : "", label != NULL ? label : "",
                           label != NULL ? ")" : "", sample->error != NULL ? "unusable" : state);
    append_line(text, "broker", "%s, %s", pid, sample->unit);
    if (sample->error != NULL) {
        append_line(text, "problem", "%s", sample->error);
        return;
    }
    /* A broker that was started anew, behind QEMU's back */
    if (status->vm.pid == 0)
        append_line(text, "QEMU", "is not connected (virt-vdmabuf replug %s %s)", word,
                    target->device);
    else
        append_line(text, "QEMU", "process %d", status->vm.pid);
    append_line(text, "consumers", "%u of %u, %s", sample_get_consumers(sample),
                status->limits.max_consumers,
                status->limits.flags & VDMABUF_LIMITS_WRITABLE ? "which may write" : "read only");
    append_frames(text, sample, before);
    append_line(text, "buffers", "%u of %u, %u imports", status->nr_buffers,
                status->limits.max_buffers, status->nr_imports);
    append_line(text, "memory", "%s of %s shared, %s pinned", registered, limit, pinned);
    if (sample->buffers->len > 0)
        append_buffers(text, sample->buffers);
}

/* --- JSON --- */

static void
add_status(Json *json, const Sample *sample, const Sample *before)
{
    const struct vdmabuf_status *status = &sample->status;
    g_autofree char *uuid = describe_uuid(status->vm.uuid);
    double rate, seconds;

    describe_add_state(json, status->state);
    json_add_string(json, "uuid", uuid);
    json_add_int(json, "qemu_pid", status->vm.pid);
    json_add_uint(json, "consumers", sample_get_consumers(sample));
    json_add_uint(json, "frames", status->frames);
    json_add_uint(json, "released", status->released);
    json_add_uint(json, "superseded", status->superseded);
    json_add_uint(json, "outstanding", status->nr_outstanding);
    if (sample_get_rate(sample, before, &rate, &seconds)) {
        json_add_double(json, "frames_per_second", rate);
        json_add_double(json, "interval", seconds);
    }
    json_add_uint(json, "imports", status->nr_imports);
    json_add_uint(json, "bytes_registered", status->bytes_registered);
    json_add_uint(json, "bytes_pinned", status->bytes_pinned);

    json_open_object(json, "limits");
    json_add_uint(json, "buffers", status->limits.max_buffers);
    json_add_uint(json, "entries", status->limits.max_entries);
    json_add_uint(json, "bytes", status->limits.max_bytes);
    json_add_uint(json, "consumers", status->limits.max_consumers);
    json_add_boolean(json, "writable", (status->limits.flags & VDMABUF_LIMITS_WRITABLE) != 0);
    json_close_object(json);

    json_open_array(json, "buffers");
    for (guint i = 0; i < sample->buffers->len; i++)
        describe_add_buffer(json, &g_array_index(sample->buffers, struct vdmabuf_query, i));
    json_close_array(json);
}

void
sample_text_add_json(Json *json, const Sample *sample, const Sample *before)
{
    const SampleTarget *target = sample->target;

    json_open_object(json, NULL);
    json_add_string(json, "domain", target->domain);
    json_add_string(json, "device", target->device);
    if (target->label != NULL)
        json_add_string(json, "label", target->label);
    json_add_string(json, "socket", target->path);
    json_open_object(json, "broker");
    if (sample->pid > 0)
        json_add_uint(json, "pid", sample->pid);
    json_add_string(json, "unit", sample->unit);
    json_close_object(json);
    if (sample->error != NULL)
        json_add_string(json, "error", sample->error);
    else
        add_status(json, sample, before);
    json_close_object(json);
}
