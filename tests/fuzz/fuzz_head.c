/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request: "METHOD TARGET VERSION" and a line for each header, as the HTTP library
 * passes them on. */
#include "fuzz.h"
#include "http/head.h"

#include <string.h>

/* Checks that a decoded target is the same after encoding and decoding. */
static void check_target(const char *raw)
{
    g_auto(HttpTarget) target = {0}, again = {0};

    if (!http_target_parse(raw, &target))
        return;
    g_assert_true(target.path[0] == '/' || target.raw_path[0] == '/');
    g_autoptr(GString) text = g_string_new("/");
    http_percent_encode(text, target.path + 1, true);
    for (size_t i = 0; i < target.n_parameters; i++) {
        g_string_append_c(text, i ? '&' : '?');
        http_percent_encode(text, target.parameters[i].name, false);
        g_string_append_c(text, '=');
        http_percent_encode(text, target.parameters[i].value, false);
    }
    if (text->len > HTTP_TARGET_MAX)
        return;
    g_assert_true(http_target_parse(text->str, &again));
    g_assert_cmpstr(again.path, ==, target.path);
    g_assert_cmpuint(again.n_parameters, ==, target.n_parameters);
    for (size_t i = 0; i < target.n_parameters; i++) {
        g_assert_cmpstr(again.parameters[i].name, ==, target.parameters[i].name);
        g_assert_cmpstr(again.parameters[i].value, ==, target.parameters[i].value);
    }
}

static void check_fence(char **lines)
{
    HttpHeader headers[HTTP_HEADERS_MAX];
    g_auto(GStrv) words = g_strsplit(lines[0], " ", 3);
    size_t n = 0, hosts = 0, lengths = 0, encodings = 0;

    if (g_strv_length(words) != 3)
        return;
    check_target(words[1]);
    for (char **line = lines + 1; *line && n < HTTP_HEADERS_MAX; line++) {
        char *colon = strchr(*line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        headers[n++] = (HttpHeader){*line, colon + 1};
        hosts += g_ascii_strcasecmp(*line, "Host") == 0;
        lengths += g_ascii_strcasecmp(*line, "Content-Length") == 0;
        encodings += g_ascii_strcasecmp(*line, "Transfer-Encoding") == 0;
    }
    const HttpRawHead head = {words[0], words[1], words[2], headers, n};
    if (!http_fence_check(&head))
        g_assert_true(hosts == 1 && lengths + encodings <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    g_autofree char *text = g_strndup((const char *)data, len);
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);

    if (lines[0])
        check_fence(lines);
    return 0;
}
