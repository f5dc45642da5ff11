/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a picture: plain data that the handler reports and the store keeps.
 */
#pragma once

#include <stdbool.h>
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
    IMAGE_OTHER = 9, /* an image, of a type that no handler takes */
    IMAGE_TYPES,
} ImageType;

#define THUMBHASH_MAX 25 /* bytes, https://evanw.github.io/thumbhash/ */

/* Of an EXIF offset, minutes; clocks go from -12:00 to +14:00. */
#define IMAGE_OFFSET_MAX (16 * 60)

typedef struct {
    ImageType type;
    int width, height; /* pixels, as a person sees it: after orientation; 0 if not known */
    int pages;         /* pictures in the file, at least 1; 0 if not known */
    int orientation;   /* EXIF 1..8 as found in the file; 1 if there is none */
    bool alpha;
    bool damaged; /* decoded in part only */
    bool has_date;
    int64_t date_us;  /* EXIF creation date as the camera's clock showed it, as if that were UTC */
    bool has_offset;  /* the camera wrote what was added to UTC: */
    int offset_min;   /* minutes, at most IMAGE_OFFSET_MAX; 0 if it is not known */
    uint64_t etag[2]; /* XXH3-128 of the source's bytes (low, high); 0,0 if not known */
    bool has_color;
    uint32_t color;        /* dominant colour, 0xRRGGBB */
    uint8_t thumbhash_len; /* 0 if there is none */
    uint8_t thumbhash[THUMBHASH_MAX];
} ImageFacts;

/* One thumbnail as the handler wrote it. */
typedef struct {
    ImageType type;
    int width, height; /* pixels */
    int64_t size;      /* bytes */
} ThumbnailFacts;

/* "jpeg", "png", ...; "none" for IMAGE_NONE, "other" for IMAGE_OTHER. Static. */
const char *image_type_name(ImageType type);
bool image_type_from_name(const char *name, ImageType *ret_type);

/* True of a type that pictures are read of; of any other one, no file is read. */
bool image_type_is_read(ImageType type);

/* The file name extension thumbnails of this type get, without the dot: "jpg", "webp", ... Static.
 */
const char *image_type_extension(ImageType type);

/* True if the file name `name` ends as those of pictures do, in upper or lower case. */
bool image_is_named(const char *name);
