/* SPDX-License-Identifier: Apache-2.0 */
/* The first picture of an image sequence (heif_track.h). */
#include "fuzz.h"
#include "fuzz_heif.h"

#include "formats/heif_track.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The copy makes a read beyond the end visible. */
    g_autofree uint8_t *bytes = g_memdup2(data, len);
    if (len == 0)
        return 0;
    g_autofree HeifPicture *picture = g_new0(HeifPicture, 1);
    picture->orientation = 1;
    if (heif_track_read(bytes, len, picture)) {
        check_picture(picture, (Bytes){bytes, bytes + len});
        g_assert_true(picture->is_plain == picture->is_track);
        g_assert_false(picture->is_track && picture->unread[0] != '\0');
    }
    heif_picture_clear(picture);
    return 0;
}
