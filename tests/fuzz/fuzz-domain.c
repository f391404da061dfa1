/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libvirt gives to the hook, which anybody can have written who may define domains. */
#include <stdint.h>
#include <stdlib.h>

#include "domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* As the hook has it: with a zero behind it that does not count */
    g_autofree char *xml = g_strndup((const char *) data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = domain_parse(xml, size, &error);

    (void) domain_mentions_vdmabuf(xml);
    if (!domain != (error != NULL))
        abort();
    if (domain && domain_check(domain, "/run/vdmabuf", &error) != (error == NULL))
        abort();
    return 0;
}
