/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "attach-live.h"
#include "device.h"
#include "edit.h"
#include "hotplug.h"
#include "inventory.h"
#include "metadata.h"
#include "tool.h"

/* What the options do not name is as the definition has it, if that has the device. */
static DomainDevice *
complete(const DomainDevice *device, const Domain *before, const Domain *config)
{
    const DomainDevice *base = inventory_find_device(config, device->alias);
    DomainDevice *completed;

    if (base == NULL || inventory_find_device(before, device->alias) != NULL)
        return device_copy(device);
    completed = device_copy(base);
    device_merge(completed, device);
    return completed;
}

/* The domain as it would be if it had been started with the device */
static DomainEdit *
edit_running(const char *name, const char *xml, const DomainDevice *device, GError **error)
{
    g_autoptr(DomainEdit) edit = domain_edit_attach(xml, device, TOOL_DIRECTORY, error);

    if (edit == NULL) {
        g_prefix_error(error, "Domain '%s': ", name);
        return NULL;
    }
    if (!metadata_memory_is_same(xml, edit->xml)) {
        TOOL_FAIL(error,
                  "The domain '%s' runs without shared memory, which cannot be changed while it "
                  "runs: attach with --config, shut it down and start it",
                  name);
        return NULL;
    }
    return g_steal_pointer(&edit);
}

/* The device @new is there, with the settings @old. */
static gboolean
change_settings(virDomain *domain, const DomainDevice *old, const DomainDevice *new,
                const DomainEdit *edit, GError **error)
{
    const char *name = virDomainGetName(domain);
    g_autofree char *word = tool_quote(name);

    if (old == NULL) {
        TOOL_FAIL(error,
                  "The domain '%s' has another device with the id '%s'; choose another alias", name,
                  new->alias);
        return FALSE;
    }
    if (inventory_device_equal(old, new)) {
        printf("The running domain '%s' has this device '%s' already; nothing was changed.\n", name,
               new->alias);
        return TRUE;
    }
    if (!hotplug_set_metadata(domain, edit->xml, error))
        return FALSE;
    printf("The running domain '%s' has the device '%s' already; its new settings take effect "
           "when it is plugged anew (virt-vdmabuf replug %s %s).\n",
           name, new->alias, word, new->alias);
    return TRUE;
}

static gboolean
plug(virDomain *domain, const DomainDevice *device, const DomainEdit *edit, const Domain *config,
     GError **error)
{
    if (!hotplug_plug(domain, device, edit->xml, error))
        return FALSE;
    if (!hotplug_set_metadata(domain, edit->xml, error)) {
        (void) hotplug_unplug(domain, device->alias, HOTPLUG_SECONDS, NULL);
        return FALSE;
    }
    printf("The running domain '%s' has the device '%s'. It was plugged through QEMU's monitor, "
           "which marks the domain as tainted.\n",
           virDomainGetName(domain), device->alias);
    if (inventory_find_device(config, device->alias) == NULL)
        printf("It is gone when the domain is shut down.\n");
    return TRUE;
}

gboolean
attach_live(virDomain *domain, const DomainDevice *options, const Domain *config, GError **error)
{
    g_autofree char *xml = connection_get_xml(domain, 0, error);
    g_autoptr(DomainDevice) device = NULL;
    g_autoptr(Domain) before = NULL;
    g_autoptr(Domain) after = NULL;
    g_autoptr(DomainEdit) edit = NULL;
    const DomainDevice *new;
    gboolean plugged;

    before = xml != NULL ? inventory_parse(xml, error) : NULL;
    if (before == NULL || !hotplug_check(domain, error) ||
        !hotplug_is_plugged(domain, options->alias, &plugged, error))
        return FALSE;
    device = complete(options, before, config);
    edit = edit_running(virDomainGetName(domain), xml, device, error);
    after = edit != NULL ? inventory_parse(edit->xml, error) : NULL;
    if (after == NULL)
        return FALSE;

    new = inventory_find_device(after, edit->alias);
    if (plugged)
        return change_settings(domain, inventory_find_device(before, edit->alias), new, edit,
                               error);
    return plug(domain, new, edit, config, error);
}
