/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GIF file, of which the place of the first frame and XMP are read, and to which a frame is
 * added. Whatever the bytes are, a file with the added frame has an end, so that a second one can
 * be added.
 */
#include "fuzz.h"

#include "formats/gif_blocks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *file = g_memdup2(data, len);
    GifPlace place, same;
    size_t size;
    const uint8_t *xmp = gif_xmp(file, len, &size);
    g_assert_true(xmp == NULL || (xmp >= file && size <= len - (size_t)(xmp - file)));
    g_autoptr(GBytes) made = gif_with_clear_frame(file, len);
    bool has_place = gif_first_place(file, len, &place);
    if (made == NULL)
        return 0;
    const uint8_t *bytes = g_bytes_get_data(made, &size);
    g_autoptr(GBytes) again = gif_with_clear_frame(bytes, size);
    g_assert_nonnull(again);
    g_assert_true(gif_first_place(bytes, size, &same));
    if (has_place)
        g_assert_true(place.left == same.left && place.width == same.width);
    return 0;
}
