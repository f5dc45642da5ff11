/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes a finished rendition to the bytes of its thumbnail, with the metadata that it keeps. */
#pragma once

#include "formats/decode.h"
#include "model/image.h"
#include "model/rendition.h"
#include "pixels/geometry.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Encodes `picture`, whose colours are in the space of metadata->icc, or sRGB without it. Errors:
 * ERROR_UNSUPPORTED_TYPE, ERROR_OUT_OF_MEMORY, ERROR_INTERNAL. Owner of the bytes: the caller.
 */
bool save_still(const Rendition *rendition, const Picture *picture, const Metadata *metadata,
                const ImageFacts *facts, GBytes **ret_bytes, ThumbnailFacts *ret_thumbnail,
                GError **error);

/* Encodes all frames, in sRGB. Errors: as save_still; ERROR_DAMAGED if a frame does not decode. */
bool save_animation(const Rendition *rendition, const Decoder *decoder, const Geometry *geometry,
                    int n_frames, GBytes **ret_bytes, ThumbnailFacts *ret_thumbnail,
                    GError **error);
