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

typedef struct {
    char name[RENDITION_NAME_MAX]; /* [a-z0-9._-]+, a folder name; unique */
    int width, height;             /* pixels, 1..RENDITION_SIZE_MAX */
    Fit fit;
    Format format;
    int quality;         /* 1..100 */
    uint32_t background; /* 0xRRGGBB, under alpha where the output type has none */
    uint64_t
        recipe; /* hash of all that shapes the picture; another recipe makes thumbnails stale */
} Rendition;

const char *fit_name(Fit fit);
const char *format_name(Format format);
bool fit_from_name(const char *name, Fit *ret_fit);
bool format_from_name(const char *name, Format *ret_format);

/* Fills in `recipe` from the other fields. The name does not count: renaming is a new rendition
 * anyway. */
void rendition_compute_recipe(Rendition *rendition);

/*
 * The type `rendition` is written as for a source of `source_type` with or without alpha.
 * Never IMAGE_NONE or IMAGE_OTHER.
 */
ImageType rendition_output_type(const Rendition *rendition, ImageType source_type, bool has_alpha);
