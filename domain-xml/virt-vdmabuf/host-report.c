/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "host-report.h"
#include "json.h"

#define WIDTH 56

struct _HostReport {
    gboolean print;
    gboolean color;
    gboolean failed;
    Json json;
    char *what;
};

static const struct {
    const char *name;
    const char *color;
} verdicts[] = {
    [HOST_PASS] = {"PASS", "\033[32m"},
    [HOST_WARN] = {"WARN", "\033[33m"},
    [HOST_FAIL] = {"FAIL", "\033[31m"},
};

HostReport *
host_report_new(gboolean json)
{
    HostReport *self = g_new0(HostReport, 1);

    self->print = !json;
    self->color = isatty(STDOUT_FILENO);
    json_init(&self->json);
    json_open_array(&self->json, NULL);
    return self;
}

void
host_report_free(HostReport *self)
{
    if (self == NULL)
        return;

    json_clear(&self->json);
    g_free(self->what);
    g_free(self);
}

void
host_report_begin(HostReport *self, const char *what)
{
    g_free(self->what);
    self->what = g_strdup(what);
    if (!self->print)
        return;
    printf("vdmabuf: Checking %-*s: ", WIDTH, what);
    fflush(stdout);
}

static void
add(HostReport *self, HostVerdict verdict, const char *hint)
{
    self->failed = self->failed || verdict == HOST_FAIL;

    json_open_object(&self->json, NULL);
    json_add_string(&self->json, "check", self->what);
    json_add_string(&self->json, "result", verdicts[verdict].name);
    if (hint != NULL)
        json_add_string(&self->json, "hint", hint);
    json_close_object(&self->json);

    if (!self->print)
        return;
    printf("%s%s%s", self->color ? verdicts[verdict].color : "", verdicts[verdict].name,
           self->color ? "\033[0m" : "");
    if (hint != NULL)
        printf(" (%s)", hint);
    printf("\n");
}

void
host_report_pass(HostReport *self)
{
    add(self, HOST_PASS, NULL);
}

void
host_report_problem(HostReport *self, HostVerdict verdict, const char *format, ...)
{
    g_autofree char *hint = NULL;
    va_list args;

    va_start(args, format);
    hint = g_strdup_vprintf(format, args);
    va_end(args);
    /* One line, whoever has written a part of it */
    add(self, verdict, g_strdelimit(hint, "\n", ' '));
}

gboolean
host_report_end(HostReport *self)
{
    json_close_array(&self->json);
    if (!self->print)
        json_print(&self->json, stdout);
    return !self->failed;
}
