/* SPDX-License-Identifier: Apache-2.0 */
#include "base/plain_text.h"

bool plain_text_is_hidden(gunichar character)
{
    GUnicodeType type = g_unichar_type(character);

    return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
           type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR;
}

/*
 * Returns the length in bytes of the visible character at `at`; 0 if no visible character begins
 * there.
 */
static gsize shown_bytes(const char *at)
{
    gunichar character = g_utf8_get_char_validated(at, -1);
    bool is_character = character != (gunichar)-1 && character != (gunichar)-2;

    return is_character && !plain_text_is_hidden(character) ? (gsize)(g_utf8_next_char(at) - at)
                                                            : 0;
}

void plain_text_show(GString *text, gsize start)
{
    gsize at = start;

    while (at < text->len) {
        gsize n = shown_bytes(text->str + at);
        if (n == 0) {
            char shown[sizeof "%XX"];
            g_snprintf(shown, sizeof shown, "%%%02X", (unsigned char)text->str[at]);
            g_string_erase(text, (gssize)at, 1);
            g_string_insert(text, (gssize)at, shown);
            n = sizeof shown - 1;
        }
        at += n;
    }
}
