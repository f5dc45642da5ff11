/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row of TIFF samples; the first two bytes say of which kind. Whatever the bytes are, the row is
 * not left, and a sample is converted alike wherever its result goes.
 */
#include "fuzz.h"

#include "formats/tiff_samples.h"

#include <glib.h>
#include <string.h>

#define STEP 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    const Samples samples = {.bits = data[0] % 80,
                             .is_signed = data[1] & 1,
                             .is_float = (data[1] & 2) != 0,
                             .is_inverted = (data[1] & 4) != 0,
                             .is_lab = (data[1] & 64) != 0,
                             .per_pixel = data[1] >> 3 & 7};
    SamplesKind kind;
    if (!samples_are_known(&samples, &kind))
        return 0;
    size_t n = (len - 2) * 8 / samples.bits, bytes = samples_bytes(kind);
    /* Copies of the exact size make a read or a write beyond the end visible. */
    g_autofree uint8_t *row = g_memdup2(data + 2, (n * samples.bits + 7) / 8);
    g_autofree uint8_t *dense = g_malloc0(n * bytes), *wide = g_malloc0(n * bytes * STEP);
    samples_convert(&samples, row, n, dense, 1);
    samples_convert(&samples, row, n, wide, STEP);
    for (size_t i = 0; i < n; i++)
        g_assert_cmpint(memcmp(dense + i * bytes, wide + i * bytes * STEP, bytes), ==, 0);
    return 0;
}
