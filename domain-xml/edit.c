/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edit.h"

#include <string.h>

#include "arguments.h"
#include "check.h"
#include "device_xml.h"
#include "edit_parts.h"
#include "machine.h"
#include "reader.h"

#define COLD_BOOT                                                                                  \
    "a domain that runs has to be shut down and started again; a reboot from within is not enough"

void
domain_edit_free(DomainEdit *self)
{
    if (!self)
        return;
    g_free(self->xml);
    g_free(self->alias);
    g_ptr_array_unref(self->notes);
    g_free(self);
}

void
edit_note(GPtrArray *notes, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_ptr_array_add(notes, g_strdup_vprintf(format, arguments));
    va_end(arguments);
}

xmlNode *
edit_find_last(const xmlNode *parent, const char *const *names)
{
    xmlNode *last = NULL;

    for (xmlNode *node = parent->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE &&
            (!names || (!node->ns && g_strv_contains(names, (const char *) node->name))))
            last = node;
    }
    return last;
}

/* The domain as the text is now */
static Domain *
read_domain(const Text *text, GError **error)
{
    g_autoptr(GPtrArray) mistakes = mistakes_new();
    g_autoptr(Domain) domain = reader_read(text->root, mistakes);

    if (!domain->name) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_XML, "the domain has no <name>");
        return NULL;
    }
    return mistakes_check(mistakes, error) ? g_steal_pointer(&domain) : NULL;
}

static const DomainDevice *
find_device(const Domain *domain, const char *alias)
{
    for (guint i = 0; i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        if (g_str_equal(device->alias, alias))
            return device;
    }
    return NULL;
}

static DomainEdit *
finish(const char *before, Text *text, const char *alias, GPtrArray *notes)
{
    DomainEdit *self = g_new0(DomainEdit, 1);

    self->xml = g_steal_pointer(&text->xml);
    self->changed = !g_str_equal(self->xml, before);
    self->alias = g_strdup(alias);
    self->notes = g_ptr_array_ref(notes);
    if (self->changed)
        edit_note(notes, COLD_BOOT);
    return self;
}

/* QEMU's arguments for a device that is in the metadata */
static gboolean
set_arguments(Text *text, const DomainDevice *device, const char *directory, gboolean is_new,
              Undo *undo, GPtrArray *notes, GError **error)
{
    g_autoptr(Domain) domain = read_domain(text, error);
    const EditPlace place = {text, domain, directory};
    const gboolean had_arguments = domain && domain->arguments->len > 0;
    g_autofree char *before = g_strdup(text->xml);
    g_autofree char *mistake = NULL;
    guint slot = 0;

    if (!domain || !check_path(domain->name, device->alias, directory, error) ||
        !edit_set_arguments(&place, device, undo, &slot, &mistake, error))
        return FALSE;
    if (is_new)
        edit_note(notes,
                  "the vdmabuf device '%s' is added, on a PCI Express root port of its own at "
                  "00:%02x.0",
                  device->alias, slot);
    else if (!g_str_equal(text->xml, before) && mistake)
        edit_note(notes, "QEMU's arguments for the vdmabuf device '%s' are set right: %s",
                  device->alias, mistake);
    else if (!g_str_equal(text->xml, before))
        edit_note(notes, "the root port of the vdmabuf device '%s' moves to 00:%02x.0",
                  device->alias, slot);
    if (!had_arguments)
        edit_note(notes, "arguments for QEMU make libvirt call the domain tainted (custom-argv)");
    return TRUE;
}

/* What libvirt and QEMU need for all devices of the metadata */
static gboolean
complete(Text *text, const char *directory, Undo *undo, GPtrArray *notes, GError **error)
{
    g_autoptr(Domain) domain = read_domain(text, error);

    if (!domain)
        return FALSE;
    for (guint i = 0; i < domain->devices->len; i++) {
        if (!set_arguments(text, g_ptr_array_index(domain->devices, i), directory, FALSE, undo,
                           notes, error))
            return FALSE;
    }
    return edit_share_memory(text, undo, notes, error) && edit_set_undo(text, undo, error);
}

