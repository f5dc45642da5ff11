/* SPDX-License-Identifier: Apache-2.0 */
/* Renditions: names, recipes, and the type of the thumbnail. */
#include "model/rendition.h"

#include <string.h>

static void test_names(void)
{
    for (int i = FIT_INSIDE; i <= FIT_FILL; i++) {
        Fit fit;
        g_assert_true(fit_from_name(fit_name((Fit)i), &fit));
        g_assert_cmpint(fit, ==, i);
    }
    for (int i = FORMAT_JPEG; i <= FORMAT_SAME; i++) {
        Format format;
        g_assert_true(format_from_name(format_name((Format)i), &format));
        g_assert_cmpint(format, ==, i);
    }
    g_assert_cmpstr(fit_name((Fit)(FIT_FILL + 1)), ==, "unknown");
    g_assert_cmpstr(format_name((Format)-1), ==, "unknown");
}

static void test_wrong_names(void)
{
    Fit fit = FIT_COVER;
    Format format = FORMAT_PNG;

    g_assert_false(fit_from_name("", &fit));
    g_assert_false(fit_from_name("unknown", &fit));
    g_assert_false(fit_from_name("Inside", &fit));
    g_assert_false(format_from_name("jpg", &format));
    g_assert_cmpint(fit, ==, FIT_COVER);
    g_assert_cmpint(format, ==, FORMAT_PNG);
}

static const Rendition base = {
    .name = "small",
    .width = 256,
    .height = 128,
    .fit = FIT_INSIDE,
    .format = FORMAT_WEBP,
    .quality = 80,
    .background = 0xffffff,
    .max_frames = 100,
};

static uint64_t recipe_of(Rendition rendition)
{
    rendition_compute_recipe(&rendition);
    return rendition.recipe;
}

/* Each field that shapes the picture changes the recipe; the name does not. */
static void test_recipe(void)
{
    Rendition others[11];
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        others[i] = base;
    others[1].width = 255;
    others[2].height = 127;
    others[3].width = 128, others[3].height = 256;
    others[4].fit = FIT_COVER;
    others[5].format = FORMAT_JPEG;
    others[6].quality = 81;
    others[7].background = 0;
    others[8].animation = ANIMATION_KEEP;
    others[9].max_frames = 99;
    others[10].keep = KEEP_ICC;
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        rendition_compute_recipe(&others[i]);
        g_assert_true(g_hash_table_add(seen, &others[i].recipe));
    }

    Rendition renamed = base;
    g_strlcpy(renamed.name, "large", sizeof renamed.name);
    g_assert_cmphex(recipe_of(renamed), ==, recipe_of(base));
    renamed.recipe = 42;
    g_assert_cmphex(recipe_of(renamed), ==, recipe_of(base));
}

typedef struct {
    Format format;
    ImageType source;
    bool alpha;
    ImageType type;
} TypeCase;

static const TypeCase types[] = {
    {FORMAT_JPEG, IMAGE_PNG, true, IMAGE_JPEG},  {FORMAT_WEBP, IMAGE_PNG, false, IMAGE_WEBP},
    {FORMAT_PNG, IMAGE_JPEG, false, IMAGE_PNG},  {FORMAT_AVIF, IMAGE_JPEG, false, IMAGE_AVIF},
    {FORMAT_JXL, IMAGE_JPEG, false, IMAGE_JXL},  {FORMAT_AUTO, IMAGE_PNG, true, IMAGE_WEBP},
    {FORMAT_AUTO, IMAGE_PNG, false, IMAGE_JPEG}, {FORMAT_SAME, IMAGE_JPEG, false, IMAGE_JPEG},
    {FORMAT_SAME, IMAGE_WEBP, true, IMAGE_WEBP}, {FORMAT_SAME, IMAGE_PNG, true, IMAGE_PNG},
    {FORMAT_SAME, IMAGE_GIF, true, IMAGE_WEBP},  {FORMAT_SAME, IMAGE_HEIC, false, IMAGE_JPEG},
};

