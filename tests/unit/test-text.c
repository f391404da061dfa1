/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, codes and JSON as text; and files that are there as a whole or not at all. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "format.h"
#include "json.h"
#include "output.h"
#include "size.h"
#include "vdmabuf.h"

static void
test_size(void)
{
    static const struct {
        const char *text;
        gint64 size; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"65536", 65536},
        {"64K", 65536},
        {"64k", 65536},
        {"3M", 3 << 20},
        {"2G", 2LL << 30},
        {"", -1},
        {"K", -1},
        {"-1", -1},
        {"+1", -1},
        {" 1", -1},
        {"1 ", -1},
        {"1KB", -1},
        {"1.5M", -1},
        {"0x10", -1},
        {"1T", -1},
        {"18446744073709551616", -1},
        {"17179869184G", -1},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 size = 0;

        g_test_message("\"%s\"", cases[i].text);
        g_assert_cmpint(size_parse(cases[i].text, &size), ==, cases[i].size >= 0);
        if (cases[i].size >= 0)
            g_assert_cmpuint(size, ==, (guint64) cases[i].size);
    }
}

static void
test_picture_size(void)
{
    static const char *const bad[] = {
        "",        "x",       "640",      "640x",     "x480", "0x480",   "640x0",
        "65536x1", "1x65536", "640x480:", "640 x480", "-1x1", "640x 480"};
    guint32 width, height;
    const char *rest;

    g_assert_true(size_parse_picture("640x480", &width, &height, NULL));
    g_assert_cmpuint(width, ==, 640);
    g_assert_cmpuint(height, ==, 480);
    g_assert_true(size_parse_picture("1x65535:AB24", &width, &height, &rest));
    g_assert_cmpuint(width, ==, 1);
    g_assert_cmpuint(height, ==, 65535);
    g_assert_cmpstr(rest, ==, ":AB24");

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("\"%s\"", bad[i]);
        g_assert_false(size_parse_picture(bad[i], &width, &height, NULL));
    }
}

static void
test_fourcc(void)
{
    char text[FOURCC_TEXT_SIZE];
    guint32 fourcc;

    g_assert_true(fourcc_parse("XR24", &fourcc));
    g_assert_cmphex(fourcc, ==, 0x34325258);
    g_assert_cmpstr(fourcc_format(fourcc, text), ==, "XR24");
    g_assert_cmpstr(fourcc_format(0x20203852, text), ==, "R8  ");
    /* What a guest sends goes to a terminal */
    g_assert_cmpstr(fourcc_format(0x1b5b324a, text), ==, "0x1b5b324a");
    g_assert_cmpstr(fourcc_format(0xffffffff, text), ==, "0xffffffff");
    g_assert_cmpstr(fourcc_format(0x34325220, text), ==, "0x34325220");
    g_assert_false(fourcc_parse("XR2", &fourcc));
    g_assert_false(fourcc_parse("XR245", &fourcc));
    g_assert_false(fourcc_parse("XR\n4", &fourcc));
}

static void
test_json(void)
{
    g_auto(Json) json;

    json_init(&json);
    json_open_object(&json, NULL);
    json_add_string(&json, "text", "a \"b\" \\ \n\x1b \xff ü");
    json_add_uint(&json, "uint", G_MAXUINT64);
    json_add_int(&json, "int", -1);
    json_add_double(&json, "double", 0.5);
    json_add_double(&json, "nan", NAN);
    json_open_array(&json, "array");
    json_add_boolean(&json, NULL, TRUE);
    json_open_object(&json, NULL);
    json_close_object(&json);
    json_add_boolean(&json, NULL, FALSE);
    json_close_array(&json);
    json_close_object(&json);
    g_assert_cmpstr(json.text->str, ==,
                    "{\"text\": \"a \\\"b\\\" \\\\ \\u000a\\u001b \xef\xbf\xbd ü\", "
                    "\"uint\": 18446744073709551615, \"int\": -1, \"double\": 0.5, "
                    "\"nan\": null, \"array\": [true, {}, false]}");
}

static void
test_sha256(void)
{
    g_autofree char *sha256 = sha256_format((const guint8 *) "abc", 3);

    g_assert_cmpstr(sha256, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
check_contents(const char *path, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, expected);
}

static guint
count_files(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    guint count = 0;

    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

static void
test_output(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("vdmabuf-XXXXXX", &error);
    g_autofree char *path = g_build_filename(directory, "file", NULL);
    g_autofree char *missing = g_build_filename(directory, "missing", "file", NULL);
    Output *output;

    g_assert_true(g_file_set_contents(path, "old", -1, NULL));
    output = output_new(path, &error);
    g_assert_no_error(error);
    g_assert_true(output_write(output, "new", 3, &error));
    check_contents(path, "old");
    output_free(output);
    check_contents(path, "old");
    g_assert_cmpuint(count_files(directory), ==, 1);

    output = output_new(path, &error);
    g_assert_true(output_write(output, "new", 3, &error));
    g_assert_true(output_write(output, "er", 2, &error));
    g_assert_true(output_commit(output, &error));
    g_assert_no_error(error);
    output_free(output);
    check_contents(path, "newer");
    g_assert_cmpuint(count_files(directory), ==, 1);

    g_assert_null(output_new(missing, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED);
    g_clear_error(&error);

    /* A device is written to, not replaced */
    output = output_new("/dev/full", &error);
    g_assert_no_error(error);
    g_assert_false(output_write(output, "new", 3, &error));
    g_assert_error(error, VDMABUF_ERROR, VDMABUF_ERROR_FAILED);
    output_free(output);

    g_unlink(path);
    g_rmdir(directory);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/size", test_size);
    g_test_add_func("/text/picture-size", test_picture_size);
    g_test_add_func("/text/fourcc", test_fourcc);
    g_test_add_func("/text/json", test_json);
    g_test_add_func("/text/sha256", test_sha256);
    g_test_add_func("/output", test_output);
    return g_test_run();
}
