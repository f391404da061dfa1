/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "arguments.h"
#include "check.h"
#include "edit_parts.h"
#include "pci.h"

#define N_NUMBERS 256
/* Above libvirt's, which count from 1 */
#define FIRST_CHASSIS 200

#define EXISTS(error, ...) g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_EXISTS, __VA_ARGS__)

static xmlNode *
find_commandline(const Text *text)
{
    return node_child(text->root, DOMAIN_QEMU_NAMESPACE, "commandline");
}

/* The element of the argument @index, as Domain.arguments counts them */
static xmlNode *
find_argument(const Text *text, guint index)
{
    for (const xmlNode *line = find_commandline(text); line;
         line = node_next(line, DOMAIN_QEMU_NAMESPACE, "commandline")) {
        for (xmlNode *node = node_child(line, DOMAIN_QEMU_NAMESPACE, "arg"); node;
             node = node_next(node, DOMAIN_QEMU_NAMESPACE, "arg")) {
            if (xmlHasNsProp(node, (const xmlChar *) "value", NULL) && index-- == 0)
                return node;
        }
    }
    return NULL;
}

static gboolean
is_one_of(const DeviceArguments *found, const Argument *argument)
{
    return argument == found->chardev || argument == found->device || argument == found->port;
}

static char *
find_alias_taker(const xmlNode *root, const char *alias, const char *port)
{
    const xmlNode *devices = node_find(root, "devices");

    for (const xmlNode *device = devices ? devices->children : NULL; device;
         device = device->next) {
        const xmlNode *node = node_child(device, NULL, "alias");

        if (node &&
            (node_attribute_is(node, "name", alias) || node_attribute_is(node, "name", port)))
            return g_strdup_printf("<%s>", device->name);
    }
    return NULL;
}

static char *
find_id_taker(const GPtrArray *arguments, const char *alias, const char *port)
{
    /* Those of QEMU's whose values have an id */
    static const char *const options[] = {"audiodev", "chardev", "device", "drive",  "fsdev",
                                          "mon",      "netdev",  "object", "tpmdev", NULL};
    DeviceArguments found;

    arguments_find(arguments, alias, &found);
    for (guint i = 0; i < arguments->len; i++) {
        const Argument *argument = g_ptr_array_index(arguments, i);
        g_autofree char *id = NULL;

        if (is_one_of(&found, argument) || !g_strv_contains(options, argument->option))
            continue;
        id = argument_get(argument, "id");
        if (g_strcmp0(id, alias) == 0 || g_strcmp0(id, port) == 0)
            return g_strdup_printf("-%s in <qemu:commandline>", argument->option);
    }
    return NULL;
}

char *
edit_find_taker(const EditPlace *place, const char *alias)
{
    g_autoptr(GPtrArray) arguments = arguments_read(place->domain->arguments);
    g_autofree char *port = arguments_port_id(alias);
    char *taker = find_alias_taker(place->text->root, alias, port);

    return taker ? taker : find_id_taker(arguments, alias, port);
}

/* @except: the device's own port */
static guint32
find_used_slots(const Domain *domain, const GPtrArray *arguments, const Argument *except)
{
    guint32 used = domain->slots;

    for (guint i = 0; i < arguments->len; i++) {
        const Argument *argument = g_ptr_array_index(arguments, i);
        guint slot;

        if (argument != except && argument_get_slot(argument, &slot))
            used |= 1u << slot;
    }
    return used;
}

static gboolean
pick_slot(guint32 used, const DomainDevice *device, const Argument *old, guint *slot,
          GError **error)
{
    PciAddress wish;

    if (device->port_address) {
        if (!pci_address_parse(device->port_address, &wish) || !pci_address_is_for_port(&wish)) {
            g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_INVALID,
                        "the address '%s' is none for a root port; it takes a slot from 0x01 to "
                        "0x1e, such as 0x1e",
                        device->port_address);
            return FALSE;
        }
        if (used & 1u << wish.slot) {
            EXISTS(error,
                   "another device has the slot 0x%02x of the root bus; leave the address out, "
                   "and a free one is taken",
                   wish.slot);
            return FALSE;
        }
        *slot = wish.slot;
        return TRUE;
    }
    if (old && argument_get_slot(old, slot) && !(used & 1u << *slot))
        return TRUE;
    /* libvirt counts upwards, and knows nothing of what is on the command line. */
    for (*slot = 0x1e; *slot > 0; (*slot)--) {
        if (!(used & 1u << *slot))
            return TRUE;
    }
    g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_UNSUPPORTED,
                "all slots of the domain's root bus are taken; remove a device, or a "
                "pcie-root-port that has none");
    return FALSE;
}

