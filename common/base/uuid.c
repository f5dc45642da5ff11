/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <glib.h>

char *uuid_format(const uint8_t id[static 16])
{
    GString *text = g_string_sized_new(36);

    for (int i = 0; i < 16; i++)
        g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                               id[i]);
    return g_string_free(text, FALSE);
}
