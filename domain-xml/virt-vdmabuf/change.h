/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change of a domain's XML: shown, asked about, made. */
#pragma once

#include "command.h"
#include "edit.h"
#include "source.h"

/* What has become of a change */
typedef enum {
    CHANGE_FAILED,
    CHANGE_SHOWN,    /* printed, as XML or as a difference */
    CHANGE_DECLINED, /* somebody was asked, and has said no; printed */
    CHANGE_DEFINED,  /* if there was anything to change at all */
} ChangeResult;

/* "diff -u" of the two, with the titles of virt-xml */
char *change_format_diff(const char *before, const char *after, GError **error);

/* Loads a file that is to be changed: what only a domain can be told is refused. */
gboolean change_load_file(Source *source, const char *path, const CommandOptions *options,
                          GError **error);

/*
 * What comes of an edit of @source: XML or the difference on standard output if it is a file or
 * the options say so, else the domain is defined anew. Notes go to standard output, too, or else
 * to standard error.
 */
ChangeResult change_apply(const Source *source, const DomainEdit *edit,
                          const CommandOptions *options, GError **error);
/* Defines a domain as a new one, or in place of the one of this name. */
virDomain *change_define(virConnect *connection, const char *xml, GError **error);
/* Asks a person; %FALSE for no, and for no answer */
gboolean change_ask(const char *question);
void change_print_notes(const DomainEdit *edit, gboolean to_stderr);
