/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include "wire.h"

#include <string.h>
#include <vips/vips.h>

/* Words in libvips' and its loaders' messages that mean more than "damaged". */
static const struct {
    const char *words;
    ErrorCode code;
} meanings[] = {
    {"exceeds the maximum image size", ERROR_TOO_MANY_PIXELS}, /* libheif's own limit */
    {"bad seek", ERROR_DAMAGED}, /* the file points past its own end; libheif then lacks "memory" */
    {"out of memory", ERROR_OUT_OF_MEMORY},
    {"unable to allocate", ERROR_OUT_OF_MEMORY},
    {"Memory allocation error", ERROR_OUT_OF_MEMORY},
    {"Unsupported feature", ERROR_UNSUPPORTED_TYPE},
    {"Unsupported codec", ERROR_UNSUPPORTED_TYPE},
    {"compression support is not configured", ERROR_UNSUPPORTED_TYPE},
    {"unsupported tiff image type", ERROR_UNSUPPORTED_TYPE},
    {"class \"", ERROR_INTERNAL}, /* `class "x" not found`: an operation this libvips lacks */
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

/* The line that says why: libheif looks for boxes beyond the end, which then is said first. */
static const char *reason_in(const char *text)
{
    const char *next = strchr(text, '\n');
    bool seek = next != NULL && g_strstr_len(text, next - text, "bad seek") != NULL;
    return seek && next[1] != '\0' ? next + 1 : text;
}

void fault_take(ErrorCode code, GError **error)
{
    g_autofree char *text = vips_error_buffer_copy();
    for (size_t i = 0; i < G_N_ELEMENTS(meanings); i++) {
        if (strstr(text, meanings[i].words) != NULL) {
            code = meanings[i].code;
            break;
        }
    }
    char message[WIRE_MESSAGE_MAX];
    fault_clean_text(reason_in(text), message, sizeof message);
    g_set_error_literal(error, THUMBQ_ERROR, code, message[0] != '\0' ? message : error_text(code));
}
