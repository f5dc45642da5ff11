/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads files by a loader of libvips, as most types are read: functions for the row of a
 * FileFormat, and the parts that the rows' own functions use. The row names the loader; libvips
 * never guesses the type.
 */
#pragma once

#include "formats/color_profile.h"
#include "formats/file_format.h"

/* Opens a file (FileFormat.open). Errors: ERROR_DAMAGED, ERROR_OUT_OF_MEMORY. */
bool vips_reader_open(Decoder *decoder, ImageFacts *facts, GError **error);

/* Sets the orientation of types whose pixels are turned by EXIF (FileFormat.describe). */
void vips_reader_turn_by_exif(Decoder *decoder, ImageFacts *facts, const ExifFacts *exif);

/*
 * Reads the picture (FileFormat.read). Reads strictly first, so that damage is noticed; of a
 * damaged file it returns the rows that decode. Errors: ERROR_DAMAGED, ERROR_OUT_OF_MEMORY, those
 * of the row's is_beyond.
 */
Picture *vips_reader_read(Decoder *decoder, int width, int height, GError **error);

/*
 * Reads the rows of decoder->image that decode (FileFormat.read_part). Errors: ERROR_DAMAGED,
 * ERROR_OUT_OF_MEMORY.
 */
Picture *vips_reader_read_part(const Decoder *decoder, int width, int height, GError **error);

/*
 * Opens the first page on its header. `scale` below 1 asks the decoder for fewer pixels, which only
 * that of WebP supports. NULL: libvips has an error. Owner: the caller.
 */
VipsImage *vips_reader_load(const Decoder *decoder, VipsFailOn fail_on, double scale);

/* Does the same without the row's own function for it (FileFormat.load), which may call this. */
VipsImage *vips_reader_load_plain(const Decoder *decoder, VipsFailOn fail_on, double scale);

/*
 * Opens decoder->image, also of a damaged file; decoder->damaged is set then. False: libvips has an
 * error.
 */
bool vips_reader_try(Decoder *decoder);

/*
 * Sets size, orientation and facts from decoder->image once it is open: the rest of
 * vips_reader_open.
 */
void vips_reader_describe(Decoder *decoder, ImageFacts *facts);

/*
 * Scales `picture`, in the colours of the file, to the size and converts it to the colours that the
 * decoder returns. Errors: as frame_pull. Owner: the caller.
 */
Picture *vips_reader_finish(const Decoder *decoder, const Picture *picture, int width, int height,
                            GError **error);

/* Replaces the profile of `image` by one of these colours, unless they are sRGB. */
void vips_reader_add_profile(VipsImage *image, const ColorTags *tags);

/* Does decoder_open_frames. */
VipsImage *vips_reader_open_frames(const Decoder *decoder, GError **error);
