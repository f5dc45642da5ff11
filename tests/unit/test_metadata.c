/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata blocks: the changes in them, and that any bytes are accepted. */
#include "formats/metadata.h"

#include "model/rendition.h"

#include <string.h>

/* One directory with one tag, orientation 6, and a second directory behind it. */
static const uint8_t little[] = {'I', 'I', '*', 0, 8, 0, 0,  0, 1, 0, 0x12, 0x01, 3, 0, 1, 0,
                                 0,   0,   6,   0, 0, 0, 26, 0, 0, 0, 0,    0,    0, 0, 0, 0};
static const uint8_t big[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1,  0x01, 0x12, 0, 3, 0, 0,
                              0,   1,   0, 6,   0, 0, 0, 0, 0, 26, 0,    0,    0, 0, 0, 0};

static const uint8_t *bytes_of(GBytes *bytes)
{
    return g_bytes_get_data(bytes, NULL);
}

static void test_orientation(void)
{
    g_auto(Metadata) metadata = {0};

    metadata_set_exif(&metadata, little, sizeof little);
    g_assert_nonnull(metadata.exif);
    g_assert_cmpint(bytes_of(metadata.exif)[18], ==, 1);
    g_assert_cmpint(bytes_of(metadata.exif)[22], ==, 0);
    metadata_set_exif(&metadata, big, sizeof big);
    g_assert_nonnull(metadata.exif);
    g_assert_cmpint(bytes_of(metadata.exif)[19], ==, 1);
    g_assert_cmpint(bytes_of(metadata.exif)[25], ==, 0);
}

/* Any beginning of a block, and a block with any changed byte, is kept or left out. The reader does
 * not go beyond the end. */
static void test_any_bytes(void)
{
    for (size_t len = 0; len <= sizeof little; len++) {
        g_auto(Metadata) metadata = {0};
        g_autofree uint8_t *copy = g_memdup2(little, len);
        metadata_set_exif(&metadata, copy, len);
        g_assert_true((metadata.exif != NULL) == (len >= 26));
    }
    for (size_t at = 0; at < sizeof big; at++) {
        g_auto(Metadata) metadata = {0};
        g_autofree uint8_t *copy = g_memdup2(big, sizeof big);
        copy[at] ^= 0xff;
        metadata_set_exif(&metadata, copy, sizeof big);
        if (metadata.exif != NULL)
            g_assert_cmpuint(g_bytes_get_size(metadata.exif), ==, sizeof big);
    }
}

static void test_nothing_to_embed(void)
{
    g_auto(Metadata) metadata = {0};
    g_autoptr(GBytes) file = g_bytes_new_static("file", 4);

    metadata_set_xmp(&metadata, "<x/>", 4);
    MetadataEmbed *const embeds[] = {NULL, metadata_embed_jpeg, metadata_embed_png,
                                     metadata_embed_webp};
    for (size_t i = 0; i < G_N_ELEMENTS(embeds); i++) {
        g_autoptr(GBytes) same = metadata_embed(file, embeds[i], &metadata, KEEP_ICC);
        g_assert_true(g_bytes_equal(same, file));
    }
    g_autoptr(GBytes) without = metadata_embed(file, NULL, &metadata, KEEP_XMP);
    g_assert_true(g_bytes_equal(without, file));
    metadata_set_xmp(&metadata, NULL, 0);
    g_assert_null(metadata.xmp);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metadata/orientation", test_orientation);
    g_test_add_func("/metadata/any-bytes", test_any_bytes);
    g_test_add_func("/metadata/nothing-to-embed", test_nothing_to_embed);
    return g_test_run();
}
