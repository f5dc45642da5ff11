/* SPDX-License-Identifier: Apache-2.0 */
#include "s3/part_sizes.h"

#include "base/scan.h"
#include "s3/multipart.h"

static int64_t size_of(const GArray *parts, guint i)
{
    return g_array_index(parts, MultipartPart, i).size;
}

char *part_sizes_format(const GArray *parts)
{
    g_autoptr(GString) out = g_string_new(NULL);
    guint n;

    for (guint i = 0; i < parts->len && out->len <= PART_SIZES_MAX; i += n) {
        for (n = 1; i + n < parts->len && size_of(parts, i + n) == size_of(parts, i);)
            n++;
        g_string_append_printf(out, "%s%" G_GINT64_FORMAT, i ? ";" : "", size_of(parts, i));
        if (n > 1)
            g_string_append_printf(out, "*%u", n);
    }
    return out->len <= PART_SIZES_MAX ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

bool part_sizes_find(const char *text, unsigned number, PartPlace *ret_place, unsigned *ret_count)
{
    uint64_t count = 0, offset = 0, size, n;
    bool is_found = false;

    *ret_count = 0;
    do {
        n = 1;
        if (!scan_number(&text, INT64_MAX / MULTIPART_PARTS_MAX, &size) ||
            (scan_text(&text, "*") && !scan_number(&text, MULTIPART_PARTS_MAX, &n)) || n == 0 ||
            count + n > MULTIPART_PARTS_MAX)
            return false;
        if (number > count && number <= count + n) {
            *ret_place =
                (PartPlace){(int64_t)(offset + (number - count - 1) * size), (int64_t)size};
            is_found = true;
        }
        count += n;
        offset += n * size;
    } while (scan_text(&text, ";"));
    if (*text)
        return false;
    *ret_count = (unsigned)count;
    return is_found;
}
