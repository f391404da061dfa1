/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables: columns, what is wide, and what must not reach a terminal. */
#include <glib.h>

#include "table.h"

static void
test_columns(void)
{
    g_autoptr(Table) table = table_new("Domain", "State", "Label", NULL);
    g_autofree char *text = NULL;

    table_add_row(table, "web", "running", "-", NULL);
    table_add_row(table, "a-longer-one", "shut off", "x", NULL);
    table_add_row(table, "short", NULL);
    text = table_format(table, "");
    g_assert_cmpstr(text, ==,
                    " Domain         State      Label\n"
                    "---------------------------------\n"
                    " web            running    -\n"
                    " a-longer-one   shut off   x\n"
                    " short\n");
    g_assert_cmpuint(table_get_rows(table), ==, 3);
}

static void
test_empty(void)
{
    g_autoptr(Table) table = table_new("A", "B", NULL);
    g_autofree char *text = table_format(table, "  ");

    g_assert_cmpstr(text, ==, "   A   B\n  -------\n");
    g_assert_cmpuint(table_get_rows(table), ==, 0);
}

/* In columns of the terminal, not in bytes or characters */
static void
test_width(void)
{
    g_autoptr(Table) table = table_new("Label", "X", NULL);
    g_autofree char *text = NULL;

    table_add_row(table, "\u753b\u9762", "1", NULL);
    table_add_row(table, "e\u0301cran", "2", NULL);
    table_add_row(table, "\u00e9cran", "3", NULL);
    text = table_format(table, "");
    g_assert_cmpstr(text, ==,
                    " Label   X\n"
                    "-----------\n"
                    " \u753b\u9762    1\n"
                    " e\u0301cran   2\n"
                    " \u00e9cran   3\n");
}

static void
test_printable(void)
{
    static const struct {
        const char *text;
        const char *printable;
    } cases[] = {
        {"plain \u00e9", "plain \u00e9"},
        {"\033[31mred", "\\x1b[31mred"},
        {"two\nlines\t", "two\\x0alines\\x09"},
        {"broken \xff\xc3", "broken \\xff\\xc3"},
        /* What turns the direction of text around, and DEL */
        {"a\u202eb\x7f", "a\\xe2\\x80\\xaeb\\x7f"},
        {"", ""},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *printable = table_make_printable(cases[i].text);

        g_assert_cmpstr(printable, ==, cases[i].printable);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/columns", test_columns);
    g_test_add_func("/table/empty", test_empty);
    g_test_add_func("/table/width", test_width);
    g_test_add_func("/table/printable", test_printable);
    return g_test_run();
}