static guint
pick_number(const gboolean *used, guint preferred)
{
    if (!used[preferred])
        return preferred;
    for (guint number = N_NUMBERS - 1; number > 0; number--) {
        if (!used[number])
            return number;
    }
    return preferred;
}

static void
mark_numbers(const GPtrArray *arguments, const char *key, gboolean *used)
{
    for (guint i = 0; i < arguments->len; i++) {
        const Argument *argument = g_ptr_array_index(arguments, i);
        g_autofree char *text = NULL;
        guint64 number;

        if (!g_str_equal(argument->option, "device"))
            continue;
        text = argument_get(argument, key);
        number = text ? g_ascii_strtoull(text, NULL, 0) : 0;
        if (number < N_NUMBERS)
            used[number] = TRUE;
    }
}

static char *
make_port(const EditPlace *place, const GPtrArray *arguments, const char *alias, guint slot)
{
    gboolean chassis[N_NUMBERS] = {TRUE};
    gboolean ports[N_NUMBERS] = {TRUE};
    g_autoptr(JsonObject) json = NULL;

    pci_used_numbers(place->text->root, "chassis", chassis);
    pci_used_numbers(place->text->root, "port", ports);
    mark_numbers(arguments, "chassis", chassis);
    mark_numbers(arguments, "port", ports);
    json = arguments_port(alias, slot, pick_number(chassis, FIRST_CHASSIS + slot),
                          pick_number(ports, slot << 3));
    return arguments_json_to_text(json);
}

/* What somebody has set besides stays. */
static char *
make_device(const DeviceArguments *found, const DomainDevice *device)
{
    g_autofree char *port = arguments_port_id(device->alias);
    g_autoptr(JsonObject) json = json_object_new();
    g_autoptr(GList) keys = NULL;

    if (found->device && found->device->json)
        keys = json_object_get_members(found->device->json);
    arguments_set_device(json, device, port);
    for (GList *key = keys; key; key = key->next) {
        if (!json_object_has_member(json, key->data))
            json_object_set_member(
                json, key->data,
                json_node_copy(json_object_get_member(found->device->json, key->data)));
    }
    return arguments_json_to_text(json);
}

static gboolean
append_arguments(Text *text, const char *const *values, Undo *undo, GError **error)
{
    static const char *const options[] = {"-chardev", "-device", "-device"};
    const xmlNode *line = find_commandline(text);
    const xmlNs *namespace = line ? line->ns
                                  : xmlSearchNsByHref(text->document, text->root,
                                                      (const xmlChar *) DOMAIN_QEMU_NAMESPACE);
    const xmlNode *last = NULL;
    g_autofree char *prefix = NULL;
    g_autoptr(GString) elements = g_string_new(NULL);
    g_autofree char *open = NULL;

    if (namespace && namespace->prefix)
        prefix = g_strdup_printf("%s:", namespace->prefix);
    else
        prefix = g_strdup(namespace ? "" : "qemu:");
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        char quote = strchr(values[i], '"') ? '\'' : '"';
        g_autofree char *value = node_escape(values[i], quote);

        g_string_append_printf(elements, "%s<%sarg value=\"%s\"/>\n<%sarg value=%c%s%c/>",
                               i == 0 ? "" : "\n", prefix, options[i], prefix, quote, value, quote);
    }
    if (!line) {
        undo->things[UNDO_COMMANDLINE] = UNDO_ADDED;
        open = namespace ? g_strdup_printf("<%scommandline/>", prefix)
                         : g_strdup("<qemu:commandline xmlns:qemu=\"" DOMAIN_QEMU_NAMESPACE "\"/>");
        if (!text_insert(text, text->root, edit_find_last(text->root, NULL), open, error))
            return FALSE;
        line = find_commandline(text);
    } else {
        undo_look_at(undo, UNDO_COMMANDLINE, text, line);
    }
    for (xmlNode *node = node_child(line, DOMAIN_QEMU_NAMESPACE, "arg"); node;
         node = node_next(node, DOMAIN_QEMU_NAMESPACE, "arg"))
        last = node;
    return text_insert(text, line, last, elements->str, error);
}

