/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_samples.h"

#include <glib.h>
#include <math.h>
#include <string.h>

bool samples_are_known(const Samples *samples, SamplesKind *ret_kind)
{
    unsigned bits = samples->bits;
    if (samples->is_float) {
        *ret_kind = SAMPLES_FLOAT;
        return bits == 16 || bits == 24 || bits == 32 || bits == 64;
    }
    if (samples->is_lab) {
        *ret_kind = SAMPLES_FLOAT;
        return bits == 8 || bits == 16;
    }
    *ret_kind = bits <= 8 ? SAMPLES_8 : SAMPLES_16;
    return bits >= 1 && bits <= 32;
}

size_t samples_bytes(SamplesKind kind)
{
    return kind == SAMPLES_8 ? 1 : kind == SAMPLES_16 ? 2 : sizeof(float);
}

/* Returns sample `i` of those that are packed with the highest bit first. */
static uint32_t packed(const uint8_t *row, size_t i, unsigned bits)
{
    size_t at = i * bits;
    uint64_t value = 0;
    unsigned taken = 0, skipped = at % 8;
    for (const uint8_t *byte = row + at / 8; taken < skipped + bits; byte++, taken += 8)
        value = value << 8 | *byte;
    value >>= taken - skipped - bits;
    return (uint32_t)(value & ((UINT64_C(1) << bits) - 1));
}

/* Returns sample `i` of a row of whole numbers, unscaled. */
static uint32_t whole(const Samples *samples, const uint8_t *row, size_t i)
{
    uint16_t half;
    uint32_t word;
    switch (samples->bits) {
    case 8:
        return row[i];
    case 16:
        memcpy(&half, row + 2 * i, sizeof half);
        return half;
    case 32:
        memcpy(&word, row + 4 * i, sizeof word);
        return word;
    case 24:
        row += 3 * i;
        return G_BYTE_ORDER == G_LITTLE_ENDIAN
                   ? (uint32_t)row[2] << 16 | (uint32_t)row[1] << 8 | row[0]
                   : (uint32_t)row[0] << 16 | (uint32_t)row[1] << 8 | row[2];
    default:
        return packed(row, i, samples->bits);
    }
}

static bool is_first(const Samples *samples, size_t i)
{
    return samples->per_pixel <= 1 || i % samples->per_pixel == 0;
}

static bool is_inverted(const Samples *samples, size_t i)
{
    return samples->is_inverted && is_first(samples, i);
}

/* Returns sample `i`, which has the number `value`, scaled. */
static uint32_t scale(const Samples *samples, uint32_t value, size_t i)
{
    unsigned bits = samples->bits;
    if (samples->is_index && is_first(samples, i))
        return value;
    uint32_t top = bits == 32 ? UINT32_MAX : (UINT32_C(1) << bits) - 1;
    if (samples->is_signed)
        value ^= UINT32_C(1) << (bits - 1);
    if (is_inverted(samples, i))
        value = top - value;
    if (bits == 8 || bits == 16)
        return value;
    if (bits > 16)
        return value >> (bits - 16);
    uint32_t most = bits < 8 ? 255 : 65535;
    return (value * most + top / 2) / top;
}

/* Returns a float number of 16 bits (IEEE 754), or of 24 with 7 for the exponent. */
static float small_float(uint32_t value, unsigned exponent_bits, unsigned fraction_bits)
{
    int bias = (1 << (exponent_bits - 1)) - 1;
    uint32_t fraction = value & ((UINT32_C(1) << fraction_bits) - 1);
    int exponent = (int)(value >> fraction_bits & ((UINT32_C(1) << exponent_bits) - 1));
    float sign = value >> (exponent_bits + fraction_bits) & 1 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1)
        return fraction == 0 ? sign * INFINITY : 0;
    float part = (float)fraction / (float)(UINT32_C(1) << fraction_bits);
    return exponent == 0 ? sign * ldexpf(part, 1 - bias) : sign * ldexpf(1 + part, exponent - bias);
}

/* Returns the place of sample `i` in its pixel. */
static unsigned band_of(const Samples *samples, size_t i)
{
    return samples->band + (unsigned)(samples->per_pixel > 1 ? i % samples->per_pixel : 0);
}

/* Returns sample `i` of a picture in L*a*b* of whole numbers. */
static float lab_number(const Samples *samples, const uint8_t *row, size_t i)
{
    uint32_t value = whole(samples, row, i);
    float top = samples->bits == 8 ? UINT8_MAX : UINT16_MAX;
    unsigned band = band_of(samples, i);
    if (band == 1 || band == 2)
        return samples->bits == 8 ? (float)(int8_t)value : (float)(int16_t)value / 256;
    return (band == 0 ? 100.0F : 1.0F) * (float)value / top;
}

/* Returns sample `i` of a row of floating-point numbers; 0 for NaN. */
static float number(const Samples *samples, const uint8_t *row, size_t i)
{
    float single;
    double wide;
    if (samples->is_lab && !samples->is_float)
        return lab_number(samples, row, i);
    switch (samples->bits) {
    case 32:
        memcpy(&single, row + 4 * i, sizeof single);
        break;
    case 64:
        memcpy(&wide, row + 8 * i, sizeof wide);
        single = (float)wide;
        break;
    case 16:
        single = small_float(whole(samples, row, i), 5, 10);
        break;
    default:
        single = small_float(whole(samples, row, i), 7, 16);
        break;
    }
    if (samples->is_lab && band_of(samples, i) > 2)
        single /= UINT8_MAX;
    return isnan(single) ? 0 : is_inverted(samples, i) ? 1 - single : single;
}

void samples_convert(const Samples *samples, const uint8_t *row, size_t n, void *to, size_t step)
{
    SamplesKind kind;
    if (!samples_are_known(samples, &kind))
        return;
    for (size_t i = 0; i < n; i++) {
        if (kind == SAMPLES_FLOAT)
            ((float *)to)[i * step] = number(samples, row, i);
        else if (kind == SAMPLES_16)
            ((uint16_t *)to)[i * step] = (uint16_t)scale(samples, whole(samples, row, i), i);
        else
            ((uint8_t *)to)[i * step] = (uint8_t)scale(samples, whole(samples, row, i), i);
    }
}

/* Returns a whole number of `most` at the most, of a pixel whose alpha is `alpha`. */
static uint32_t divide(uint32_t value, uint32_t alpha, uint32_t most)
{
    return alpha == 0 ? 0 : (uint32_t)MIN(((uint64_t)value * most + alpha / 2) / alpha, most);
}

static void divide_floats(float *pixel, int bands, int alpha)
{
    float opacity = pixel[alpha];
    for (int i = 0; i < bands; i++) {
        if (i != alpha)
            pixel[i] =
                opacity > 0 && isfinite(opacity) && isfinite(pixel[i]) ? pixel[i] / opacity : 0;
    }
}

void samples_divide_by_alpha(SamplesKind kind, void *pixels, size_t n, int bands, int alpha)
{
    for (size_t at = 0; at < n * (size_t)bands; at += (size_t)bands) {
        uint8_t *bytes = (uint8_t *)pixels + at;
        uint16_t *words = (uint16_t *)pixels + at;
        if (kind == SAMPLES_FLOAT) {
            divide_floats((float *)pixels + at, bands, alpha);
            continue;
        }
        for (int i = 0; i < bands; i++) {
            if (i == alpha)
                continue;
            if (kind == SAMPLES_8)
                bytes[i] = (uint8_t)divide(bytes[i], bytes[alpha], UINT8_MAX);
            else
                words[i] = (uint16_t)divide(words[i], words[alpha], UINT16_MAX);
        }
    }
}
