/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rendition: one picture that is made of every upload. Plain data, shared by the configuration,
 * the daemon, and (over the wire) the handler.
 */
#pragma once

#include "image.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RENDITIONS_MAX     16
#define RENDITION_NAME_MAX 32
#define RENDITION_SIZE_MAX 16384 /* pixels per side */

typedef enum {
    FIT_INSIDE = 0, /* all of the picture, at most width x height */
    FIT_COVER,      /* fills width x height, centre cut out */
    FIT_ATTENTION,  /* fills width x height, the part that draws the eye cut out */
    FIT_ENTROPY,    /* fills width x height, the part with most detail cut out */
    FIT_FILL,       /* exactly width x height, stretched */
} Fit;

/* What `format =` may say: a type, or a rule that picks one. */
typedef enum {
    FORMAT_JPEG = 0,
    FORMAT_WEBP,
    FORMAT_PNG,
    FORMAT_AVIF,
    FORMAT_JXL,
    FORMAT_AUTO, /* webp with alpha, else jpeg */
    FORMAT_SAME, /* the source's type where it can be written, else as auto */
} Format;

/* What becomes of GIF and WebP animations. */
typedef enum {
    ANIMATION_FIRST = 0, /* their first frame */
    ANIMATION_KEEP,      /* animated WebP, where `format` allows WebP */
} Animation;

/* Metadata of the source that a thumbnail takes along; a set of bits. */
typedef enum {
    KEEP_NONE = 0,
    KEEP_ICC = 1 << 0,  /* colours stay in the source's RGB space; else sRGB, without a profile */
    KEEP_EXIF = 1 << 1, /* with the position and all else; the orientation becomes 1 */
    KEEP_XMP = 1 << 2,
} Keep;
#define KEEP_BITS 3

#define RENDITION_FRAMES_MAX 10000

typedef struct {
    char name[RENDITION_NAME_MAX]; /* [a-z0-9._-]+, a folder name; unique */
    int width, height;             /* pixels, 1..RENDITION_SIZE_MAX */
    Fit fit;
    Format format;
    int quality;         /* 1..100 */
    uint32_t background; /* 0xRRGGBB, under alpha where the output type has none */
    Animation animation;
    int max_frames; /* 1..RENDITION_FRAMES_MAX: a longer animation becomes its first frame */
    unsigned keep;  /* Keep */
    uint64_t
        recipe; /* hash of all that shapes the picture; another recipe makes thumbnails stale */
} Rendition;

const char *fit_name(Fit fit);
const char *format_name(Format format);
const char *animation_name(Animation animation);
/* "icc", ...: the name of one bit, 0..KEEP_BITS-1. */
const char *keep_name(int bit);
bool fit_from_name(const char *name, Fit *ret_fit);
bool format_from_name(const char *name, Format *ret_format);

/* Fills in `recipe` from the other fields. The name does not count: renaming is a new rendition
 * anyway. */
void rendition_compute_recipe(Rendition *rendition);

/* True if `rendition` leaves a moving source of `frames` frames moving: as animated WebP. */
bool rendition_keeps_animation(const Rendition *rendition, ImageType source_type, int frames);

/*
 * The type `rendition` is written as for a source of `source_type` with or without alpha.
 * Never IMAGE_NONE or IMAGE_OTHER. Of animations that are kept, rendition_keeps_animation knows.
 */
ImageType rendition_output_type(const Rendition *rendition, ImageType source_type, bool has_alpha);
