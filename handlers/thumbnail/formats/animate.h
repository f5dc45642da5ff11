/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Animated renditions: every frame of a GIF or WebP animation, with its delay and the number of
 * loops.
 */
#pragma once

#include "formats/decode.h"
#include "pixels/render.h"

#include <glib.h>

/*
 * Makes `rendition` of the animation that `decoder` is open on, of `n_frames` frames. Holds one
 * frame at a time. Errors: ERROR_DAMAGED if any frame does not decode; ERROR_OUT_OF_MEMORY,
 * ERROR_OUTPUT_TOO_LARGE. Owner: the caller.
 */
GBytes *animate(const Decoder *decoder, const Rendition *rendition, const Geometry *geometry,
                int n_frames, GError **error);
