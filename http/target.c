/* SPDX-License-Identifier: Apache-2.0 */
#include "http/target.h"

#include <string.h>

/* Decodes `len` bytes to `decoded`, which has room for len + 1. Returns the end of the text, its
 * NUL; NULL for a text that cannot be decoded. */
static char *decode(const char *text, size_t len, bool form, char *decoded)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '+' && form) {
            decoded[n++] = ' ';
            continue;
        }
        if (text[i] != '%') {
            decoded[n++] = text[i];
            continue;
        }
        int high = len - i > 2 ? g_ascii_xdigit_value(text[i + 1]) : -1;
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[i + 2]);
        if (low < 0 || high + low == 0)
            return NULL;
        decoded[n++] = (char)(high << 4 | low);
        i += 2;
    }
    decoded[n] = '\0';
    return decoded + n;
}

char *http_percent_decode(const char *text, size_t len, bool form)
{
    g_autofree char *decoded = g_malloc(len + 1);

    return decode(text, len, form, decoded) ? g_steal_pointer(&decoded) : NULL;
}

static bool is_unreserved(char c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void http_percent_encode(GString *out, const char *text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    while (*text) {
        size_t len = 0;
        while (is_unreserved(text[len]) || (text[len] == '/' && keep_slash))
            len++;
        g_string_append_len(out, text, (gssize)len);
        text += len;
        if (!*text)
            return;
        const unsigned char byte = (unsigned char)*text++;
        const char escape[] = {'%', digits[byte >> 4], digits[byte & 15]};
        g_string_append_len(out, escape, sizeof escape);
    }
}

static bool is_plain(const char *raw)
{
    for (const char *at = raw; *at; at++) {
        if (*at <= ' ' || *at > '~')
            return false;
    }
    return true;
}

/* Number of parameters in a query, empty ones among them. */
static size_t count_parameters(const char *query)
{
    size_t n = 1;

    for (; *query; query++)
        n += *query == '&';
    return n;
}

/* Decodes a parameter of `len` bytes to `at`. Returns the place after it; NULL: it cannot be
 * decoded.
 */
static char *parse_parameter(const char *text, size_t len, HttpParameter *parameter, char *at)
{
    const char *equals = memchr(text, '=', len);
    const size_t name_len = equals ? (size_t)(equals - text) : len;
    char *end = decode(text, name_len, true, at);

    if (!end)
        return NULL;
    *parameter = (HttpParameter){.name = at, .value = end, .has_equals = equals != NULL};
    if (!equals)
        return end + 1;
    parameter->value = end + 1;
    end = decode(equals + 1, len - name_len - 1, true, end + 1);
    return end ? end + 1 : NULL;
}

static bool parse_query(const char *query, HttpTarget *target)
{
    const size_t n = count_parameters(query);

    if (n > HTTP_PARAMETERS_MAX)
        return false;
    /* A decoded name or value is not longer than its text, and has a NUL. */
    target->texts = g_malloc(strlen(query) + 2 * n);
    target->parameters = g_new0(HttpParameter, n);
    char *at = target->texts;
    while (at && *query) {
        size_t len = strcspn(query, "&");
        if (len > 0)
            at = parse_parameter(query, len, &target->parameters[target->n_parameters++], at);
        query += len + (query[len] == '&');
    }
    return at != NULL;
}

bool http_target_parse(const char *raw, HttpTarget *ret_target)
{
    g_auto(HttpTarget) target = {0};
    size_t path_len = strcspn(raw, "?");

    if (raw[0] != '/' || strlen(raw) > HTTP_TARGET_MAX || !is_plain(raw))
        return false;
    target.raw_path = g_strndup(raw, path_len);
    target.path = http_percent_decode(raw, path_len, false);
    if (!target.path || (raw[path_len] == '?' && !parse_query(raw + path_len + 1, &target)))
        return false;
    *ret_target = target;
    target = (HttpTarget){0};
    return true;
}

void http_target_clear(HttpTarget *target)
{
    g_free(target->parameters);
    g_free(target->texts);
    g_free(target->raw_path);
    g_free(target->path);
    *target = (HttpTarget){0};
}

const char *http_target_get(const HttpTarget *target, const char *name)
{
    for (size_t i = 0; i < target->n_parameters; i++) {
        if (strcmp(target->parameters[i].name, name) == 0)
            return target->parameters[i].value;
    }
    return NULL;
}