/* The output type is always one that can be written. */
static void test_output_type(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        Rendition rendition = base;
        rendition.format = types[i].format;
        g_assert_cmpint(rendition_output_type(&rendition, types[i].source, types[i].alpha), ==,
                        types[i].type);
    }
    for (int format = FORMAT_JPEG; format <= FORMAT_SAME; format++) {
        for (int source = IMAGE_NONE; source < IMAGE_TYPES; source++) {
            Rendition rendition = base;
            rendition.format = (Format)format;
            ImageType type = rendition_output_type(&rendition, (ImageType)source, source % 2);
            g_assert_cmpint(type, !=, IMAGE_NONE);
            g_assert_cmpint(type, !=, IMAGE_OTHER);
        }
    }
}

typedef struct {
    Animation animation;
    Format format;
    ImageType source;
    int frames;
    bool kept;
} AnimationCase;

static const AnimationCase animations[] = {
    {ANIMATION_KEEP, FORMAT_WEBP, IMAGE_GIF, 2, true},
    {ANIMATION_KEEP, FORMAT_AUTO, IMAGE_WEBP, 100, true},
    {ANIMATION_KEEP, FORMAT_SAME, IMAGE_GIF, 2, true},
    {ANIMATION_KEEP, FORMAT_WEBP, IMAGE_GIF, 101, false},
    {ANIMATION_KEEP, FORMAT_WEBP, IMAGE_GIF, 1, false},
    {ANIMATION_KEEP, FORMAT_JPEG, IMAGE_GIF, 2, false},
    {ANIMATION_KEEP, FORMAT_WEBP, IMAGE_TIFF, 2, false},
    {ANIMATION_FIRST, FORMAT_WEBP, IMAGE_GIF, 2, false},
};

static void test_animations(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(animations); i++) {
        const AnimationCase *row = &animations[i];
        Rendition rendition = base;
        rendition.animation = row->animation;
        rendition.format = row->format;
        g_assert_true(rendition_keeps_animation(&rendition, row->source, row->frames) == row->kept);
    }
}

static void test_image_types(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    ImageType type = IMAGE_GIF;

    for (int i = IMAGE_NONE; i < IMAGE_TYPES; i++) {
        const char *name = image_type_name((ImageType)i);
        g_assert_true(g_hash_table_add(names, (gpointer)name));
        g_assert_true(image_type_from_name(name, &type));
        g_assert_cmpint(type, ==, i);
        g_assert_cmpuint(strlen(image_type_extension((ImageType)i)), >, 0);
    }
    g_assert_cmpstr(image_type_name(IMAGE_TYPES), ==, "unknown");
    g_assert_cmpstr(image_type_extension(IMAGE_TYPES), ==, "bin");
    g_assert_true(image_type_from_extension("jpg", &type) && type == IMAGE_JPEG);
    g_assert_false(image_type_from_extension("bin", &type));
    g_assert_false(image_type_from_extension("jpeg", &type));
    g_assert_false(image_type_from_name("unknown", &type));
}

/* Folders with these names are escaped. Another extension would move thumbnails of existing
 * buckets. */
static void test_extensions(void)
{
    static const char *const known[] = {"bin", "jpg",  "png",  "webp", "gif",
                                        "tif", "heic", "avif", "jxl",  NULL};

    for (int i = IMAGE_NONE; i < IMAGE_TYPES; i++)
        g_assert_true(g_strv_contains(known, image_type_extension((ImageType)i)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rendition/names", test_names);
    g_test_add_func("/rendition/wrong-names", test_wrong_names);
    g_test_add_func("/rendition/recipe", test_recipe);
    g_test_add_func("/rendition/output-type", test_output_type);
    g_test_add_func("/rendition/animations", test_animations);
    g_test_add_func("/rendition/image-types", test_image_types);
    g_test_add_func("/rendition/extensions", test_extensions);
    return g_test_run();
}
