/* SPDX-License-Identifier: GPL-2.0-or-later */
/* validate: NAME.xml is right, or its mistakes are in NAME.err. */
#include "data.h"
#include "schema.h"

static void
test_validate(gconstpointer path)
{
    g_autofree char *xml = data_read_xml(path);
    g_autoptr(GError) error = NULL;
    gboolean valid = domain_validate(xml, SCHEMAS, &error);

    g_assert_true(valid == (error == NULL));
    data_compare_error(path, error);
}

/* Every domain of the other tests is right, in libvirt's eyes and so in ours. */
static void
test_right(gconstpointer path)
{
    g_autofree char *xml = data_read_xml(path);
    g_autoptr(GError) error = NULL;

    g_assert_true(domain_validate(xml, SCHEMAS, &error));
    g_assert_no_error(error);
}

static void
test_no_schema(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(domain_validate("<domain/>", "/nonexistent", &error));
    g_assert_nonnull(error);
    g_assert_true(g_str_has_prefix(error->message, "the schema '/nonexistent/vdmabuf.rng' cannot"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!g_file_test(LIBVIRT_SCHEMA, G_FILE_TEST_EXISTS)) {
        g_test_message("libvirt's schemas are not installed");
        return 77;
    }
    data_add_tests("validate", "validate", test_validate);
    data_add_tests("domains", "right", test_right);
    g_test_add_func("/validate/no-schema", test_no_schema);
    return g_test_run();
}
