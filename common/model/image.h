/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about a picture: plain data that the handler reports and the store keeps. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Image types, of sources and of outputs. Stored in records: added to, never renumbered. */
typedef enum {
    IMAGE_NONE = 0,
    IMAGE_JPEG = 1,
    IMAGE_PNG = 2,
    IMAGE_WEBP = 3,
    IMAGE_GIF = 4,
    IMAGE_TIFF = 5,
    IMAGE_HEIC = 6,
    IMAGE_AVIF = 7,
    IMAGE_JXL = 8,
    /* In older records: an image of one of the types below, which no handler can read. */
    IMAGE_OTHER = 9,
    IMAGE_CR2 = 10,
    IMAGE_CR3 = 11,
    IMAGE_ORF = 12,
    IMAGE_RW2 = 13,
    IMAGE_RAF = 14,
    IMAGE_JP2 = 15,
    IMAGE_JXR = 16,
    IMAGE_PSD = 17,
    IMAGE_XCF = 18,
    IMAGE_ICO = 19,
    IMAGE_CUR = 20,
    IMAGE_EXR = 21,
    IMAGE_HDR = 22,
    IMAGE_FITS = 23,
    IMAGE_DDS = 24,
    IMAGE_QOI = 25,
    IMAGE_BPG = 26,
    IMAGE_DJVU = 27,
    IMAGE_BMP = 28,
    IMAGE_PNM = 29,
    IMAGE_SVG = 30,
    IMAGE_TYPES,
} ImageType;

/* The metadata that a picture's date is read from. Stored in records: added to, never renumbered.
 */
typedef enum {
    DATE_EXIF = 0,
    DATE_XMP = 1,
    /* A text or the time of the last change in a PNG file. */
    DATE_PNG = 2,
    DATE_SOURCES,
} DateSource;

/* Bytes. Source: https://evanw.github.io/thumbhash/ */
#define THUMBHASH_MAX 25

/* Largest EXIF time offset, minutes; real offsets are between -12:00 and +14:00. */
#define IMAGE_OFFSET_MAX (16 * 60)

typedef struct {
    ImageType type;
    /* Pixels after orientation, as a person sees the picture; 0: unknown. */
    int width, height;
    /* Pictures in the file, at least 1; 0: unknown. */
    int pages;
    /* EXIF orientation 1..8 of the file; 1 if the file has none. */
    int orientation;
    bool alpha;
    /* True if only a part of the picture could be decoded. */
    bool damaged;
    bool has_date;
    /* Has a meaning only with a date. */
    DateSource date_source;
    /*
     * Creation date as the camera's clock showed it, stored as if that were UTC; see has_date.
     */
    int64_t date_us;
    /* True if the camera wrote its offset from UTC. */
    bool has_offset;
    /* That offset, minutes, at most IMAGE_OFFSET_MAX; 0: unknown. */
    int offset_min;
    /* XXH3-128 hash of the source's bytes (low, high); 0,0: unknown. */
    uint64_t etag[2];
    bool has_color;
    /* Dominant colour, 0xRRGGBB. */
    uint32_t color;
    /* Bytes of `thumbhash`; 0: there is none. */
    uint8_t thumbhash_len;
    uint8_t thumbhash[THUMBHASH_MAX];
} ImageFacts;

/* One thumbnail as the handler wrote it. */
typedef struct {
    ImageType type;
    /* Pixels. */
    int width, height;
    /* Bytes. */
    int64_t size;
} ThumbnailFacts;

/*
 * Formats the source's hash as 32 hexadecimal digits, as `xxhsum -H2` prints it; NULL if the hash
 * is unknown. Owner: the caller frees.
 */
char *image_etag(const ImageFacts *facts);

/*
 * Returns the name of the source of the date: "exif", "xmp", "png"; "mtime" if the picture has
 * none. Static.
 */
const char *image_date_source(const ImageFacts *facts);

/*
 * Returns the name of a type: "jpeg", "png", ...; "none" for IMAGE_NONE, "other" for IMAGE_OTHER.
 * Static.
 */
const char *image_type_name(ImageType type);
bool image_type_from_name(const char *name, ImageType *ret_type);

/* Finds the type whose image_type_extension is `extension`; false if there is none. */
bool image_type_from_extension(const char *extension, ImageType *ret_type);

/* True if the handler can read pictures of this type. */
bool image_type_is_read(ImageType type);

/* True if files of this type may be animations, whose frames are all read. */
bool image_type_can_move(ImageType type);

/*
 * Returns the number of times that reading of this type has changed so that thumbnails look
 * different; 0 or more.
 */
int image_type_revision(ImageType type);

/* The bytes that image_type_begins needs. */
#define IMAGE_START_BYTES 12

/*
 * True if a file that begins with `data` may be a thumbnail of this type. Compares fixed bytes, and
 * reads no structure. A shorter file may have fewer than IMAGE_START_BYTES.
 */
bool image_type_begins(ImageType type, const void *data, size_t len);

/*
 * Returns the file name extension of thumbnails of this type, without the dot: "jpg", "webp", ...
 * Static.
 */
const char *image_type_extension(ImageType type);

/*
 * Returns the type that files whose names end like `name` have, in upper or lower case; else
 * IMAGE_NONE.
 */
ImageType image_type_from_name_ending(const char *name);

/* True if the file name `name` ends like that of a picture, in upper or lower case. */
bool image_is_named(const char *name);
