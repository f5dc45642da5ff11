/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of a HEIC or AVIF file (heif_picture.h), as the handler has it read: references are
 * counted first. */
#include "fuzz.h"
#include "fuzz_heif.h"

#include "formats/heif_tiles.h"

#define PIXELS_MAX (INT64_C(1) << 28)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *bytes = g_memdup2(data, len);
    HeifClaims claims;
    if (len == 0 || !heif_tiles_check(bytes, len, PIXELS_MAX, &claims, NULL))
        return 0;
    g_autofree HeifPicture *picture = g_new0(HeifPicture, 1);
    if (heif_picture_read(bytes, len, picture))
        check_picture(picture, (Bytes){bytes, bytes + len});
    heif_picture_clear(picture);
    return 0;
}
