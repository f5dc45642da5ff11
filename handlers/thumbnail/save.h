/*
 * A finished rendition into its file: encoded, with the metadata it keeps, within the limit.
 */
#pragma once

#include "decode.h"
#include "geometry.h"
#include "wire.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Writes `picture`, whose colours are by metadata->icc or else sRGB, to the empty file `fd`.
 * Errors: ERROR_OUTPUT_TOO_LARGE, ERROR_UNSUPPORTED_TYPE, ERROR_OUT_OF_MEMORY, ERROR_NO_SPACE,
 * ERROR_IO, ERROR_INTERNAL.
 */
bool save_still(const WireJob *job, const Rendition *rendition, const Picture *picture,
                const Metadata *metadata, const ImageFacts *facts, int fd,
                ThumbnailFacts *ret_thumbnail, GError **error);

/* Writes all frames, in sRGB. Errors: as save_still; ERROR_DAMAGED if a frame does not decode:
 * nothing has been written then. */
bool save_animation(const WireJob *job, const Rendition *rendition, const Decoder *decoder,
                    const Geometry *geometry, int n_frames, int fd, ThumbnailFacts *ret_thumbnail,
                    GError **error);
