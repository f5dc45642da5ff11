/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include <glib.h>

/* All that a text may have, beside letters, digits and "-._~". */
#define PLAIN " !\"#$&'()*+,/:;<=>?@[\\]^`{|}"

char *page_escape(const char *name)
{
    return g_uri_escape_string(name, PLAIN, TRUE);
}

char *page_unescape(const char *text)
{
    return g_uri_unescape_string(text, NULL);
}
