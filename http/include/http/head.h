/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request, and the check that it has to pass (the fence). The parser of the HTTP
 * library is lenient. The fence refuses a head that two programs could read in two ways, so that no
 * second request can be hidden in it (request smuggling, RFC 9112 section 11.2). All functions are
 * pure.
 */
#pragma once

#include "http/target.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most headers of a request. */
#define HTTP_HEADERS_MAX 128

typedef struct {
    /* The value has no blanks at its ends. */
    char *name, *value;
} HttpHeader;

typedef struct {
    char *method;
    HttpTarget target;
    /* The headers, in the order of the request. */
    HttpHeader *headers;
    size_t n_headers;
} HttpHead;

void http_head_clear(HttpHead *head);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpHead, http_head_clear)

/* Appends a header with copies of both texts, without the blanks around the value. */
void http_head_add(HttpHead *head, const char *name, const char *value);

/* Value of the first header with this name, in any case; NULL if there is none. Borrowed. */
const char *http_head_get(const HttpHead *head, const char *name);

/* A request line and its headers as they were received. */
typedef struct {
    const char *method, *target, *version;
    const HttpHeader *headers;
    size_t n_headers;
} HttpRawHead;

/*
 * Checks a head. NULL: it may be served; else the reason for the refusal, static. Refused are: a
 * method that is not a word of capital letters, versions other than HTTP/1.0 and HTTP/1.1, names of
 * headers that are not tokens, control characters in values, more headers than HTTP_HEADERS_MAX; no
 * or several Host; several Content-Length or Transfer-Encoding, both of them, a Content-Length that
 * is not a plain number, a Transfer-Encoding other than `chunked`, any in HTTP/1.0.
 */
const char *http_fence_check(const HttpRawHead *head);

/*
 * Parses the value of a Content-Length: digits only. False: it is anything else, or over INT64_MAX.
 */
bool http_parse_length(const char *text, int64_t *ret_length);
