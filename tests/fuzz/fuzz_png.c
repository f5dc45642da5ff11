/* SPDX-License-Identifier: Apache-2.0 */
/* A PNG file, of which chunks with colours, EXIF, XMP and dates are read. */
#include "fuzz.h"

#include "formats/metadata.h"
#include "formats/png_chunks.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *file = g_memdup2(data, len);
    ColorTags tags = {0};
    PictureDate date;
    ExifFacts exif;
    if (png_colors(file, len, &tags)) {
        g_autoptr(GBytes) profile = color_profile(&tags, false);
        g_assert_true(tags.gamma >= 0);
    }
    (void)png_date(file, len, &date);
    if (png_exif(file, len, &exif))
        g_assert_true(exif.orientation >= 1 && exif.orientation <= 8);
    g_autoptr(GBytes) xmp = png_xmp(file, len);
    g_assert_true(xmp == NULL || g_bytes_get_size(xmp) <= MAX(len, METADATA_BLOCK_MAX));
    size_t at = PNG_SIGNATURE_BYTES, before = 0;
    for (PngChunk chunk; png_next_chunk(file, len, &at, &chunk); before = at) {
        g_assert_cmpuint(at, >, before);
        g_assert_cmpuint(at, <=, len);
        g_assert_true(chunk.start + chunk.size == file + at);
    }
    return 0;
}
