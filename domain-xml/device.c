/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device.h"

#include <string.h>

DomainDevice *
domain_device_new(void)
{
    DomainDevice *self = g_new0(DomainDevice, 1);

    self->queue_size = DOMAIN_QUEUE_SIZE;
    self->users = g_ptr_array_new_with_free_func(g_free);
    self->groups = g_ptr_array_new_with_free_func(g_free);
    return self;
}

void
domain_device_free(DomainDevice *self)
{
    if (!self)
        return;
    g_free(self->alias);
    g_free(self->label);
    g_ptr_array_unref(self->users);
    g_ptr_array_unref(self->groups);
    g_free(self->port_address);
    g_free(self);
}

static const char *const models[] = {"auto", "vhost-user"};

const char *
domain_model_to_string(DomainModel model)
{
    return models[model];
}

gboolean
device_set_model(DomainDevice *self, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
        if (g_str_equal(name, models[i])) {
            self->model = i;
            return TRUE;
        }
    }
    return FALSE;
}

static GPtrArray *
copy_names(const GPtrArray *names)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < names->len; i++)
        g_ptr_array_add(copy, g_strdup(g_ptr_array_index(names, i)));
    return copy;
}

DomainDevice *
device_copy(const DomainDevice *self)
{
    DomainDevice *copy = g_memdup2(self, sizeof(*self));

    copy->alias = g_strdup(self->alias);
    copy->label = g_strdup(self->label);
    copy->users = copy_names(self->users);
    copy->groups = copy_names(self->groups);
    copy->port_address = g_strdup(self->port_address);
    return copy;
}

static void
merge_names(GPtrArray **names, const GPtrArray *other)
{
    g_ptr_array_unref(*names);
    *names = copy_names(other);
}

void
device_merge(DomainDevice *self, const DomainDevice *other)
{
    guint given = other->given;

    if (given & DEVICE_GIVEN_MODEL)
        self->model = other->model;
    if (given & DEVICE_GIVEN_LABEL) {
        g_free(self->label);
        self->label = g_strdup(other->label);
    }
    if (given & DEVICE_GIVEN_BUFFERS)
        self->max_buffers = other->max_buffers;
    if (given & DEVICE_GIVEN_MEMORY)
        self->max_bytes = other->max_bytes;
    if (given & DEVICE_GIVEN_ENTRIES)
        self->max_entries = other->max_entries;
    if (given & DEVICE_GIVEN_CONSUMERS)
        self->max_consumers = other->max_consumers;
    if (given & DEVICE_GIVEN_QUEUE)
        self->queue_size = other->queue_size;
    if (given & DEVICE_GIVEN_WRITE)
        self->writable = other->writable;
    if (given & DEVICE_GIVEN_USERS)
        merge_names(&self->users, other->users);
    if (given & DEVICE_GIVEN_GROUPS)
        merge_names(&self->groups, other->groups);
    if (other->port_address) {
        g_free(self->port_address);
        self->port_address = g_strdup(other->port_address);
    }
}

static gboolean
names_equal(const GPtrArray *a, const GPtrArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        if (!g_str_equal(g_ptr_array_index(a, i), g_ptr_array_index(b, i)))
            return FALSE;
    }
    return TRUE;
}

gboolean
device_part_equal(const DomainDevice *a, const DomainDevice *b, DevicePart part)
{
    switch (part) {
    case DEVICE_PART_LABEL:
        return g_strcmp0(a->label, b->label) == 0;
    case DEVICE_PART_LIMITS:
        return a->max_buffers == b->max_buffers && a->max_bytes == b->max_bytes &&
               a->max_entries == b->max_entries;
    case DEVICE_PART_QUEUE:
        return a->queue_size == b->queue_size;
    case DEVICE_PART_CONSUMERS:
        return a->writable == b->writable && a->max_consumers == b->max_consumers &&
               names_equal(a->users, b->users) && names_equal(a->groups, b->groups);
    default:
        return FALSE;
    }
}

gboolean
device_queue_size_is_usable(guint64 size)
{
    return size >= 2 && size <= DOMAIN_QUEUE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* One line, which has something to be seen */
gboolean
device_label_is_usable(const char *label)
{
    gboolean seen = FALSE;

    if (!g_utf8_validate(label, -1, NULL) || g_utf8_strlen(label, -1) > DOMAIN_LABEL_MAX)
        return FALSE;
    for (; *label; label = g_utf8_next_char(label)) {
        gunichar c = g_utf8_get_char(label);

        if (g_unichar_iscntrl(c))
            return FALSE;
        seen = seen || c != ' ';
    }
    return seen;
}

/* What can neither be an option nor more than one name; the system says which names there are. */
gboolean
device_user_is_usable(const char *name)
{
    if (!*name || *name == '-' || !g_utf8_validate(name, -1, NULL) ||
        g_utf8_strlen(name, -1) > DEVICE_USER_MAX)
        return FALSE;
    for (; *name; name = g_utf8_next_char(name)) {
        gunichar c = g_utf8_get_char(name);

        if (g_unichar_iscntrl(c) || c == ':' || c == '/' || c == ',')
            return FALSE;
    }
    return TRUE;
}

/* As libvirt's virScaleInteger() has them: KiB is 1024, KB is 1000, k is KiB */
guint64
device_scale(const char *unit)
{
    static const char letters[] = "kmgtpe";
    const char *letter;
    guint64 base;
    guint64 scale = 1;

    if (!*unit || !g_ascii_strcasecmp(unit, "b") || !g_ascii_strcasecmp(unit, "byte") ||
        !g_ascii_strcasecmp(unit, "bytes"))
        return 1;
    letter = strchr(letters, g_ascii_tolower(*unit));
    if (!letter || (unit[1] && g_ascii_strcasecmp(unit + 1, "iB") != 0 &&
                    g_ascii_strcasecmp(unit + 1, "B") != 0))
        return 0;
    base = g_ascii_strcasecmp(unit + 1, "B") == 0 ? 1000 : 1024;
    for (const char *l = letters; l <= letter; l++)
        scale *= base;
    return scale;
}
