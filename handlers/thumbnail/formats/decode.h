/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the bytes of a file to one upright sRGB picture, in two steps. The first reads the
 * header, which sets the facts and is checked against the limits; only the second reads pixels.
 */
#pragma once

#include "formats/decoder.h"
#include "model/image.h"
#include "pixels/picture.h"
#include "source.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <vips/vips.h>

/* False if a page of this size has more pixels than the limit. Errors: ERROR_TOO_MANY_PIXELS. */
bool decode_check_pixels(const DecodeLimits *limits, uint64_t width, uint64_t height,
                         GError **error);

/*
 * Opens `source`, which must outlive the decoder, and reads its header. Sets the facts that it
 * finds, also if it fails then. `format` comes from sniff; facts->type becomes the type that the
 * file really has. Errors: ERROR_NOT_AN_IMAGE, ERROR_UNSUPPORTED_TYPE, ERROR_DAMAGED,
 * ERROR_TOO_MANY_PIXELS, ERROR_OUT_OF_MEMORY. Owner: decoder_clear.
 */
bool decoder_open(Decoder *decoder, const Source *source, const FileFormat *format,
                  const DecodeLimits *limits, ImageFacts *facts, GError **error);

/* Keeps metadata, too: bits of Keep. Call it before decoder_read. */
void decoder_select_metadata(Decoder *decoder, unsigned keep);

/*
 * Lets decoder_read return planes (see planes.h), narrow or not, if that is less work. Call it
 * before decoder_read.
 */
void decoder_allow_planes(Decoder *decoder, bool narrow);

/*
 * Reads the first page, scaled to exactly `width` x `height` of the upright picture; neither may be
 * larger than the picture. Call it once per decoder. *ret_damaged: only a part of the page could be
 * decoded. Errors: ERROR_DAMAGED, ERROR_UNSUPPORTED_TYPE, ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *decoder_read(Decoder *decoder, int width, int height, bool *ret_damaged, GError **error);

/*
 * Opens all `n_frames` frames of an animation, below one another; NULL with the error. Errors: as
 * decoder_open; ERROR_TOO_MANY_PAGES. Owner: the caller, which has to read them in order.
 */
VipsImage *decoder_open_frames(const Decoder *decoder, int n_frames, GError **error);

/* Reads one frame of these, as decoder_read does the first page. */
Picture *decoder_read_frame(const Decoder *decoder, VipsImage *frames, int index, int width,
                            int height, GError **error);

void decoder_clear(Decoder *decoder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Decoder, decoder_clear)
