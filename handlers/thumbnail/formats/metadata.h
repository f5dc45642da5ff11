/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metadata that a thumbnail keeps from its source if the rendition has `keep`: profile, EXIF
 * and XMP, as blocks of bytes that are put into a finished file. Only the EXIF orientation is
 * interpreted: it becomes 1, as the picture is upright by then. Needs no libvips.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A larger block is left out, bytes; in JPEG, also a block that does not fit one segment. */
#define METADATA_BLOCK_MAX (4 << 20)

typedef struct {
    /* The profile of the pixels; NULL: sRGB. */
    GBytes *icc;
    /* A TIFF block, without "Exif\0\0"; NULL: none. */
    GBytes *exif;
    /* NULL: none. */
    GBytes *xmp;
} Metadata;

/*
 * Copies a block of the source; without effect if it is too large. In EXIF, the orientation becomes
 * 1 and the embedded thumbnail is cut off.
 */
void metadata_set_icc(Metadata *metadata, const void *data, size_t size);
void metadata_set_exif(Metadata *metadata, const void *data, size_t size);
void metadata_set_xmp(Metadata *metadata, const void *data, size_t size);

void metadata_clear(Metadata *metadata);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Metadata, metadata_clear)

/*
 * Appends `file` with all of `metadata`. `file` is of one type, and written by the encoders of this
 * program.
 */
typedef void MetadataEmbed(GByteArray *out, const uint8_t *file, size_t size,
                           const Metadata *metadata);
MetadataEmbed metadata_embed_jpeg, metadata_embed_png, metadata_embed_webp;

/*
 * Returns the file `bytes` with the blocks of `metadata` that `keep` (bits of Keep) names, put in
 * by the function of its type. Without blocks, or without a function: the same bytes. Owner: the
 * caller.
 */
GBytes *metadata_embed(GBytes *bytes, MetadataEmbed *embed, const Metadata *metadata,
                       unsigned keep);
