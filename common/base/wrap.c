/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wrap.h"

#include <stdbool.h>
#include <string.h>

static const char blanks[] = " \n";

void wrap_append(GString *out, size_t column, const char *text, const char *prefix, size_t width)
{
    size_t indent = (size_t)g_utf8_strlen(prefix, -1);
    /* True until the line has a word of the text. */
    bool begins = true;
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        size_t len = strcspn(text, blanks);
        size_t cells = (size_t)g_utf8_strlen(text, (gssize)len);
        if (!begins && column + 1 + cells > width) {
            g_string_append_printf(out, "\n%s", prefix);
            column = indent;
            begins = true;
        }
        if (!begins)
            g_string_append_c(out, ' ');
        g_string_append_len(out, text, (gssize)len);
        column += cells + !begins;
        begins = false;
        text += len;
    }
}
