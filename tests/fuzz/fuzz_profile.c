/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours as PNG, HEIC and AVIF state them: a code point of primaries and of the curve, a gamma,
 * and eight places as PNG stores them. Whatever they are, there is no profile, or one that is
 * whole, and light lies between black and white.
 */
#include "fuzz.h"

#include "formats/color_profile.h"
#include "formats/icc.h"

#include <glib.h>

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void check(const ColorTags *tags, bool is_grey)
{
    g_autoptr(GBytes) profile = color_profile(tags, is_grey);
    if (profile == NULL)
        return;
    size_t size;
    const uint8_t *data = g_bytes_get_data(profile, &size);
    g_assert_cmpuint(be32(data), ==, size);
    for (uint32_t i = 0; i < be32(data + 128); i++) {
        const uint8_t *tag = data + 132 + 12 * i;
        g_assert_cmpuint(be32(tag + 4) + be32(tag + 8), <=, size);
    }
    (void)icc_is_srgb(data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 39)
        return 0;
    ColorTags tags = {.primaries = data[0], .transfer = data[1], .has_places = (data[2] & 1) != 0};
    if (data[2] & 2)
        tags.gamma = be32(data + 3) / 100000.0;
    for (size_t i = 0; i < 8; i++)
        tags.places[i] = be32(data + 7 + 4 * i) / 100000.0;
    (void)color_tags_are_known(&tags);
    (void)color_tags_are_plain(&tags);
    for (int i = 0; i <= 16; i++) {
        double light = color_light(&tags, i / 16.0);
        g_assert_true(light >= 0 && light <= 1 + 1e-9);
    }
    check(&tags, false);
    check(&tags, true);
    return 0;
}
