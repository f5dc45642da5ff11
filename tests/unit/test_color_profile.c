/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/color_profile.h"

#include "formats/icc.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define P3     12
#define BT2020 9

/* The points of a curve at which the light of a value is known. */
typedef struct {
    const char *name;
    ColorTags tags;
    double value, light, slack;
} Light;

/* Source: ITU-R BT.2100, tables 4 and 5, and BT.2408: diffuse white of 203 cd/m2 is 0.5806 in PQ.
 */
static const Light lights[] = {
    {"srgb-dark", {1, 13, 0, false, {0}}, 0.04045, 0.0031308, 1e-6},
    {"srgb-white", {1, 13, 0, false, {0}}, 1, 1, 1e-9},
    {"gamma", {1, 2, 0.5, false, {0}}, 0.5, 0.25, 1e-9},
    {"gamma-22", {1, 4, 0, false, {0}}, 0.5, 0.2176376, 1e-6},
    {"gamma-28", {1, 5, 0, false, {0}}, 0.5, 0.1435873, 1e-6},
    {"linear", {1, 8, 0, false, {0}}, 0.3, 0.3, 1e-9},
    {"pq-black", {9, 16, 0, false, {0}}, 0, 0, 1e-9},
    /* 10 cd/m2, which are below the knee: 10 / 203. */
    {"pq-10", {9, 16, 0, false, {0}}, 0.29970, 0.04926, 1e-3},
    {"pq-1000", {9, 16, 0, false, {0}}, 0.7518, 1, 1e-3},
    {"pq-10000", {9, 16, 0, false, {0}}, 1, 1, 1e-9},
    {"hlg-black", {9, 18, 0, false, {0}}, 0, 0, 1e-9},
    {"hlg-white", {9, 18, 0, false, {0}}, 1, 1, 1e-3},
};

static void test_light(const void *data)
{
    const Light *row = data;
    g_assert_cmpfloat_with_epsilon(color_light(&row->tags, row->value), row->light, row->slack);
    /* The light never falls. */
    double before = -1;
    for (int i = 0; i <= 1000; i++) {
        double light = color_light(&row->tags, i / 1000.0);
        g_assert_cmpfloat(light, >=, before);
        g_assert_cmpfloat(light, <=, 1 + 1e-9);
        before = light;
    }
}

typedef struct {
    const char *name;
    ColorTags tags;
    bool is_known, is_plain, has_profile;
} Kind;

static const Kind kinds[] = {
    {"srgb", {1, 13, 0, false, {0}}, true, true, true},
    {"bt709", {1, 1, 0, false, {0}}, true, true, true},
    {"unknown", {2, 2, 0, false, {0}}, false, true, true},
    {"p3", {P3, 13, 0, false, {0}}, true, false, true},
    {"pq", {BT2020, 16, 0, false, {0}}, true, false, true},
    {"reserved-primaries", {3, 13, 0, false, {0}}, false, true, false},
    {"reserved-transfer", {1, 3, 0, false, {0}}, false, true, true},
    {"transfer-beyond", {1, 19, 0, false, {0}}, false, true, true},
    {"usual-gamma", {2, 2, 0.45455, false, {0}}, false, true, true},
    {"other-gamma", {2, 2, 0.55, false, {0}}, false, false, true},
    {"srgb-places",
     {2, 2, 0, true, {0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06}},
     false,
     true,
     true},
    {"places-on-a-line",
     {2, 2, 0, true, {0.3127, 0.3290, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4}},
     false,
     false,
     false},
    {"places-zero", {2, 2, 0, true, {0}}, false, false, false},
};

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The length, the tags and their places are those of the profile itself. */
static void check_form(GBytes *profile, const char *space, uint32_t n_tags)
{
    size_t size;
    const uint8_t *data = g_bytes_get_data(profile, &size);
    g_assert_cmpuint(be32(data), ==, size);
    g_assert_cmpmem(data + 16, 4, space, 4);
    g_assert_cmpmem(data + 36, 4, "acsp", 4);
    g_assert_cmpuint(be32(data + 128), ==, n_tags);
    for (uint32_t i = 0; i < n_tags; i++) {
        const uint8_t *tag = data + 132 + 12 * i;
        g_assert_cmpuint(be32(tag + 4) % 4, ==, 0);
        g_assert_cmpuint(be32(tag + 4), >=, 132 + 12 * n_tags);
        g_assert_cmpuint(be32(tag + 4) + be32(tag + 8), <=, size);
    }
}

static void test_kind(const void *data)
{
    const Kind *row = data;
    g_assert_cmpint(color_tags_are_known(&row->tags), ==, row->is_known);
    g_assert_cmpint(color_tags_are_plain(&row->tags), ==, row->is_plain);
    g_autoptr(GBytes) color = color_profile(&row->tags, false);
    g_autoptr(GBytes) grey = color_profile(&row->tags, true);
    g_assert_cmpint(color != NULL, ==, row->has_profile);
    g_assert_cmpint(grey != NULL, ==, row->has_profile);
    if (color == NULL)
        return;
    check_form(color, "RGB ", 9);
    check_form(grey, "GRAY", 4);
    size_t size;
    const void *bytes = g_bytes_get_data(color, &size);
    /* The handler's own reader of profiles agrees. */
    bool has_srgb_curve = row->tags.gamma == 0;
    if (row->is_plain && has_srgb_curve)
        g_assert_true(icc_is_srgb(bytes, size));
    else if (!row->is_plain)
        g_assert_false(icc_is_srgb(bytes, size));
}

/* The three colours of each profile add up to the white of profiles. */
static void test_white(void)
{
    static const int primaries[] = {1, 4, 5, 6, 7, 8, 9, 11, 12, 22};
    static const double white[3] = {0.9642, 1.0, 0.8249};
    for (size_t i = 0; i < G_N_ELEMENTS(primaries); i++) {
        const ColorTags tags = {.primaries = primaries[i], .transfer = 13};
        g_autoptr(GBytes) profile = color_profile(&tags, false);
        const uint8_t *data = g_bytes_get_data(profile, NULL);
        double sums[3] = {0};
        for (uint32_t tag = 0; tag < 9; tag++) {
            const uint8_t *entry = data + 132 + 12 * tag;
            if (memcmp(entry + 1, "XYZ", 3) != 0)
                continue;
            for (int axis = 0; axis < 3; axis++)
                sums[axis] += (int32_t)be32(data + be32(entry + 4) + 8 + 4 * axis) / 65536.0;
        }
        for (int axis = 0; axis < 3; axis++)
            g_assert_cmpfloat_with_epsilon(sums[axis], white[axis], 0.001);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(lights); i++) {
        g_autofree char *path = g_strdup_printf("/color-profile/light/%s", lights[i].name);
        g_test_add_data_func(path, &lights[i], test_light);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *path = g_strdup_printf("/color-profile/kind/%s", kinds[i].name);
        g_test_add_data_func(path, &kinds[i], test_kind);
    }
    g_test_add_func("/color-profile/white", test_white);
    return g_test_run();
}
