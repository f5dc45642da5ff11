/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and pictures that people see, made of bytes that others have chosen: names cut to fit,
 * placeholders. */
#include "fuzz.h"
#include "model/image.h"
#include "model/object.h"
#include "views/cells.h"
#include "views/placeholder.h"

#include <locale.h>
#include <string.h>

#define WIDTH_MAX  40
#define PIXELS_MAX 8

/* Cuts a name. The first byte is the number of cells, the rest is a key. */
static void check_name(const uint8_t *data, size_t size)
{
    g_autofree char *key = g_strndup((const char *)data + 1, size - 1);
    if (!object_key_is_valid(key))
        return;
    size_t cells = data[0] % WIDTH_MAX;
    g_autofree char *text = object_key_to_text(key, NULL);
    g_autofree char *cut = cells_cut_name(text, cells);
    g_assert_true(g_utf8_validate(cut, -1, NULL));
    g_assert_cmpuint(cells_count(cut), <=, cells);
    for (const char *at = text; *at;) {
        const char *end = cells_end_of_line(at, cells);
        g_assert_true(end > at);
        at = end + strspn(end, " ");
    }
}

static void check_placeholder(const uint8_t *data, size_t size)
{
    uint8_t rgb[PIXELS_MAX * PIXELS_MAX * 3];
    placeholder_decode(data + 1, MIN(size - 1, THUMBHASH_MAX), 1 + data[0] % PIXELS_MAX,
                       1 + data[0] / PIXELS_MAX % PIXELS_MAX, rgb);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_set;
    if (!is_set)
        is_set = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
    if (size > 0) {
        check_name(data, size);
        check_placeholder(data, size);
    }
    return 0;
}
