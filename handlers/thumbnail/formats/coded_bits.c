/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/coded_bits.h"

#include <glib.h>

/*
 * Goes to the next byte, past a 3 that stands behind two zeros only to keep them from looking like
 * a start code.
 */
static void next_byte(CodedBits *bits)
{
    if (bits->skips_threes && bits->zeros >= 2 && bits->at < bits->end && *bits->at == 3) {
        bits->at++;
        bits->zeros = 0;
    }
    if (bits->at >= bits->end) {
        bits->is_past = true;
        bits->byte = 0;
    } else {
        bits->byte = *bits->at++;
        bits->zeros = bits->byte == 0 ? bits->zeros + 1 : 0;
    }
    bits->left = 8;
}

uint32_t bits_read(CodedBits *bits, int n)
{
    uint32_t value = 0;
    while (n-- > 0) {
        if (bits->left == 0)
            next_byte(bits);
        value = value << 1 | (bits->byte >> --bits->left & 1U);
    }
    return value;
}

void bits_skip(CodedBits *bits, int n)
{
    for (; n > 0; n -= 32)
        (void)bits_read(bits, MIN(n, 32));
}

uint64_t bits_read_golomb(CodedBits *bits)
{
    int zeros = 0;
    while (!bits->is_past && bits_read(bits, 1) == 0)
        zeros++;
    if (zeros >= 32) {
        /* No size has so many bits. */
        bits->is_past = true;
        return 0;
    }
    return (UINT64_C(1) << zeros) - 1 + bits_read(bits, zeros);
}
