/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a file to one upright sRGB picture, in two steps: the header, which fills in
 * what is known of the picture and is checked against the limits, and only then the pixels.
 */
#pragma once

#include "image.h"
#include "jpeg_scans.h"
#include "metadata.h"
#include "picture.h"
#include "source.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <vips/vips.h>

typedef struct {
    int64_t max_pixels; /* width x height, of one page */
    int max_pages;
} DecodeLimits;

typedef struct {
    const Source *source;
    GBytes *mended; /* what is read in its place, or NULL */
    ImageType type;
    int width, height; /* as stored */
    int orientation;   /* how its pixels are turned, 1..8 */
    JpegScans scans;   /* of JPEG, else none */
    bool damaged;
    VipsImage *image; /* opened, not yet pulled; NULL for JPEG */
    bool takes_planes, takes_narrow;
    unsigned keep;     /* what is wanted of the metadata: bits of Keep */
    Metadata metadata; /* that, once the picture is read; `icc`: it is not in sRGB, but by this */
} Decoder;

/*
 * Opens `source`, which must outlive the decoder, on its header. Sets the facts it finds also when
 * it then fails. `type` is what sniff_type says; facts->type becomes what the file turns out to be.
 * Errors: ERROR_NOT_AN_IMAGE, ERROR_UNSUPPORTED_TYPE, ERROR_DAMAGED, ERROR_TOO_MANY_PIXELS,
 * ERROR_TOO_MANY_PAGES, ERROR_OUT_OF_MEMORY. Owner: decoder_clear.
 */
bool decoder_open(Decoder *decoder, const Source *source, ImageType type,
                  const DecodeLimits *limits, ImageFacts *facts, GError **error);

/* Also keep metadata: bits of Keep. Before decoder_read. */
void decoder_keep(Decoder *decoder, unsigned keep);

/* Lets decoder_read answer with planes (see planes.h), narrow or not, where that is less work.
 * Before it. */
void decoder_take_planes(Decoder *decoder, bool narrow);

/*
 * The first page, scaled to exactly `width` x `height` as a person sees it; neither is larger than
 * the picture is. Once per decoder. *ret_damaged: only a part of it could be decoded. Errors:
 * ERROR_DAMAGED, ERROR_UNSUPPORTED_TYPE, ERROR_OUT_OF_MEMORY. Owner: the caller.
 */
Picture *decoder_read(Decoder *decoder, int width, int height, bool *ret_damaged, GError **error);

/*
 * All frames of an animation, below one another, opened on their headers; NULL with the error.
 * Errors: as decoder_open. Owner: the caller, who reads them in order.
 */
VipsImage *decoder_open_frames(const Decoder *decoder, GError **error);

/* One of them, as decoder_read the first. */
Picture *decoder_read_frame(const Decoder *decoder, VipsImage *frames, int index, int width,
                            int height, GError **error);

void decoder_clear(Decoder *decoder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Decoder, decoder_clear)
