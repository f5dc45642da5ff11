/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of HEVC or AV1 as libheif passes it to a decoder. Whatever the bytes are, each slice
 * counts as a part of a picture, the slices of one picture follow one another, and sizes stay
 * within their bounds.
 */
#include "fuzz.h"

#include "formats/coded_av1.h"
#include "formats/coded_hevc.h"

#include <glib.h>

static void check(Coded coded)
{
    g_assert_cmpint(coded.pixels, >=, 0);
    g_assert_cmpint(coded.pixels, <=, INT64_C(1) << 40);
    g_assert_cmpint(coded.part, >=, coded.kind == CODED_SLICE ? 1 : 0);
    g_assert_cmpint(coded.part, <=, CODED_WHOLE);
}

/* Reads NAL units; a byte with the length precedes each. */
static void read_hevc(const uint8_t *data, size_t len)
{
    HevcStream stream = {0};
    int32_t part = CODED_WHOLE;
    while (len > 0) {
        size_t size = MIN(*data, len - 1);
        /* The copy makes a read beyond the end of the unit visible. */
        g_autofree uint8_t *nal = g_memdup2(data + 1, size);
        Coded coded = coded_hevc(nal, size, &stream);
        check(coded);
        if (coded.kind == CODED_SLICE)
            g_assert_cmpint(coded.part, <=, part);
        if (coded.kind == CODED_PICTURE || coded.kind == CODED_SLICE)
            part = coded.kind == CODED_SLICE ? coded.part : CODED_WHOLE;
        data += 1 + size;
        len -= 1 + size;
    }
}

static void read_av1(const uint8_t *data, size_t len)
{
    Av1Sequence sequence = {0};
    while (len > 0) {
        size_t taken = 0;
        check(coded_av1(data, len, &sequence, &taken));
        g_assert_cmpuint(taken, >=, 1);
        g_assert_cmpuint(taken, <=, len);
        data += taken;
        len -= taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] % 2 == 0)
        read_hevc(data + 1, len - 1);
    else
        read_av1(data + 1, len - 1);
    return 0;
}
