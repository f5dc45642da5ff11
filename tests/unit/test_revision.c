/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions of image types: which objects a higher revision makes stale. The revisions here are
 * those of the table below, by the linker's --wrap. */
#include "model/rendition.h"
#include "store/record.h"

#include <string.h>

int __wrap_image_type_revision(ImageType type);

static int revisions[IMAGE_TYPES];

int __wrap_image_type_revision(ImageType type)
{
    return revisions[type];
}

static Rendition rendition_of(const char *name, int width)
{
    Rendition rendition = {.width = width,
                           .height = 128,
                           .fit = FIT_INSIDE,
                           .format = FORMAT_WEBP,
                           .quality = 80,
                           .background = 0xffffff,
                           .max_frames = 100};

    g_strlcpy(rendition.name, name, sizeof rendition.name);
    rendition_compute_recipe(&rendition);
    return rendition;
}

static Record record_of(ImageType type, const Rendition *rendition)
{
    Record record = {.state = STATE_DONE, .key = "k", .n_thumbnails = 1, .facts = {.type = type}};
    Thumbnail *thumbnail = &record.thumbnails[0];

    g_strlcpy(thumbnail->rendition, rendition->name, sizeof thumbnail->rendition);
    thumbnail->recipe = rendition_recipe(rendition, type);
    return record;
}

static void reset(void)
{
    memset(revisions, 0, sizeof revisions);
}

/* Stores of versions without revisions hold this value. */
static void test_never_revised(void)
{
    const Rendition rendition = rendition_of("small", 256);

    reset();
    g_assert_cmphex(rendition.recipe, ==, UINT64_C(0x12f097ce2721cff9));
    for (int type = IMAGE_NONE; type < IMAGE_TYPES; type++)
        g_assert_cmphex(rendition_recipe(&rendition, (ImageType)type), ==, rendition.recipe);
}

/* No two revisions of a type have the same recipe, and no revision of two renditions. */
static void test_recipes_differ(void)
{
    const Rendition renditions[] = {rendition_of("small", 256), rendition_of("small", 255)};
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    reset();
    for (int revision = 0; revision < 100; revision++) {
        revisions[IMAGE_GIF] = revision;
        for (size_t i = 0; i < G_N_ELEMENTS(renditions); i++) {
            uint64_t recipe = rendition_recipe(&renditions[i], IMAGE_GIF);
            g_assert_true(g_hash_table_add(seen, g_memdup2(&recipe, sizeof recipe)));
        }
    }
}

/* Objects of the type with a higher revision are stale until they are made again, and no others. */
static void test_stale(void)
{
    const Rendition rendition = rendition_of("small", 256);

    for (int mended = IMAGE_JPEG; mended < IMAGE_OTHER; mended++) {
        Record records[IMAGE_TYPES];
        reset();
        for (int type = IMAGE_JPEG; type < IMAGE_TYPES; type++)
            records[type] = record_of((ImageType)type, &rendition);
        revisions[mended]++;
        for (int type = IMAGE_JPEG; type < IMAGE_TYPES; type++) {
            bool is_stale = record_is_stale(&records[type], &rendition, 1);
            g_assert_cmpint(is_stale, ==, type == mended);
            g_assert_cmpint(record_thumbnail(&records[type], &rendition) != NULL, ==, !is_stale);
        }
        records[mended] = record_of((ImageType)mended, &rendition);
        g_assert_false(record_is_stale(&records[mended], &rendition, 1));
        /* The older program runs again: its pictures differ from the new ones. */
        revisions[mended]--;
        g_assert_true(record_is_stale(&records[mended], &rendition, 1));
    }
}

typedef struct {
    const char *name;
    ObjectState state;
    ImageType type;
    const char *key;
    /* The revision that is raised. */
    ImageType mended;
    bool is_tried_again;
} TriedCase;

static const TriedCase tried[] = {
    {"dead", STATE_DEAD, IMAGE_GIF, "a.gif", IMAGE_GIF, true},
    {"skipped", STATE_SKIPPED, IMAGE_GIF, "a.gif", IMAGE_GIF, true},
    {"of-another-type", STATE_DEAD, IMAGE_PNG, "a.gif", IMAGE_GIF, false},
    {"crashed", STATE_DEAD, IMAGE_NONE, "a.GIF", IMAGE_GIF, true},
    {"not-recognised", STATE_SKIPPED, IMAGE_OTHER, "a.gif", IMAGE_GIF, true},
    {"not-named", STATE_DEAD, IMAGE_NONE, "a", IMAGE_GIF, false},
    {"pending", STATE_PENDING, IMAGE_GIF, "a.gif", IMAGE_GIF, false},
};

/* A dead or skipped object is tried again once, after the revision of its type was raised. */
static void test_tried_again(void)
{
    const Rendition rendition = rendition_of("small", 256);

    for (size_t i = 0; i < G_N_ELEMENTS(tried); i++) {
        const TriedCase *row = &tried[i];
        reset();
        revisions[row->mended] = 3;
        Record record = {
            .state = row->state, .facts.type = row->type, .tried_revision = 3, .key = row->key};
        g_assert_false(record_is_stale(&record, &rendition, 1));
        revisions[row->mended]++;
        if (record_is_stale(&record, &rendition, 1) != row->is_tried_again)
            g_error("%s: the record is%s tried again", row->name,
                    row->is_tried_again ? " not" : "");
        /* An older program would do no better. */
        revisions[row->mended] = 0;
        g_assert_false(record_is_stale(&record, &rendition, 1));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/revision/never-revised", test_never_revised);
    g_test_add_func("/revision/recipes-differ", test_recipes_differ);
    g_test_add_func("/revision/stale", test_stale);
    g_test_add_func("/revision/tried-again", test_tried_again);
    return g_test_run();
}