static int
compare_down(gconstpointer a, gconstpointer b)
{
    return (*(const guint *) a < *(const guint *) b) - (*(const guint *) a > *(const guint *) b);
}

/* From the last to the first, since the others keep their numbers then */
static gboolean
remove_found(Text *text, const DeviceArguments *found, GError **error)
{
    const Argument *all[] = {found->chardev, found->device, found->port};
    g_autoptr(GArray) indices = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (all[i])
            g_array_append_val(indices, all[i]->index);
    }
    g_array_sort(indices, compare_down);
    for (guint i = 0; i < indices->len; i++) {
        guint index = g_array_index(indices, guint, i);

        if (!text_remove(text, find_argument(text, index), error) ||
            !text_remove(text, find_argument(text, index - 1), error))
            return FALSE;
    }
    return TRUE;
}

/* In place if each of them is there, and the port before the device; else all anew at the end */
static gboolean
write_arguments(Text *text, const DeviceArguments *found, const char *const *values, Undo *undo,
                GError **error)
{
    const Argument *all[] = {found->chardev, found->port, found->device};

    if (!found->chardev || !found->port || !found->device ||
        found->port->index > found->device->index)
        return remove_found(text, found, error) && append_arguments(text, values, undo, error);
    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        if (!g_str_equal(all[i]->value, values[i]) &&
            !text_set_attribute(text, find_argument(text, all[i]->index), "value", values[i],
                                error))
            return FALSE;
    }
    return TRUE;
}

gboolean
edit_set_arguments(const EditPlace *place, const DomainDevice *device, Undo *undo, guint *slot,
                   char **mistake, GError **error)
{
    g_autoptr(GPtrArray) arguments = arguments_read(place->domain->arguments);
    const char *name = place->domain->name;
    g_autofree char *chardev = arguments_chardev(name, device->alias, place->directory);
    g_autofree char *taker = edit_find_taker(place, device->alias);
    g_autofree char *json = NULL;
    g_autofree char *port = NULL;
    DeviceArguments found;
    guint old;

    if (taker) {
        EXISTS(error, "the alias '%s' is taken by %s; choose another", device->alias, taker);
        return FALSE;
    }
    arguments_find(arguments, device->alias, &found);
    if (!pick_slot(find_used_slots(place->domain, arguments, found.port), device, found.port, slot,
                   error))
        return FALSE;
    *mistake = check_find_mistake(place->domain, arguments, device, place->directory);
    if (found.port && found.port->json && argument_get_slot(found.port, &old) && old == *slot) {
        port = g_strdup(found.port->value);
        if (!*mistake)
            return TRUE;
    } else {
        port = make_port(place, arguments, device->alias, *slot);
    }
    json = make_device(&found, device);
    return write_arguments(place->text, &found, (const char *const[]) {chardev, port, json}, undo,
                           error);
}

gboolean
edit_remove_arguments(const EditPlace *place, const char *alias, const Undo *undo, gboolean *found,
                      GError **error)
{
    g_autoptr(GPtrArray) arguments = arguments_read(place->domain->arguments);
    DeviceArguments own;

    arguments_find(arguments, alias, &own);
    *found = own.chardev || own.device || own.port;
    return remove_found(place->text, &own, error) &&
           (!*found || undo_container(undo, UNDO_COMMANDLINE, place->text,
                                      find_commandline(place->text), error));
}
