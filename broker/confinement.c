/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "confinement.h"

#include <errno.h>
#include <glib.h>

#include "options.h"

/* What the profile allows: sockets and configurations here, and the device */
#define PLACE "/run/vdmabuf/"

const char *
confinement_hint(const char *path, int error)
{
    g_autofree char *profile = NULL;

    if (error != EACCES || g_str_has_prefix(path, PLACE) ||
        g_str_equal(path, OPTIONS_DEFAULT_DEVICE) ||
        !g_file_get_contents("/proc/self/attr/apparmor/current", &profile, NULL, NULL) ||
        !g_str_has_suffix(g_strchomp(profile), "(enforce)"))
        return "";
    return "; AppArmor lets this program have files in folders of " PLACE
           " alone, unless its local profile in /etc/apparmor.d/local says more";
}