static gboolean
attach(Text *text, const DomainDevice *device, const char *directory, Undo *undo, GPtrArray *notes,
       GError **error)
{
    g_autoptr(Domain) domain = read_domain(text, error);
    g_autoptr(DomainDevice) wanted = NULL;
    g_autofree char *before = g_strdup(text->xml);
    const DomainDevice *old;

    if (!domain)
        return FALSE;
    old = find_device(domain, device->alias);
    if (!old && domain->devices->len == DOMAIN_MAX_DEVICES) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_UNSUPPORTED,
                    "the domain has %d vdmabuf devices, more than that is not possible",
                    DOMAIN_MAX_DEVICES);
        return FALSE;
    }
    wanted = device_copy(old && device->given ? old : device);
    if (old && device->given)
        device_merge(wanted, device);
    if (!edit_set_metadata(text, wanted, undo, error))
        return FALSE;
    if (old && !g_str_equal(before, text->xml))
        edit_note(notes, "the settings of the vdmabuf device '%s' are changed", wanted->alias);
    return set_arguments(text, wanted, directory, !old, undo, notes, error);
}

/* Whether the domain can have a device at all */
static Domain *
read_able(const Text *text, GError **error)
{
    g_autoptr(Domain) domain = read_domain(text, error);

    if (!domain || !check_name(domain->name, error) || !machine_check(text->root, error))
        return NULL;
    return g_steal_pointer(&domain);
}

/* The last word: what the hook will say to it */
static gboolean
check_result(const Text *text, const char *directory, GError **error)
{
    g_autoptr(Domain) domain = read_domain(text, error);

    return domain && domain_check(domain, directory, error);
}

/* The next vdmabufN that is in neither the domain nor @reserved */
static char *
choose_alias(const Text *text, const Domain *domain, GHashTable *reserved)
{
    const EditPlace place = {(Text *) text, domain, NULL};

    for (guint number = 0;; number++) {
        g_autofree char *alias = g_strdup_printf("vdmabuf%u", number);
        g_autofree char *taker = NULL;

        if (find_device(domain, alias) || (reserved && g_hash_table_contains(reserved, alias)))
            continue;
        taker = edit_find_taker(&place, alias);
        if (!taker)
            return g_steal_pointer(&alias);
    }
}

static gboolean
check_alias(const char *alias, GError **error)
{
    if (domain_alias_is_usable(alias))
        return TRUE;
    g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID,
                "'%s' cannot be an alias; it takes up to %d letters, digits, '-' and '_', and "
                "begins with a letter, such as vdmabuf0",
                alias, DOMAIN_ALIAS_MAX);
    return FALSE;
}

DomainEdit *
domain_edit_attach(const char *xml, const DomainDevice *device, const char *directory,
                   GError **error)
{
    g_autoptr(Text) text = text_new(xml, error);
    g_autoptr(Domain) domain = text ? read_able(text, error) : NULL;
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(DomainDevice) named = NULL;
    Undo undo;

    if (!domain || (device->alias && !check_alias(device->alias, error)))
        return NULL;
    named = device_copy(device);
    if (!named->alias)
        named->alias = choose_alias(text, domain, NULL);
    undo_read(&undo, edit_find_vdmabuf(text));
    if (!attach(text, named, directory, &undo, notes, error) ||
        !complete(text, directory, &undo, notes, error) || !check_result(text, directory, error))
        return NULL;
    return finish(xml, text, named->alias, notes);
}

