/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "child.h"
#include "tool.h"

/* More than enough for two texts of some hundred kilobytes */
#define DIFF_SECONDS 60

char *
change_format_diff(const char *before, const char *after, GError **error)
{
    const char *const argv[] = {"diff",    "-u",          "--label", "Original XML",
                                "--label", "Altered XML", "--",      "/dev/fd/3",
                                "-",       NULL};
    Child child = {.argv = argv, .input = after, .seconds = DIFF_SECONDS};
    g_auto(ChildResult) result = {.status = 0};

    /* XML can have passwords in it, and is not put into a file that has a name. */
    child.fd = child_make_file(before, error);
    if (child.fd < 0 || !child_run(&child, &result, error))
        return NULL;
    /* 1: they differ */
    if (result.status != 0 && result.status != 1) {
        TOOL_FAIL(error, "diff cannot compare: %s", g_strstrip(result.err));
        return NULL;
    }
    return g_steal_pointer(&result.out);
}

static gboolean
print_diff(const char *before, const char *after, GError **error)
{
    g_autofree char *diff = change_format_diff(before, after, error);

    if (diff == NULL)
        return FALSE;
    fputs(diff, stdout);
    return TRUE;
}

gboolean
change_ask(const char *question)
{
    char answer[16] = "";

    printf("%s (y/n): ", question);
    fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) == NULL)
        printf("\n");
    g_strstrip(answer);
    return g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0;
}

void
change_print_notes(const DomainEdit *edit, gboolean to_stderr)
{
    for (guint i = 0; i < edit->notes->len; i++) {
        const char *note = g_ptr_array_index(edit->notes, i);

        fprintf(to_stderr ? stderr : stdout, "%c%s.\n", g_ascii_toupper(*note), note + 1);
    }
}

virDomain *
change_define(virConnect *connection, const char *xml, GError **error)
{
    virDomain *domain = virDomainDefineXMLFlags(connection, xml, VIR_DOMAIN_DEFINE_VALIDATE);

    if (domain == NULL)
        connection_set_error(error, "Cannot define the domain");
    return domain;
}

gboolean
change_load_file(Source *source, const char *path, const CommandOptions *options, GError **error)
{
    if (options->live || options->config || options->confirm)
        return command_usage_error(
            error, "--config, --live and --confirm are for domains; %s is a file", path);
    return source_load_file(source, path, error);
}

ChangeResult
change_apply(const Source *source, const DomainEdit *edit, const CommandOptions *options,
             GError **error)
{
    g_autofree char *question = NULL;
    g_autoptr(virDomain) defined = NULL;

    if (options->print_diff) {
        change_print_notes(edit, TRUE);
        return print_diff(source->xml, edit->xml, error) ? CHANGE_SHOWN : CHANGE_FAILED;
    }
    if (options->print_xml || source->domain == NULL) {
        change_print_notes(edit, TRUE);
        fputs(edit->xml, stdout);
        if (!g_str_has_suffix(edit->xml, "\n"))
            fputc('\n', stdout);
        return CHANGE_SHOWN;
    }

    if (options->confirm && edit->changed) {
        if (!print_diff(source->xml, edit->xml, error))
            return CHANGE_FAILED;
        question = g_strdup_printf("Define '%s' with the changed XML?", source->name);
        if (!change_ask(question)) {
            printf("Nothing was changed.\n");
            return CHANGE_DECLINED;
        }
    }
    if (edit->changed) {
        defined = change_define(source->connection, edit->xml, error);
        if (defined == NULL)
            return CHANGE_FAILED;
    }
    change_print_notes(edit, FALSE);
    return CHANGE_DEFINED;
}
