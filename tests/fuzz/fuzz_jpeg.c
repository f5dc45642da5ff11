/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JPEG file, decoded by libjpeg-turbo with the hook of jpeg/ and without. Whatever the bytes are,
 * the hook refuses them, or libjpeg finds no fault and the pixels are the same. Then with the scans
 * alone that the scale needs. The last byte chooses the scale and the form of the pixels.
 */
#include "fuzz.h"

#include "jpeg_compare.h"

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    unsigned way = data[len - 1];
    /* The copy makes a read beyond the end of the file visible. */
    g_autofree uint8_t *file = g_memdup2(data, len - 1);
    unsigned denominator = 1u << (way & 3);
    bool planes = (way & 4) != 0, flattened;
    (void)jpeg_compare(file, len - 1, denominator, planes);
    (void)jpeg_compare_scans(file, len - 1, denominator, planes, &flattened);
    return 0;
}
