/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/worker_fault.h"

#include "handlers/wire.h"
#include "sandbox/shortage.h"

#include <string.h>
#include <vips/vips.h>

/* Words in messages of libvips and its loaders that mean another error than "damaged". */
static const struct {
    const char *words;
    ErrorCode code;
} meanings[] = {
    /* libheif's own limit. */
    {"exceeds the maximum image size", ERROR_TOO_MANY_PIXELS},
    /* The file points past its own end; libheif then lacks "memory". */
    {"bad seek", ERROR_DAMAGED},
    {"out of memory", ERROR_OUT_OF_MEMORY},
    {"unable to allocate", ERROR_OUT_OF_MEMORY},
    {"Memory allocation error", ERROR_OUT_OF_MEMORY},
    {"Unsupported feature", ERROR_UNSUPPORTED_TYPE},
    {"Unsupported codec", ERROR_UNSUPPORTED_TYPE},
    {"compression support is not configured", ERROR_UNSUPPORTED_TYPE},
    /* JPEG without loss, and others, in a TIFF. */
    {"Unsupported JPEG process", ERROR_UNSUPPORTED_TYPE},
    {"unsupported tiff image type", ERROR_UNSUPPORTED_TYPE},
    /* `class "x" not found`: an operation that this libvips lacks. */
    {"class \"", ERROR_INTERNAL},
};

void fault_clean_text(const char *text, char *ret_text, size_t size)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    size_t len = 0;
    for (const char *at = valid; *at != '\0' && *at != '\n';) {
        const char *next = g_utf8_next_char(at);
        size_t n = (size_t)(next - at);
        if (len + n >= size)
            break;
        if (!wire_is_plain(g_utf8_get_char(at))) {
            ret_text[len++] = ' ';
        } else {
            memcpy(ret_text + len, at, n);
            len += n;
        }
        at = next;
    }
    ret_text[len] = '\0';
}

/*
 * Returns the line with the reason: libheif searches for boxes beyond the end, which it reports
 * first.
 */
static const char *reason_in(const char *text)
{
    const char *next = strchr(text, '\n');
    bool seek = next != NULL && g_strstr_len(text, next - text, "bad seek") != NULL;
    return seek && next[1] != '\0' ? next + 1 : text;
}

void fault_set_error(ErrorCode code, GError **error)
{
    g_autofree char *text = vips_error_buffer_copy();
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
        if (strstr(text, meanings[i].words) != NULL) {
            code = meanings[i].code;
            break;
        }
    }
    /* Decoders report a failed allocation as damage, or as a feature that they lack. */
    if (shortage_is_seen() && (code == ERROR_DAMAGED || code == ERROR_UNSUPPORTED_TYPE))
        code = ERROR_OUT_OF_MEMORY;
    char message[WIRE_MESSAGE_MAX];
    fault_clean_text(reason_in(text), message, sizeof message);
    g_set_error_literal(error, THUMBQ_ERROR, code, message[0] != '\0' ? message : error_text(code));
}