/* The form below <devices>; those without a name get one. */
static GPtrArray *
read_written(const Text *text, const Domain *domain, GError **error)
{
    g_autoptr(GPtrArray) mistakes = mistakes_new();
    g_autoptr(GPtrArray) written = reader_read_written(text->root, mistakes);
    g_autoptr(GHashTable) aliases = g_hash_table_new(g_str_hash, g_str_equal);

    if (!mistakes_check(mistakes, error))
        return NULL;
    for (guint i = 0; i < written->len; i++) {
        DomainDevice *device = g_ptr_array_index(written, i);

        if (device->alias)
            g_hash_table_add(aliases, device->alias);
    }
    for (guint i = 0; i < written->len; i++) {
        DomainDevice *device = g_ptr_array_index(written, i);

        if (device->alias)
            continue;
        device->alias = choose_alias(text, domain, aliases);
        g_hash_table_add(aliases, device->alias);
    }
    return g_steal_pointer(&written);
}

static gboolean
remove_written(Text *text, GError **error)
{
    const xmlNode *node;

    while ((node = node_child(node_find(text->root, "devices"), NULL, "vdmabuf"))) {
        if (!text_remove(text, node, error))
            return FALSE;
    }
    return TRUE;
}

DomainEdit *
domain_edit_lower(const char *xml, const char *directory, GError **error)
{
    g_autoptr(Text) text = text_new(xml, error);
    g_autoptr(Domain) domain = text ? read_domain(text, error) : NULL;
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) written = NULL;
    Undo undo;

    if (!domain || !(written = read_written(text, domain, error)))
        return NULL;
    if (written->len == 0 && domain->devices->len == 0)
        return finish(xml, text, NULL, notes);
    if (!check_name(domain->name, error) || !machine_check(text->root, error) ||
        !remove_written(text, error))
        return NULL;
    undo_read(&undo, edit_find_vdmabuf(text));
    for (guint i = 0; i < written->len; i++) {
        if (!attach(text, g_ptr_array_index(written, i), directory, &undo, notes, error))
            return NULL;
    }
    if (!complete(text, directory, &undo, notes, error) || !check_result(text, directory, error))
        return NULL;
    return finish(xml, text, NULL, notes);
}

static char *
list_aliases(const Domain *domain)
{
    GString *list = g_string_new(NULL);

    for (guint i = 0; i < domain->devices->len; i++) {
        const DomainDevice *device = g_ptr_array_index(domain->devices, i);

        g_string_append_printf(list, "%s%s", i == 0 ? "" : ", ", device->alias);
    }
    return g_string_free(list, FALSE);
}

static const char *
choose_only(const Domain *domain, GError **error)
{
    g_autofree char *list = list_aliases(domain);

    if (domain->devices->len == 1)
        return ((const DomainDevice *) g_ptr_array_index(domain->devices, 0))->alias;
    if (domain->devices->len == 0)
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_NOT_FOUND,
                    "the domain has no vdmabuf device");
    else
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_NOT_FOUND,
                    "the domain has several vdmabuf devices, say which: %s", list);
    return NULL;
}

DomainEdit *
domain_edit_detach(const char *xml, const char *alias, const char *directory, GError **error)
{
    g_autoptr(Text) text = text_new(xml, error);
    g_autoptr(Domain) domain = text ? read_domain(text, error) : NULL;
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    const EditPlace place = {text, domain, directory};
    gboolean known;
    gboolean found;
    gboolean last;
    Undo undo;

    if (!domain || (!alias && !(alias = choose_only(domain, error))))
        return NULL;
    known = find_device(domain, alias) != NULL;
    last = known && domain->devices->len == 1;
    undo_read(&undo, edit_find_vdmabuf(text));
    if (!edit_remove_arguments(&place, alias, &undo, &found, error))
        return NULL;
    if (!known && !found) {
        g_autofree char *list = list_aliases(domain);

        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_NOT_FOUND,
                    "the domain has no vdmabuf device '%s'; it has %s", alias,
                    *list ? list : "none");
        return NULL;
    }
    if (known && !edit_remove_metadata(text, alias, &undo, error))
        return NULL;
    edit_note(notes, "the vdmabuf device '%s' is taken out", alias);
    if (last && !edit_restore_memory(text, &undo, notes, error))
        return NULL;
    return finish(xml, text, alias, notes);
}
