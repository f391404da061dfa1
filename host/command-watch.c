/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "describe.h"

static double
get_age_ms(const struct vdmabuf_event *event)
{
    return ((double) g_get_monotonic_time() - (double) event->timestamp_ns / 1000) / 1000;
}

static void
print_event(const struct vdmabuf_event *event)
{
    g_autofree char *text = NULL;
    g_autofree char *size = NULL;
    char id[VDMABUF_ID_TEXT_SIZE];

    switch (event->type) {
    case VDMABUF_EVENT_FRAME:
        text = describe_frame(&event->frame);
        size = describe_size(event->size);
        printf("frame %" G_GUINT64_FORMAT " of %s: %s, %s, %.3f ms ago", (guint64) event->sequence,
               vdmabuf_id_format(&event->id, id), text, size, get_age_ms(event));
        if (event->superseded > 0)
            printf(", %" G_GUINT64_FORMAT " superseded so far", (guint64) event->superseded);
        printf("\n");
        break;
    case VDMABUF_EVENT_GONE:
        printf("gone %s\n", vdmabuf_id_format(&event->id, id));
        break;
    case VDMABUF_EVENT_STATE:
        text = describe_state(event->state);
        printf("state %s\n", text);
        break;
    default:
        /* Of a newer kernel; whoever watches wants to know */
        printf("event of type %u\n", event->type);
    }
    fflush(stdout);
}

static void
print_event_json(const struct vdmabuf_event *event)
{
    static const char *const names[] = {
        [VDMABUF_EVENT_FRAME] = "frame",
        [VDMABUF_EVENT_GONE] = "gone",
        [VDMABUF_EVENT_STATE] = "state",
    };
    const char *name = event->type < G_N_ELEMENTS(names) ? names[event->type] : NULL;
    char id[VDMABUF_ID_TEXT_SIZE];
    g_auto(Json) json;

    json_init(&json);
    json_open_object(&json, NULL);
    json_add_string(&json, "event", name != NULL ? name : "unknown");
    describe_add_state(&json, event->state);
    if (event->type != VDMABUF_EVENT_STATE)
        json_add_string(&json, "id", vdmabuf_id_format(&event->id, id));
    if (event->type == VDMABUF_EVENT_FRAME) {
        json_add_uint(&json, "sequence", event->sequence);
        json_add_uint(&json, "superseded", event->superseded);
        json_add_uint(&json, "size", event->size);
        json_add_double(&json, "age_ms", get_age_ms(event));
        describe_add_frame(&json, "frame", &event->frame);
    }
    json_close_object(&json);
    json_print(&json, stdout);
}

gboolean
command_watch(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.timeout = 0};
    gint64 count = 0;
    const GOptionEntry entries[] = {
        {"count", 'n', 0, G_OPTION_ARG_INT64, &count, "Stop after N events (0: no end)", "N"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(Receiver) receiver = NULL;
    g_autofree char *name = NULL;

    if (!command_parse(&options, COMMAND_NEEDS_DEVICE | COMMAND_NEEDS_WAIT, entries,
                       "[DOMAIN[/DEVICE]]",
                       "Prints what comes from a guest. Each frame is taken and released at once.",
                       1, argc, argv, error))
        return FALSE;
    if (count < 0)
        return command_usage_error(error, "--count takes a number from 1, or 0 for no end");

    receiver = command_connect(&options, &name, error);
    if (receiver == NULL)
        return FALSE;

    for (gint64 i = 0; count == 0 || i < count; i++) {
        struct vdmabuf_event event;
        ReceiverResult result =
            receiver_next(receiver, receiver_get_deadline(options.timeout_ms), &event, error);

        /* There is no other end than these when no count is given */
        if ((result == RECEIVER_INTERRUPTED || result == RECEIVER_CLOSED) && count == 0) {
            g_clear_error(error);
            return TRUE;
        }
        if (result != RECEIVER_EVENT)
            return command_end_wait(result, "event", name, &options, error);

        if (options.json)
            print_event_json(&event);
        else
            print_event(&event);
        if (event.type == VDMABUF_EVENT_FRAME && !receiver_release(receiver, &event, error))
            return FALSE;
    }
    return TRUE;
}
