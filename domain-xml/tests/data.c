/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "data.h"

#include <glib/gstdio.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNG, xmlRelaxNGFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGParserCtxt, xmlRelaxNGFreeParserCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGValidCtxt, xmlRelaxNGFreeValidCtxt)

static const char *
get_root(void)
{
    const char *root = g_getenv("VDMABUF_TEST_DATA");

    return root ? root : FIXTURES;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

void
data_add_tests(const char *folder, const char *prefix, GTestDataFunc test)
{
    g_autofree char *path = g_build_filename(get_root(), folder, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    const char *name;

    g_assert_nonnull(directory);
    while ((name = g_dir_read_name(directory))) {
        if (g_str_has_suffix(name, ".xml") && !g_str_has_suffix(name, ".out.xml"))
            g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(".xml")));
    }
    g_assert_cmpuint(names->len, >, 0);
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        const char *stem = g_ptr_array_index(names, i);
        g_autofree char *title = g_strdup_printf("/%s/%s", prefix, stem);

        g_test_add_data_func_full(title, g_build_filename(path, stem, NULL), test, g_free);
    }
}

char *
data_read(const char *path, const char *suffix)
{
    g_autofree char *file = g_strconcat(path, suffix, NULL);
    char *text = NULL;

    g_file_get_contents(file, &text, NULL, NULL);
    return text;
}

char *
data_read_xml(const char *path)
{
    char *xml = data_read(path, ".xml");

    g_assert_nonnull(xml);
    return xml;
}

static void
compare_file(const char *path, const char *suffix, const char *text)
{
    g_autofree char *file = g_strconcat(path, suffix, NULL);
    g_autofree char *expected = data_read(path, suffix);

    if (g_getenv("VDMABUF_TEST_REGENERATE")) {
        if (text)
            g_assert_true(g_file_set_contents(file, text, -1, NULL));
        else
            g_unlink(file);
        return;
    }
    if (g_strcmp0(expected, text) != 0)
        g_error("%s\n--- expected\n%s\n--- is\n%s", file, expected ? expected : "(no such file)",
                text ? text : "(nothing)");
}

void
data_compare_lines(const char *path, const char *suffix, const GPtrArray *lines)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; lines && i < lines->len; i++)
        g_string_append_printf(text, "%s\n", (const char *) g_ptr_array_index(lines, i));
    compare_file(path, suffix, text->len > 0 ? text->str : NULL);
}

void
data_compare_error(const char *path, const GError *error)
{
    g_autofree char *message = error ? g_strconcat(error->message, "\n", NULL) : NULL;

    compare_file(path, ".err", message);
}

void
data_compare(const char *path, const char *result, const GError *error)
{
    g_assert_true((result != NULL) != (error != NULL));
    compare_file(path, ".out.xml", result);
    data_compare_error(path, error);
}

/* Text is what is beside no element, and not only blanks. */
static void
remove_blanks(xmlNode *parent)
{
    xmlNode *next;

    for (xmlNode *node = parent->children; node; node = next) {
        next = node->next;
        if (xmlIsBlankNode(node)) {
            xmlUnlinkNode(node);
            xmlFreeNode(node);
        } else if (node->type == XML_ELEMENT_NODE) {
            remove_blanks(node);
        }
    }
}

char *
data_normalise(const char *xml)
{
    g_autoptr(xmlDoc) document = NULL;
    xmlChar *text = NULL;
    char *copy;
    int size;

    document = xmlReadMemory(xml, strlen(xml), "domain.xml", NULL, XML_PARSE_NONET);
    g_assert_nonnull(document);
    remove_blanks(xmlDocGetRootElement(document));
    xmlDocDumpFormatMemory(document, &text, &size, 1);
    copy = g_strdup((const char *) text);
    xmlFree(text);
    return copy;
}

/* Parsed once: libvirt's takes a while. */
static xmlRelaxNG *
get_schema(const char *file)
{
    static GHashTable *schemas;
    g_autoptr(xmlRelaxNGParserCtxt) parser = NULL;
    xmlRelaxNG *schema;

    if (!schemas)
        schemas = g_hash_table_new(g_str_hash, g_str_equal);
    schema = g_hash_table_lookup(schemas, file);
    if (schema)
        return schema;
    parser = xmlRelaxNGNewParserCtxt(file);
    schema = xmlRelaxNGParse(parser);
    g_assert_nonnull(schema);
    g_hash_table_insert(schemas, (char *) file, schema);
    return schema;
}

gboolean
data_is_valid(const char *xml, const char *file)
{
    g_autoptr(xmlRelaxNGValidCtxt) validator = NULL;
    g_autoptr(xmlDoc) document = NULL;

    if (!g_file_test(file, G_FILE_TEST_EXISTS))
        return TRUE;
    validator = xmlRelaxNGNewValidCtxt(get_schema(file));
    document = xmlReadMemory(xml, strlen(xml), "domain.xml", NULL, XML_PARSE_NONET);
    g_assert_nonnull(document);
    return xmlRelaxNGValidateDoc(validator, document) == 0;
}
