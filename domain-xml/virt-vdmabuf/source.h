/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The XML that a command is about: of a domain of libvirt's, or of a file. */
#pragma once

#include "connection.h"

/**
 * Source:
 * @name: the domain's, or the file's, for messages
 * @connection: %NULL for a file
 * @domain: %NULL for a file
 * @xml: what the domain is started with, or what is in the file
 */
typedef struct {
    char *name;
    virConnect *connection;
    virDomain *domain;
    char *xml;
} Source;

/*
 * "-" and what has a '/' or ends in .xml is a file, anything else is a domain: whatever files
 * there happen to be.
 */
gboolean source_is_file(const char *argument);

/* @flags: VIR_DOMAIN_XML_*, for a domain */
gboolean source_load(Source *self, const char *argument, const char *uri, guint flags,
                     GError **error);
/* What is a file in any case */
gboolean source_load_file(Source *self, const char *path, GError **error);
/* What is a domain in any case, of the connection that @self has */
gboolean source_load_domain(Source *self, const char *domain, guint flags, GError **error);
void source_clear(Source *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Source, source_clear)
