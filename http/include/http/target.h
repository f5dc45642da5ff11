/* SPDX-License-Identifier: Apache-2.0 */
/* The target of a request line: path and query, raw and decoded. A decoded text never holds a NUL:
 * a target with %00 is refused. All functions are pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Longest target, bytes. */
#define HTTP_TARGET_MAX 16384
/* Most parameters of a query. */
#define HTTP_PARAMETERS_MAX 256

typedef struct {
    /* Decoded. A parameter without '=', like `uploads`, has the value "". */
    char *name, *value;
    /* The parameter has a '=', as in `uploads=`. */
    bool has_equals;
} HttpParameter;

typedef struct {
    /* The path as it was sent, up to the '?'. */
    char *raw_path;
    /* The decoded path. It begins with '/'. */
    char *path;
    HttpParameter *parameters;
    size_t n_parameters;
    /* The names and values of the parameters. */
    char *texts;
} HttpTarget;

/*
 * Parses "/path?query". False: the target does not begin with '/', has a '%' without two
 * hexadecimal digits behind it, %00, a control character, a blank or a byte that is no ASCII, or
 * breaks a limit. Owner: http_target_clear.
 */
bool http_target_parse(const char *raw, HttpTarget *ret_target);
void http_target_clear(HttpTarget *target);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpTarget, http_target_clear)

/* Value of the first parameter with this name; NULL if there is none. Borrowed. */
const char *http_target_get(const HttpTarget *target, const char *name);

/*
 * Decodes %XX; with `form`, '+' is a blank. NULL for a '%' without two hexadecimal digits and for
 * %00. Owner: the caller frees.
 */
char *http_percent_decode(const char *text, size_t len, bool form);

/*
 * Appends `text` with all but A-Z a-z 0-9 - . _ ~ as %XX, in capitals; '/' stays where
 * `keep_slash`. Source: AWS Signature Version 4, UriEncode.
 */
void http_percent_encode(GString *out, const char *text, bool keep_slash);
