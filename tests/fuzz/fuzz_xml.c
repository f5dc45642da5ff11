/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of clients. A text that is written as XML must be read as the same text. */
#include "fuzz.h"
#include "http/xml.h"

#include <string.h>

static bool tell_text(const char *path, const char *text, void *data)
{
    g_string_append_printf(data, "%zu %s=%zu %s\n", strlen(path), path, strlen(text), text);
    return true;
}

static bool tell_end(const char *path, void *data)
{
    g_assert_cmpuint(strlen(path), >, 0);
    g_string_append_printf(data, "/%s\n", path);
    return true;
}

static bool keep_text(const char *path, const char *text, void *data)
{
    char **kept = data;

    (void)path;
    g_free(*kept);
    *kept = g_strdup(text);
    return true;
}

static void check_text(const char *text)
{
    static const HttpXmlReader reader = {keep_text, NULL};
    g_autoptr(GString) document = g_string_new(NULL);
    g_autofree char *kept = NULL;

    http_xml_begin(document, "A", HTTP_XML_S3);
    http_xml_add(document, "Key", text);
    http_xml_close(document, "A");
    if (http_xml_read(document->str, document->len, &reader, &kept, NULL) &&
        g_utf8_validate(text, -1, NULL) && !strchr(text, '\r'))
        g_assert_cmpstr(kept, ==, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const HttpXmlReader reader = {tell_text, tell_end};
    g_autoptr(GString) told = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strndup((const char *)data, len);

    if (!http_xml_read((const char *)data, len, &reader, told, &error))
        g_assert_nonnull(error);
    check_text(text);
    return 0;
}
