/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/error.h"
#include "http/access_log.h"
#include "http/xml.h"

#include <string.h>

static void test_write(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    http_xml_begin(text, "A", "urn:x");
    http_xml_open(text, "B");
    http_xml_add(text, "Key", "<a>&\"\377");
    http_xml_add_number(text, "Size", 5);
    http_xml_close(text, "B");
    http_xml_close(text, "A");
    g_assert_cmpstr(text->str, ==,
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A xmlns=\"urn:x\"><B>"
                    "<Key>&lt;a&gt;&amp;&quot;\357\277\275</Key><Size>5</Size></B></A>");
}

static bool add_text(const char *path, const char *text, void *data)
{
    g_string_append_printf(data, "%s=%s;", path, text);
    return strcmp(path, "A/Refused") != 0;
}

static bool add_end(const char *path, void *data)
{
    g_string_append_printf(data, "/%s;", path);
    return true;
}

static void test_read(void)
{
    static const struct {
        /* Calls of the callbacks as text; NULL: the document is refused. */
        const char *xml, *told;
    } cases[] = {
        {"<A><B>x</B></A>", "A/B=x;/A/B;/A;"},
        {"<?xml version=\"1.0\"?>\n<A xmlns=\"u\"> <B>a&amp;b&#x20;</B>\n <B/> </A>",
         "A/B=a&b ;/A/B;A/B=;/A/B;/A;"},
        {"<A><B><![CDATA[<x>]]></B></A>", "A/B=<x>;/A/B;/A;"},
        {"<A><!-- c --><B>x<!-- c -->y</B></A>", "A/B=xy;/A/B;/A;"},
        {"<A><Refused>x</Refused></A>", NULL},
        {"<!DOCTYPE A [<!ENTITY e \"x\">]><A><B>&e;</B></A>", NULL},
        {"<!DOCTYPE A><A/>", NULL},
        {"<A>&e;</A>", NULL},
        {"<A><B></A></B>", NULL},
        {"<A>", NULL},
        {"", NULL},
        {"<A>\377</A>", NULL},
        {"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>", NULL},
    };
    static const HttpXmlReader reader = {add_text, add_end};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) told = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        g_test_message("%s", cases[i].xml);
        bool ok = http_xml_read(cases[i].xml, strlen(cases[i].xml), &reader, told, &error);
        g_assert_cmpint(ok, ==, cases[i].told != NULL);
        if (ok)
            g_assert_cmpstr(told->str, ==, cases[i].told);
        else
            g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    }
    /* A body without bytes. */
    g_assert_false(http_xml_read(NULL, 0, &reader, NULL, NULL));
}

static void test_access_log(void)
{
    const AccessLogEntry entry = {
        .peer = "::1",
        .key_id = "TQKEY",
        .method = "GET",
        .target = "/a%20b",
        .agent = "x\"y\n\377\\",
        .id = "0123456789ABCDEF",
        .outcome = {.status = 200, .sent_bytes = 5, .taken_bytes = 7, .duration_us = 1234567},
        .now_us = INT64_C(1369353600) * CLOCK_US_PER_SEC,
    };
    g_autoptr(GString) text = g_string_new(NULL);

    access_log_append(text, ACCESS_LOG_NONE, &entry);
    g_assert_cmpuint(text->len, ==, 0);
    access_log_append(text, ACCESS_LOG_COMBINED, &entry);
    g_assert_cmpstr(text->str, ==,
                    "::1 - TQKEY [24/May/2013:00:00:00 +0000] \"GET /a%20b HTTP/1.1\" 200 5 \"-\" "
                    "\"x\\\"y\\x0a\\xff\\\\\"\n");
    g_string_truncate(text, 0);
    access_log_append(text, ACCESS_LOG_JSON, &entry);
    g_assert_cmpstr(text->str, ==,
                    "{\"time\":\"2013-05-24T00:00:00.000Z\",\"id\":\"0123456789ABCDEF\","
                    "\"peer\":\"::1\",\"key\":\"TQKEY\",\"method\":\"GET\",\"target\":\"/a%20b\","
                    "\"referer\":null,\"agent\":\"x\\\"y\\u000a\\u00ff\\\\\",\"status\":200,"
                    "\"sent\":5,\"taken\":7,\"duration_ms\":1234.567}\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xml/write", test_write);
    g_test_add_func("/xml/read", test_read);
    g_test_add_func("/access_log/lines", test_access_log);
    return g_test_run();
}
