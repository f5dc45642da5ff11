/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rendition: one picture that is made from every upload. Plain data, shared by the configuration,
 * the daemon, and (over the wire) the handler.
 */
#pragma once

#include "base/names.h"
#include "model/image.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RENDITIONS_MAX     16
#define RENDITION_NAME_MAX 32
/* Pixels per side. */
#define RENDITION_SIZE_MAX 16384

typedef enum {
    /* The whole picture, at most width x height. */
    FIT_INSIDE = 0,
    /* Fills width x height; the centre is cut out. */
    FIT_COVER,
    /* Fills width x height; the part that draws the eye is cut out. */
    FIT_ATTENTION,
    /* Fills width x height; the part with most detail is cut out. */
    FIT_ENTROPY,
    /* Exactly width x height, stretched. */
    FIT_FILL,
} Fit;

/* Value of `format`: a type, or a rule that selects a type. */
typedef enum {
    FORMAT_JPEG = 0,
    FORMAT_WEBP,
    FORMAT_PNG,
    FORMAT_AVIF,
    FORMAT_JXL,
    /* WebP for pictures with alpha, else JPEG. */
    FORMAT_AUTO,
    /* The source's type if it can be written, else as FORMAT_AUTO. */
    FORMAT_SAME,
} Format;

/* Kind of picture that is made from GIF and WebP animations. */
typedef enum {
    /* A picture of their first frame. */
    ANIMATION_FIRST = 0,
    /* An animated WebP, if `format` allows WebP. */
    ANIMATION_KEEP,
} Animation;

/* Metadata that a thumbnail keeps from its source; a set of bits. */
typedef enum {
    KEEP_NONE = 0,
    /*
     * The colours stay in the source's RGB space. Without this bit they become sRGB, without a
     * profile.
     */
    KEEP_ICC = 1 << 0,
    /* All of EXIF, with the position; the orientation becomes 1. */
    KEEP_EXIF = 1 << 1,
    KEEP_XMP = 1 << 2,
} Keep;
#define KEEP_BITS 3

#define RENDITION_FRAMES_MAX 10000

typedef struct {
    /* [a-z0-9._-]+, used as a folder name; unique. */
    char name[RENDITION_NAME_MAX];
    /* Pixels, 1..RENDITION_SIZE_MAX. */
    int width, height;
    Fit fit;
    Format format;
    /* 1..100. */
    int quality;
    /* 0xRRGGBB, drawn under transparent parts if the output type has no alpha. */
    uint32_t background;
    Animation animation;
    /* 1..RENDITION_FRAMES_MAX; of a longer animation only the first frame is used. */
    int max_frames;
    /* A set of Keep bits. */
    unsigned keep;
    /* Hash of the settings above; see rendition_recipe. */
    uint64_t recipe;
} Rendition;

/* Names of the values of these enums; for Keep, names of its bits. */
extern const Names fit_values, format_values, animation_values, keep_values;

const char *fit_name(Fit fit);
const char *format_name(Format format);
bool fit_from_name(const char *name, Fit *ret_fit);
bool format_from_name(const char *name, Format *ret_format);

/*
 * Computes `recipe` from the other fields. The name is not part of it: a renamed rendition is a new
 * rendition anyway.
 */
void rendition_compute_recipe(Rendition *rendition);

/*
 * Returns the recipe of this rendition's thumbnails from sources of `source_type`: a hash of
 * everything that shapes the picture, which is `recipe` and the revision of the type. A stored
 * thumbnail with another recipe is stale. For a type that was never revised the result is `recipe`.
 */
uint64_t rendition_recipe(const Rendition *rendition, ImageType source_type);

/* True if `rendition` makes an animated WebP from an animation of `frames` frames. */
bool rendition_keeps_animation(const Rendition *rendition, ImageType source_type, int frames);

/*
 * Returns the output type of `rendition` for a source of `source_type` with or without alpha. Never
 * IMAGE_NONE or IMAGE_OTHER. Does not cover animations, see rendition_keeps_animation.
 */
ImageType rendition_output_type(const Rendition *rendition, ImageType source_type, bool has_alpha);
