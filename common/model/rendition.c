/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rendition.h"

#include <string.h>
#include <xxhash.h>

/* Largest number of fields that a recipe hashes. */
#define RECIPE_FIELDS_MAX 10

static const char *const fit_names[] = {"inside", "cover", "attention", "entropy", "fill"};
static const char *const format_names[] = {"jpeg", "webp", "png", "avif", "jxl", "auto", "same"};
static const char *const animation_names[] = {"first", "keep"};
static const char *const keep_names[KEEP_BITS] = {"icc", "exif", "xmp"};

const Names fit_values = NAMES_OF(fit_names);
const Names format_values = NAMES_OF(format_names);
const Names animation_values = NAMES_OF(animation_names);
const Names keep_values = NAMES_OF(keep_names);

static bool find_name(const char *const *names, size_t n, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

const char *fit_name(Fit fit)
{
    return (size_t)fit < G_N_ELEMENTS(fit_names) ? fit_names[fit] : "unknown";
}

const char *format_name(Format format)
{
    return (size_t)format < G_N_ELEMENTS(format_names) ? format_names[format] : "unknown";
}

bool fit_from_name(const char *name, Fit *ret_fit)
{
    size_t i;

    if (!find_name(fit_names, G_N_ELEMENTS(fit_names), name, &i))
        return false;
    *ret_fit = (Fit)i;
    return true;
}

bool format_from_name(const char *name, Format *ret_format)
{
    size_t i;

    if (!find_name(format_names, G_N_ELEMENTS(format_names), name, &i))
        return false;
    *ret_format = (Format)i;
    return true;
}

/*
 * Raise it when the handler makes different pictures than before from the same settings, from
 * sources of all types. If only pictures from one type differ, raise the revision of that type
 * (image.c).
 */
#define RECIPE_VERSION 2

/* Hashes the numbers. The hash does not depend on the byte order of the machine. */
static uint64_t hash_fields(const uint64_t *fields, size_t n)
{
    uint8_t bytes[RECIPE_FIELDS_MAX * 8];

    g_assert(n <= RECIPE_FIELDS_MAX);
    for (size_t i = 0; i < n * 8; i++)
        bytes[i] = (uint8_t)(fields[i / 8] >> (8 * (i % 8)));
    return XXH3_64bits(bytes, n * 8);
}

void rendition_compute_recipe(Rendition *rendition)
{
    const uint64_t fields[] = {
        RECIPE_VERSION,           (uint64_t)rendition->width,     (uint64_t)rendition->height,
        (uint64_t)rendition->fit, (uint64_t)rendition->format,    (uint64_t)rendition->quality,
        rendition->background,    (uint64_t)rendition->animation, (uint64_t)rendition->max_frames,
        rendition->keep,
    };

    rendition->recipe = hash_fields(fields, G_N_ELEMENTS(fields));
}

uint64_t rendition_recipe(const Rendition *rendition, ImageType source_type)
{
    int revision = image_type_revision(source_type);
    const uint64_t fields[] = {rendition->recipe, (uint64_t)revision};

    return revision == 0 ? rendition->recipe : hash_fields(fields, G_N_ELEMENTS(fields));
}

bool rendition_keeps_animation(const Rendition *rendition, ImageType source_type, int frames)
{
    bool moving = image_type_can_move(source_type) && frames > 1;
    bool allowed = rendition->format == FORMAT_WEBP || rendition->format == FORMAT_AUTO ||
                   rendition->format == FORMAT_SAME;
    return moving && allowed && rendition->animation == ANIMATION_KEEP &&
           frames <= rendition->max_frames;
}

ImageType rendition_output_type(const Rendition *rendition, ImageType source_type, bool has_alpha)
{
    switch (rendition->format) {
    case FORMAT_JPEG:
        return IMAGE_JPEG;
    case FORMAT_WEBP:
        return IMAGE_WEBP;
    case FORMAT_PNG:
        return IMAGE_PNG;
    case FORMAT_AVIF:
        return IMAGE_AVIF;
    case FORMAT_JXL:
        return IMAGE_JXL;
    case FORMAT_SAME:
        if (source_type == IMAGE_JPEG || source_type == IMAGE_WEBP || source_type == IMAGE_PNG ||
            source_type == IMAGE_AVIF)
            return source_type;
        break;
    case FORMAT_AUTO:
        break;
    }
    return has_alpha ? IMAGE_WEBP : IMAGE_JPEG;
}
