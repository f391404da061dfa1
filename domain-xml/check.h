/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What domain_check() and the changes of a domain look at alike. */
#pragma once

#include <sys/un.h>

#include "domain.h"

G_BEGIN_DECLS

#define CHECK_MAX_PATH ((int) sizeof(((struct sockaddr_un *) NULL)->sun_path) - 1)

gboolean check_name(const char *name, GError **error);
gboolean check_path(const char *name, const char *alias, const char *directory, GError **error);

/*
 * What is not as @device needs it, for a message; or NULL. @arguments: Argument, those of @domain
 */
char *check_find_mistake(const Domain *domain, const GPtrArray *arguments,
                         const DomainDevice *device, const char *directory);

G_END_DECLS
