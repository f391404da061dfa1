/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "device-text.h"
#include "inventory.h"
#include "sample-text.h"
#include "tool.h"
#include "unit.h"
#include "watch.h"

static const CommandUsage usage = {
    .needs = COMMAND_NEEDS_CONNECT | COMMAND_NEEDS_JSON,
    .arguments = "[DOMAIN]",
    .summary = "Prints what goes on in the vdmabuf devices of running domains: the broker, the\n"
               "guest's driver, buffers, frames, consumers, memory and limits.",
    .description = "It connects as a consumer does, for a moment, and needs the right to do so.",
    .min = 0,
    .max = 1,
};

/* @domain: the only one; or %NULL. @samples: of the last time, or %NULL before the first */
typedef struct {
    const char *uri;
    const char *domain;
    GPtrArray *samples;
    GDBusConnection *bus;
    gboolean json;
    gboolean watch;
    double interval;
} Status;

static void
status_clear(Status *self)
{
    g_clear_pointer(&self->samples, g_ptr_array_unref);
    g_clear_object(&self->bus);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Status, status_clear)

/* --- Which devices --- */

static gboolean
has_target(const GPtrArray *targets, const char *domain, const char *device)
{
    for (guint i = 0; i < targets->len; i++) {
        const SampleTarget *target = g_ptr_array_index(targets, i);

        if (g_str_equal(target->domain, domain) && g_str_equal(target->device, device))
            return TRUE;
    }
    return FALSE;
}

/* libvirt knows labels, and devices whose broker is gone. */
static void
add_of_domain(GPtrArray *targets, const Inventory *inventory)
{
    for (guint i = 0; inventory->live != NULL && i < inventory->live->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(inventory->live->devices, i);
        g_autofree char *path = device_text_socket(inventory->name, device->alias);

        g_ptr_array_add(targets,
                        sample_target_new(inventory->name, device->alias, device->label, path));
    }
}

/*
 * What libvirt says; and the sockets that are there, which is enough where libvirt cannot be asked.
 * @name (out): of the domain that @domain stands for
 */
static gboolean
add_of_libvirt(GPtrArray *targets, const char *uri, const char *domain, char **name, GError **error)
{
    g_autoptr(virConnect) connection = connection_open_read_only(uri, error);
    g_autoptr(GPtrArray) list = NULL;

    if (connection == NULL)
        return FALSE;
    if (domain != NULL) {
        g_autoptr(virDomain) handle = connection_find_domain(connection, domain, error);
        g_autoptr(Inventory) inventory = handle != NULL ? inventory_new(handle, error) : NULL;

        if (inventory == NULL)
            return FALSE;
        *name = g_strdup(inventory->name);
        add_of_domain(targets, inventory);
        return TRUE;
    }
    list = inventory_list(connection, FALSE, error);
    for (guint i = 0; list != NULL && i < list->len; i++)
        add_of_domain(targets, g_ptr_array_index(list, i));
    return list != NULL;
}

static gboolean
add_of_directory(GPtrArray *targets, const char *name, GError **error)
{
    g_autoptr(GPtrArray) endpoints = vdmabuf_endpoint_list(TOOL_DIRECTORY, error);

    for (guint i = 0; endpoints != NULL && i < endpoints->len; i++) {
        const VdmabufEndpoint *endpoint = g_ptr_array_index(endpoints, i);

        if ((name == NULL || g_str_equal(endpoint->domain, name)) &&
            !has_target(targets, endpoint->domain, endpoint->device))
            g_ptr_array_add(targets, sample_target_new(endpoint->domain, endpoint->device, NULL,
                                                       endpoint->path));
    }
    return endpoints != NULL;
}

static GPtrArray *
find_targets(const char *uri, const char *domain, GError **error)
{
    g_autoptr(GPtrArray) targets =
        g_ptr_array_new_with_free_func((GDestroyNotify) sample_target_free);
    g_autoptr(GError) cause = NULL;
    g_autofree char *name = NULL;
    gboolean asked = add_of_libvirt(targets, uri, domain, &name, &cause);

    /* Who has named a connection wants that one, and an id or a UUID is known to libvirt alone. */
    if (!asked && uri != NULL) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return NULL;
    }
    if (!add_of_directory(targets, name != NULL ? name : domain, error))
        return NULL;
    if (targets->len == 0 && !asked) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return NULL;
    }
    if (targets->len == 0 && domain != NULL) {
        TOOL_FAIL(error, "The domain '%s' does not run, or has no vdmabuf device", domain);
        return NULL;
    }
    return g_steal_pointer(&targets);
}

/* --- Looking --- */

