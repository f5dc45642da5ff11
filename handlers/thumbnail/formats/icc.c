/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/icc.h"

#include <glib.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define HEADER_BYTES 128
#define TAG_BYTES    12
#define TAGS_MAX     100

/* Tolerance of primaries: differences between the published roundings are half of this. */
#define COLORANT_SLACK 0.002
/* Tolerance of curves: half a step of 8 bits is 0.00196. */
#define CURVE_SLACK   0.0015
#define CURVE_SAMPLES 64

typedef struct {
    const uint8_t *data;
    size_t size;
} ProfileBytes;

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Reads an s15Fixed16Number. */
static double fixed(const uint8_t *p)
{
    return (int32_t)be32(p) / 65536.0;
}

/* Finds the element of a tag, of at least `min` bytes. False if the profile has none. */
static bool find_tag(const ProfileBytes *profile, const char *signature, size_t min,
                     ProfileBytes *ret_element)
{
    if (profile->size < HEADER_BYTES + 4)
        return false;
    size_t n = MIN(be32(profile->data + HEADER_BYTES), TAGS_MAX);
    for (size_t i = 0; i < n; i++) {
        size_t at = HEADER_BYTES + 4 + i * TAG_BYTES;
        if (at + TAG_BYTES > profile->size)
            return false;
        const uint8_t *tag = profile->data + at;
        if (memcmp(tag, signature, 4) != 0)
            continue;
        size_t offset = be32(tag + 4), size = be32(tag + 8);
        if (size < min || offset > profile->size || size > profile->size - offset)
            return false;
        *ret_element = (ProfileBytes){profile->data + offset, size};
        return true;
    }
    return false;
}

/* Checks that the profile has about this colour under the signature. */
static bool has_colorant(const ProfileBytes *profile, const char *signature, const double xyz[3])
{
    ProfileBytes element;
    if (!find_tag(profile, signature, 20, &element) || memcmp(element.data, "XYZ ", 4) != 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (fabs(fixed(element.data + 8 + 4 * i) - xyz[i]) > COLORANT_SLACK)
            return false;
    }
    return true;
}

/* Returns the linear light of a stored value, by the curve of IEC 61966-2-1. */
static double srgb_curve(double x)
{
    return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4);
}

/* Reads a parametricCurveType, only in the form of the sRGB curve itself. */
static bool read_parametric(const ProfileBytes *element, double x, double *ret_y)
{
    if (element->size < 32 || element->data[8] != 0 || element->data[9] != 3)
        return false;
    const uint8_t *p = element->data + 12;
    double g = fixed(p), a = fixed(p + 4), b = fixed(p + 8), c = fixed(p + 12), d = fixed(p + 16);
    *ret_y = x >= d ? pow(MAX(a * x + b, 0), g) : c * x;
    return true;
}

/* Reads a curveType that is a table. Short tables are plain powers, or too coarse to compare. */
static bool read_table(const ProfileBytes *element, double x, double *ret_y)
{
    size_t n = be32(element->data + 8);
    if (n < 256 || n > (element->size - 12) / 2)
        return false;
    double at = x * (double)(n - 1);
    size_t low = MIN((size_t)at, n - 2);
    const uint8_t *p = element->data + 12 + 2 * low;
    double y0 = p[0] << 8 | p[1], y1 = p[2] << 8 | p[3];
    *ret_y = (y0 + (y1 - y0) * (at - (double)low)) / 65535;
    return true;
}

/* Checks that the curve under this signature is about that of sRGB. */
static bool has_curve(const ProfileBytes *profile, const char *signature)
{
    ProfileBytes element;
    if (!find_tag(profile, signature, 12, &element))
        return false;
    bool table = memcmp(element.data, "curv", 4) == 0;
    if (!table && memcmp(element.data, "para", 4) != 0)
        return false;
    for (int i = 0; i <= CURVE_SAMPLES; i++) {
        double x = (double)i / CURVE_SAMPLES, y;
        if (!(table ? read_table(&element, x, &y) : read_parametric(&element, x, &y)) ||
            !(fabs(y - srgb_curve(x)) <= CURVE_SLACK))
            return false;
    }
    return true;
}

bool icc_is_srgb(const void *data, size_t size)
{
    /* The primaries of sRGB, adapted to the white of profiles (D50). */
    static const double red[] = {0.4361, 0.2225, 0.0139};
    static const double green[] = {0.3851, 0.7169, 0.0971};
    static const double blue[] = {0.1431, 0.0606, 0.7142};
    const ProfileBytes profile = {data, size};
    ProfileBytes table;
    return size > HEADER_BYTES && memcmp(profile.data + 16, "RGB XYZ ", 8) == 0 &&
           !find_tag(&profile, "A2B0", 0, &table) && has_colorant(&profile, "rXYZ", red) &&
           has_colorant(&profile, "gXYZ", green) && has_colorant(&profile, "bXYZ", blue) &&
           has_curve(&profile, "rTRC") && has_curve(&profile, "gTRC") &&
           has_curve(&profile, "bTRC");
}

bool icc_is_rgb(const void *data, size_t size)
{
    return size >= 128 && memcmp((const uint8_t *)data + 16, "RGB ", 4) == 0;
}

bool icc_is_grey(const void *data, size_t size)
{
    return size >= 128 && memcmp((const uint8_t *)data + 16, "GRAY", 4) == 0;
}
