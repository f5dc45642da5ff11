/* SPDX-License-Identifier: Apache-2.0 */
#include "http/xml.h"

#include "base/error.h"

#include <string.h>

void http_xml_begin(GString *out, const char *name, const char *name_space)
{
    g_string_append(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (name_space)
        g_string_append_printf(out, "<%s xmlns=\"%s\">", name, name_space);
    else
        http_xml_open(out, name);
}

void http_xml_open(GString *out, const char *name)
{
    g_string_append_c(out, '<');
    g_string_append(out, name);
    g_string_append_c(out, '>');
}

void http_xml_close(GString *out, const char *name)
{
    g_string_append(out, "</");
    g_string_append(out, name);
    g_string_append_c(out, '>');
}

/* Length of the ASCII at the beginning of `text` that XML has as it is. */
static size_t plain_len(const char *text)
{
    size_t len = 0;

    while (text[len] >= ' ' && text[len] <= '~' && text[len] != '&' && text[len] != '<' &&
           text[len] != '>' && text[len] != '"' && text[len] != '\'')
        len++;
    return len;
}

void http_xml_add(GString *out, const char *name, const char *text)
{
    const size_t len = plain_len(text);

    http_xml_open(out, name);
    g_string_append_len(out, text, (gssize)len);
    if (text[len]) {
        g_autofree char *valid = g_utf8_make_valid(text + len, -1);
        g_autofree char *escaped = g_markup_escape_text(valid, -1);
        g_string_append(out, escaped);
    }
    http_xml_close(out, name);
}

void http_xml_add_number(GString *out, const char *name, gint64 number)
{
    char text[24];

    (void)g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, number);
    http_xml_add(out, name, text);
}

typedef struct {
    const HttpXmlReader *reader;
    void *data;
    GString *path, *text;
    int depth;
    /* The innermost open element has no element in it so far. */
    bool is_leaf;
} XmlReading;

static void fail(GError **error, const char *why)
{
    g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "%s", why);
}

static void begin_element(GMarkupParseContext *context, const char *name, const char **names,
                          const char **values, void *data, GError **error)
{
    XmlReading *reading = data;

    (void)context;
    (void)names;
    (void)values;
    if (++reading->depth > HTTP_XML_DEPTH_MAX) {
        fail(error, "the elements lie too deep in each other");
        return;
    }
    if (reading->path->len > 0)
        g_string_append_c(reading->path, '/');
    g_string_append(reading->path, name);
    g_string_truncate(reading->text, 0);
    reading->is_leaf = true;
}

static void end_element(GMarkupParseContext *context, const char *name, void *data, GError **error)
{
    XmlReading *reading = data;
    const HttpXmlReader *reader = reading->reader;
    bool ok =
        !reading->is_leaf || reader->text(reading->path->str, reading->text->str, reading->data);

    (void)context;
    if (ok && reader->end)
        ok = reader->end(reading->path->str, reading->data);
    if (!ok)
        fail(error, "the document has an element that is not understood");
    reading->is_leaf = false;
    reading->depth--;
    gsize len = strlen(name) + (reading->depth > 0);
    g_string_truncate(reading->path, reading->path->len - len);
}

static void on_text(GMarkupParseContext *context, const char *text, gsize len, void *data,
                    GError **error)
{
    XmlReading *reading = data;

    (void)context;
    (void)error;
    if (reading->is_leaf)
        g_string_append_len(reading->text, text, (gssize)len);
}

/* Skips comments and processing instructions. Refuses document types. */
static void pass_through(GMarkupParseContext *context, const char *text, gsize len, void *data,
                         GError **error)
{
    (void)context;
    (void)data;
    if (len >= 2 && text[1] == '!' && !g_str_has_prefix(text, "<!--"))
        fail(error, "there is a document type");
}

bool http_xml_read(const char *text, size_t len, const HttpXmlReader *reader, void *data,
                   GError **error)
{
    static const GMarkupParser parser = {begin_element, end_element, on_text, pass_through, NULL};
    XmlReading reading = {.reader = reader, .data = data};
    g_autoptr(GError) reason = NULL;

    reading.path = g_string_new(NULL);
    reading.text = g_string_new(NULL);
    GMarkupParseContext *context =
        g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &reading, NULL);
    /* GLib refuses a NULL without a reason. */
    bool ok = g_markup_parse_context_parse(context, text ? text : "", (gssize)len, &reason) &&
              g_markup_parse_context_end_parse(context, &reason);
    g_markup_parse_context_free(context);
    g_string_free(reading.path, TRUE);
    g_string_free(reading.text, TRUE);
    if (!ok)
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the XML cannot be read: %s",
                    reason->message);
    return ok;
}
