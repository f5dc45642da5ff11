/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A type of image files: how a file is recognized, read, and written. Each type is a row, in a file
 * of its own (NAME_format.c) that is listed in file_formats.c. The code that works on all types
 * asks the row, and names no type.
 *
 * A type's name, its extension and its revision are rows of common/model/image.c, as the daemon
 * stores and compares them. Raise the revision there when thumbnails of the type change.
 */
#pragma once

#include "formats/decoder.h"
#include "formats/exif.h"
#include "formats/metadata.h"
#include "model/image.h"
#include "pixels/picture.h"
#include "source.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vips/vips.h>

/* The first bytes of files of a type. */
typedef struct {
    /* NULL: the end of a list. */
    const char *bytes;
    size_t len;
} Magic;

#define MAGIC(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define MAGICS(...)                                                                                \
    (const Magic[])                                                                                \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

struct FileFormat {
    ImageType type;

    /*
     * A file is of this type if one of these three fits. If magics of several types fit, the
     * longest decides. `brands` are those of ISO base media files (`ftyp`). `begins` gets the first
     * SNIFF_BYTES.
     */
    const Magic *magics;
    const char *const *brands;
    bool (*begins)(const uint8_t *data, size_t len);

    /* For a type that is not read: what such a file is, and what to do with it. Otherwise NULL. */
    const char *unread;
    /* The operation of libvips that reads it, for vips_reader.h. NULL: libvips does not read it. */
    const char *loader;
    /*
     * Opens the first picture for vips_reader.h. NULL: the loader does, and `scale` counts. A
     * result of NULL: libvips has an error.
     */
    VipsImage *(*load)(const Decoder *decoder, VipsFailOn fail_on);
    /*
     * Returns a file that has the same frames as the source, and is read in its place when all
     * frames are. NULL: the source is read. Owner: the caller.
     */
    GBytes *(*mend_frames)(const Decoder *decoder);
    /*
     * Gives an image that was opened the profile of colours which the file states otherwise. NULL:
     * there are none.
     */
    void (*add_profile)(const Decoder *decoder, VipsImage *image);
    /* Checks the file before any decoder gets it. NULL: there is nothing to check. */
    bool (*check)(const Source *source, const DecodeLimits *limits, GError **error);
    /*
     * Opens the file on its header. Sets the decoder's size and orientation, and all facts but
     * these two; facts->type is that of the row already.
     */
    bool (*open)(Decoder *decoder, ImageFacts *facts, GError **error);
    /*
     * For vips_reader_open: sets facts that this type stores in a way of its own. `exif` is NULL if
     * the file has none. NULL: there are none.
     */
    void (*describe)(Decoder *decoder, ImageFacts *facts, const ExifFacts *exif);
    /*
     * For vips_reader_open: sets facts for which metadata of other types come first: the date, if
     * there is none in EXIF or XMP. NULL: there are none.
     */
    void (*describe_late)(Decoder *decoder, ImageFacts *facts);
    /* Checks limits of the type, after those of pixels and pages. NULL: it has none. */
    bool (*check_opened)(const Decoder *decoder, const DecodeLimits *limits, GError **error);
    /*
     * Adds the EXIF and XMP blocks to decoder->metadata. NULL: those of decoder->image are taken.
     */
    void (*add_metadata)(Decoder *decoder);
    /*
     * Reads the picture as it is stored, scaled to exactly `width` x `height`. Sets
     * decoder->damaged.
     */
    Picture *(*read)(Decoder *decoder, int width, int height, GError **error);
    /* For vips_reader_read: reads the rows that a damaged file has. NULL: vips_reader_read_part. */
    Picture *(*read_part)(const Decoder *decoder, int width, int height, GError **error);
    /*
     * For vips_reader_read: true, with the error, if the pixels went beyond a limit, whether there
     * is a picture or not. NULL: there is no such limit.
     */
    bool (*is_beyond)(GError **error);

    /*
     * True if this machine can write the type. NULL: it is never written, and the next members are
     * unused.
     */
    bool (*can_write)(void);
    /* Encodes `picture` without metadata. Errors: as encode_picture. Owner: the caller. */
    GBytes *(*encode)(const Picture *picture, int quality, GError **error);
    /* Files of the type have no alpha. */
    bool is_opaque;
    /* See encode_accepts_planes and encode_accepts_narrow. NULL: the encoder never takes planes. */
    bool (*accepts_planes)(int quality);
    bool accepts_narrow;
    /* Puts metadata into a finished file. NULL: files of the type get none. */
    MetadataEmbed *embed;

    /*
     * The parts of libvips that are loaded, and allowed, for this type. NULL: none. Each module may
     * be missing on a machine.
     */
    const char *const *modules;
    const char *const *loader_classes;
    const char *const *saver_classes;
};

/* Returns the row of a type; NULL for IMAGE_NONE and IMAGE_OTHER. */
const FileFormat *file_format_of(ImageType type);

/* Returns row `i` of all rows, from 0 on, those that are recognized only last; NULL after the last.
 */
const FileFormat *file_format_at(size_t i);
