/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relaxng.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGParserCtxt, xmlRelaxNGFreeParserCtxt)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlRelaxNGValidCtxt, xmlRelaxNGFreeValidCtxt)

#if LIBXML_VERSION >= 21200
typedef const xmlError *ErrorPointer;
#else
typedef xmlError *ErrorPointer;
#endif

struct Schema {
    xmlRelaxNG *grammar;
};

/* The first message is the closest to what is wrong. */
static void
keep_message(void *data, ErrorPointer message)
{
    char **reason = data;

    if (reason && !*reason && message->message)
        *reason = g_strchomp(g_strdup(message->message));
}

Schema *
schema_load(const char *directory, const char *file, GError **error)
{
    g_autofree char *path = g_build_filename(directory, file, NULL);
    g_autoptr(xmlRelaxNGParserCtxt) parser = xmlRelaxNGNewParserCtxt(path);
    /* What the parser of the files says goes to the handler of the whole program. */
    const xmlStructuredErrorFunc handler = xmlStructuredError;
    void *context = xmlStructuredErrorContext;
    g_autofree char *reason = NULL;
    xmlRelaxNG *grammar;
    Schema *self;

    xmlRelaxNGSetParserStructuredErrors(parser, keep_message, &reason);
    xmlSetStructuredErrorFunc(&reason, keep_message);
    grammar = xmlRelaxNGParse(parser);
    xmlSetStructuredErrorFunc(context, handler);
    if (!grammar) {
        g_set_error(error, DOMAIN_ERROR, DOMAIN_ERROR_UNSUPPORTED,
                    "the schema '%s' cannot be used: %s; it needs those of libvirt", path,
                    reason ? reason : "it is no schema");
        return NULL;
    }
    self = g_new0(Schema, 1);
    self->grammar = grammar;
    return self;
}

void
schema_free(Schema *self)
{
    if (!self)
        return;
    xmlRelaxNGFree(self->grammar);
    g_free(self);
}

gboolean
schema_is_valid(const Schema *self, xmlDoc *document, char **reason)
{
    g_autoptr(xmlRelaxNGValidCtxt) validator = xmlRelaxNGNewValidCtxt(self->grammar);

    xmlRelaxNGSetValidStructuredErrors(validator, keep_message, reason);
    return xmlRelaxNGValidateDoc(validator, document) == 0;
}