static int
compare(gconstpointer a, gconstpointer b)
{
    const Sample *one = *(Sample *const *) a;
    const Sample *other = *(Sample *const *) b;
    int order = strcmp(one->target->domain, other->target->domain);

    return order != 0 ? order : strcmp(one->target->device, other->target->device);
}

/* Each time anew: domains come and go. */
static gboolean
take_samples(Status *self, GError **error)
{
    g_autoptr(GPtrArray) targets = find_targets(self->uri, self->domain, error);

    if (targets == NULL)
        return FALSE;
    g_clear_pointer(&self->samples, g_ptr_array_unref);
    self->samples = g_ptr_array_new_with_free_func((GDestroyNotify) sample_free);
    while (targets->len > 0)
        g_ptr_array_add(self->samples, sample_take(g_ptr_array_steal_index(targets, 0), self->bus));
    g_ptr_array_sort(self->samples, compare);
    return TRUE;
}

static const Sample *
find_sample(const GPtrArray *samples, const SampleTarget *target)
{
    for (guint i = 0; samples != NULL && i < samples->len; i++) {
        const Sample *sample = g_ptr_array_index(samples, i);

        if (g_str_equal(sample->target->domain, target->domain) &&
            g_str_equal(sample->target->device, target->device))
            return sample;
    }
    return NULL;
}

static void
print_json(const Status *self, const GPtrArray *before)
{
    g_auto(Json) json;

    json_init(&json);
    json_open_array(&json, NULL);
    for (guint i = 0; i < self->samples->len; i++) {
        const Sample *sample = g_ptr_array_index(self->samples, i);

        sample_text_add_json(&json, sample, find_sample(before, sample->target));
    }
    json_close_array(&json);
    json_print(&json, stdout);
}

static void
print_text(const Status *self, const GPtrArray *before)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (self->watch && watch_has_screen()) {
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time = g_date_time_format(now, "%X");

        g_string_append_printf(text, "%u vdmabuf devices, every %g s, at %s; q ends\n\n",
                               self->samples->len, self->interval, time);
    }
    for (guint i = 0; i < self->samples->len; i++) {
        const Sample *sample = g_ptr_array_index(self->samples, i);

        if (i > 0)
            g_string_append_c(text, '\n');
        sample_text_append(text, sample, find_sample(before, sample->target));
    }
    if (self->watch)
        watch_print(text->str);
    else
        fputs(text->str, stdout);
}

static gboolean
show(gpointer data, GError **error)
{
    Status *self = data;
    g_autoptr(GPtrArray) before = self->samples != NULL ? g_ptr_array_ref(self->samples) : NULL;

    if (!take_samples(self, error))
        return FALSE;
    if (self->json)
        print_json(self, before);
    else
        print_text(self, before);
    return TRUE;
}

static gboolean
show_once(Status *self, GError **error)
{
    guint bad = 0;

    if (!take_samples(self, error))
        return FALSE;
    if (self->samples->len == 0) {
        if (self->json)
            print_json(self, NULL);
        else
            fprintf(stderr, "No domain with a vdmabuf device is running\n");
        return TRUE;
    }
    g_usleep((gulong) (self->interval * G_USEC_PER_SEC));
    if (!show(self, error))
        return FALSE;
    for (guint i = 0; i < self->samples->len; i++)
        bad += ((const Sample *) g_ptr_array_index(self->samples, i))->error != NULL;
    if (bad > 0)
        TOOL_FAIL(error, "%u of %u devices cannot be asked", bad, self->samples->len);
    return bad == 0;
}

gboolean
command_status(int argc, char **argv, GError **error)
{
    g_auto(CommandOptions) options = {.uri = NULL};
    g_auto(Status) status = {.interval = 1};
    gint64 count = 0;
    const GOptionEntry entries[] = {
        {"watch", 'w', 0, G_OPTION_ARG_NONE, &status.watch, "Print it again and again, until q",
         NULL},
        {"interval", 'i', 0, G_OPTION_ARG_DOUBLE, &status.interval,
         "Between two looks, over which frames are counted (1)", "SECONDS"},
        {"count", 'n', 0, G_OPTION_ARG_INT64, &count, "With --watch: only so often", "N"},
        G_OPTION_ENTRY_NULL,
    };

    if (!command_parse(&options, &usage, entries, argc, argv, error))
        return FALSE;
    if (!(status.interval >= 0.1 && status.interval <= 3600))
        return command_usage_error(error, "--interval takes seconds, from 0.1 to 3600");
    if (count < 0)
        return command_usage_error(error, "--count takes a number from 1, or 0 for no end");

    status.uri = options.uri;
    status.domain = command_get_argument(&options, 0);
    status.json = options.json;
    status.bus = unit_connect();
    if (status.watch)
        return watch_run(status.interval, (guint64) count, show, &status, error);
    return show_once(&status, error);
}
