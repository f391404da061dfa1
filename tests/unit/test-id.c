/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vdmabuf.h"

static const struct vdmabuf_id id = {
    .vmm_pid = 0x1234,
    .counter = 7,
    .random = 0xfedcba9876543210,
};

static void
test_format(void)
{
    char text[VDMABUF_ID_TEXT_SIZE];
    const struct vdmabuf_id most = {G_MAXUINT32, G_MAXUINT32, G_MAXUINT64};

    g_assert_true(vdmabuf_id_format(&id, text) == text);
    g_assert_cmpstr(text, ==, "00001234-00000007-fedcba9876543210");
    g_assert_cmpstr(vdmabuf_id_format(&most, text), ==, "ffffffff-ffffffff-ffffffffffffffff");
}

static void
test_parse(void)
{
    char text[VDMABUF_ID_TEXT_SIZE];
    struct vdmabuf_id parsed = {0};

    g_assert_true(vdmabuf_id_parse(vdmabuf_id_format(&id, text), &parsed));
    g_assert_cmpuint(parsed.vmm_pid, ==, id.vmm_pid);
    g_assert_cmpuint(parsed.counter, ==, id.counter);
    g_assert_cmpuint(parsed.random, ==, id.random);
}

static void
test_parse_refused(void)
{
    static const char *const texts[] = {
        "",
        "00001234",
        "00001234-00000007-fedcba987654321",   /* a digit short */
        "00001234-00000007-fedcba98765432100", /* and one too many */
        "00001234-00000007-fedcba987654321g",
        "00001234-00000007-FEDCBA9876543210", /* upper case */
        "00001234+00000007-fedcba9876543210",
        "00001234-00000007+fedcba9876543210",
        "    1234-00000007-fedcba9876543210", /* what strtoull() would take */
        "0x001234-00000007-fedcba9876543210",
        "+0001234-00000007-fedcba9876543210",
        "00001234-00000007-fedcba9876543210\n",
        " 0001234-00000007-fedcba9876543210",
        "000012340-0000007-fedcba9876543210",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct vdmabuf_id parsed = {1, 2, 3};

        g_test_message("\"%s\"", texts[i]);
        g_assert_false(vdmabuf_id_parse(texts[i], &parsed));
        /* and left alone */
        g_assert_cmpuint(parsed.vmm_pid, ==, 1);
        g_assert_cmpuint(parsed.random, ==, 3);
    }
}

static void
test_equal(void)
{
    struct vdmabuf_id other = id;

    g_assert_true(vdmabuf_id_equal(&id, &other));
    g_assert_cmpuint(vdmabuf_id_hash(&id), ==, vdmabuf_id_hash(&other));

    other.vmm_pid++;
    g_assert_false(vdmabuf_id_equal(&id, &other));
    other = id;
    other.counter++;
    g_assert_false(vdmabuf_id_equal(&id, &other));
    other = id;
    other.random ^= (guint64) 1 << 63;
    g_assert_false(vdmabuf_id_equal(&id, &other));
    g_assert_cmpuint(vdmabuf_id_hash(&id), !=, vdmabuf_id_hash(&other));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/id/format", test_format);
    g_test_add_func("/id/parse", test_parse);
    g_test_add_func("/id/parse-refused", test_parse_refused);
    g_test_add_func("/id/equal", test_equal);
    return g_test_run();
}
