/* SPDX-License-Identifier: Apache-2.0 */
#include "http/head.h"

#include "base/scan.h"

#include <string.h>

#define METHOD_MAX 32

void http_head_clear(HttpHead *head)
{
    for (size_t i = 0; i < head->n_headers; i++) {
        g_free(head->headers[i].name);
        g_free(head->headers[i].value);
    }
    g_free(head->headers);
    g_free(head->method);
    http_target_clear(&head->target);
    *head = (HttpHead){0};
}

void http_head_add(HttpHead *head, const char *name, const char *value)
{
    head->headers = g_renew(HttpHeader, head->headers, head->n_headers + 1);
    HttpHeader *header = &head->headers[head->n_headers++];
    header->name = g_strdup(name);
    header->value = g_strstrip(g_strdup(value));
}

const char *http_head_get(const HttpHead *head, const char *name)
{
    for (size_t i = 0; i < head->n_headers; i++) {
        if (g_ascii_strcasecmp(head->headers[i].name, name) == 0)
            return head->headers[i].value;
    }
    return NULL;
}

bool http_parse_length(const char *text, int64_t *ret_length)
{
    uint64_t length;
    const char *at = text;

    if (!scan_number(&at, INT64_MAX, &length) || *at)
        return false;
    *ret_length = (int64_t)length;
    return true;
}

static bool is_token(const char *text)
{
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!g_ascii_isalnum(*text) && !strchr("!#$%&'*+-.^_`|~", *text))
            return false;
    }
    return true;
}

static bool is_method(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isupper(text[i]))
            return false;
    }
    return len > 0 && len <= METHOD_MAX;
}

/* True for a value without control characters except tabs. Bytes outside of ASCII pass: the readers
 * of the value check them. */
static bool is_value(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' ? *text != '\t' : *text == 0x7f)
            return false;
    }
    return true;
}

/* The headers that state the end of a message and its host. */
typedef struct {
    size_t hosts, lengths, encodings;
    const char *length, *encoding;
} Framing;

static const char *check_header(const HttpHeader *header, Framing *framing)
{
    if (!is_token(header->name))
        return "the name of a header is no token";
    if (!is_value(header->value))
        return "a header has a control character";
    if (g_ascii_strcasecmp(header->name, "Host") == 0)
        framing->hosts++;
    if (g_ascii_strcasecmp(header->name, "Content-Length") == 0) {
        framing->lengths++;
        framing->length = header->value;
    }
    if (g_ascii_strcasecmp(header->name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->encoding = header->value;
    }
    return NULL;
}

static const char *check_framing(const Framing *framing, bool is_http_1_0)
{
    int64_t length;

    if (framing->hosts != 1)
        return "a request has one Host";
    if (framing->lengths > 1 || framing->encodings > 1)
        return "Content-Length or Transfer-Encoding stands there twice";
    if (framing->lengths && framing->encodings)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (framing->length && !http_parse_length(framing->length, &length))
        return "Content-Length is not a number";
    if (framing->encoding && is_http_1_0)
        return "HTTP/1.0 has no Transfer-Encoding";
    if (framing->encoding && g_ascii_strcasecmp(framing->encoding, "chunked") != 0)
        return "the only Transfer-Encoding is chunked";
    return NULL;
}

const char *http_fence_check(const HttpRawHead *head)
{
    bool is_http_1_0 = strcmp(head->version, "HTTP/1.0") == 0;
    Framing framing = {0};

    if (!is_method(head->method))
        return "the method is no word of capital letters";
    if (!is_http_1_0 && strcmp(head->version, "HTTP/1.1") != 0)
        return "the version is neither HTTP/1.1 nor HTTP/1.0";
    if (head->n_headers > HTTP_HEADERS_MAX)
        return "there are too many headers";
    for (size_t i = 0; i < head->n_headers; i++) {
        const char *fault = check_header(&head->headers[i], &framing);
        if (fault)
            return fault;
    }
    return check_framing(&framing, is_http_1_0);
}
