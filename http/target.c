/* SPDX-License-Identifier: Apache-2.0 */
#include "http/target.h"

#include <string.h>

char *http_percent_decode(const char *text, size_t len, bool form)
{
    char *decoded = g_malloc(len + 1);
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
        if (low < 0 || high + low == 0) {
            g_free(decoded);
            return NULL;
        }
        decoded[n++] = (char)(high << 4 | low);
        i += 2;
    }
    decoded[n] = '\0';
    return decoded;
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

static bool parse_query(const char *query, HttpTarget *target)
{
    GArray *parameters = g_array_new(FALSE, FALSE, sizeof(HttpParameter));
    bool ok = true;

    while (ok && *query) {
        size_t len = strcspn(query, "&");
        const char *equals = memchr(query, '=', len);
        size_t name_len = equals ? (size_t)(equals - query) : len;
        if (len > 0) {
            HttpParameter parameter = {
                .name = http_percent_decode(query, name_len, true),
                .value = equals ? http_percent_decode(equals + 1, len - name_len - 1, true)
                                : g_strdup(""),
                .has_equals = equals != NULL,
            };
            g_array_append_val(parameters, parameter);
            ok = parameter.name && parameter.value && parameters->len <= HTTP_PARAMETERS_MAX;
        }
        query += len + (query[len] == '&');
    }
    target->n_parameters = parameters->len;
    target->parameters = (HttpParameter *)(void *)g_array_free(parameters, FALSE);
    return ok;
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
    for (size_t i = 0; i < target->n_parameters; i++) {
        g_free(target->parameters[i].name);
        g_free(target->parameters[i].value);
    }
    g_free(target->parameters);
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
