/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thumbnail takes along from its source when a rendition says `keep`: profile, EXIF, XMP, as
 * blocks of bytes that are put into a finished file. Nothing in them is understood but the EXIF
 * orientation, which is made 1, as the picture is upright by then. Needs no libvips.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* A larger block is left out; in JPEG, what does not fit one segment. */
#define METADATA_BLOCK_MAX (4 << 20)

typedef struct {
    GBytes *icc;  /* of the pixels as they are; NULL: sRGB */
    GBytes *exif; /* a TIFF block, without "Exif\0\0"; NULL: none */
    GBytes *xmp;  /* NULL: none */
} Metadata;

/* Take a copy of a block of the source; nothing if it is too large. For EXIF, orientation is made 1
 * and the embedded thumbnail is cut off. */
void metadata_take_icc(Metadata *metadata, const void *data, size_t size);
void metadata_take_exif(Metadata *metadata, const void *data, size_t size);
void metadata_take_xmp(Metadata *metadata, const void *data, size_t size);

void metadata_clear(Metadata *metadata);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Metadata, metadata_clear)

/* True if files of `type` can be given metadata here: JPEG, PNG, WebP. */
bool metadata_fits(ImageType type);

/*
 * The file `bytes` of `type`, as this program's encoders write it, with those blocks of `metadata`
 * that `keep` (bits of Keep) names. Without any: the same bytes. Owner: the caller.
 */
GBytes *metadata_embed(GBytes *bytes, ImageType type, const Metadata *metadata, unsigned keep);
