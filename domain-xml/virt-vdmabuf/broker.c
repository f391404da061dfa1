/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <unistd.h>

#include "broker.h"
#include "child.h"
#include "tool.h"

/* The hook itself waits for the broker to listen. */
#define SECONDS 60

gboolean
broker_check_privileges(GError **error)
{
    if (geteuid() == 0)
        return TRUE;
    TOOL_FAIL(error, "Only root can start and stop brokers of running domains (sudo virt-vdmabuf)");
    return FALSE;
}

static gboolean
run_hook(const char *domain, const char *operation, const char *phase, const char *alias,
         const char *xml, GError **error)
{
    const char *const argv[] = {VDMABUF_HOOK, domain, operation, phase, alias, NULL};
    const Child child = {.argv = argv, .input = xml, .fd = -1, .seconds = SECONDS};
    g_auto(ChildResult) result = {.status = 0};

    if (!child_run(&child, &result, error))
        return FALSE;
    if (result.status != 0) {
        /* "vdmabuf: domain 'NAME': what is wrong" */
        const char *text = g_strstrip(result.err);
        const char *prefix = "vdmabuf: ";

        if (g_str_has_prefix(text, prefix))
            text += strlen(prefix);
        TOOL_FAIL(error, "%s", *text != '\0' ? text : VDMABUF_HOOK " has failed");
        return FALSE;
    }
    return TRUE;
}

gboolean
broker_start(const char *domain, const char *alias, const char *xml, GError **error)
{
    return run_hook(domain, "attach", "begin", alias, xml, error);
}

gboolean
broker_stop(const char *domain, const char *alias, GError **error)
{
    return run_hook(domain, "detach", "end", alias, NULL, error);
}
