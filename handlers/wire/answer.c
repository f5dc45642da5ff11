/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/answer.h"

#include <string.h>

static bool has_etag(const uint64_t etag[static 2])
{
    return etag[0] != 0 || etag[1] != 0;
}

static bool is_unchanged(const WireOrder *wire, const WireResult *result)
{
    return result->n_thumbnails == 0 && has_etag(wire->known_etag) &&
           memcmp(wire->known_etag, result->facts.etag, sizeof wire->known_etag) == 0;
}

/* True if the source has all that a picture needs for a thumbnail. */
static bool is_picture(const ThumbnailOrder *order, const ImageFacts *facts)
{
    size_t program = order->any_program ? program_of_type(facts->type) : order->program;

    return program_reads(program, facts->type) && facts->width >= 1 && facts->height >= 1 &&
           facts->pages >= 1;
}

/* True if the named program reads such files, and the order has not been there. */
static bool can_move_on(const ThumbnailOrder *order, const WireResult *result)
{
    size_t program;

    return result->error == ERROR_UNSUPPORTED_TYPE && !result->filled_memory &&
           program_from_name(result->needs, &program) && program != order->program &&
           (order->asked & 1U << program) == 0 && program_reads(program, result->facts.type);
}

static bool fits_rendition(const Rendition *rendition, const ImageFacts *facts,
                           const ThumbnailFacts *thumbnail)
{
    bool type_fits = thumbnail->type == rendition_output_type(rendition, facts->type, facts->alpha);

    if (!type_fits && thumbnail->type == IMAGE_WEBP)
        type_fits = rendition_keeps_animation(rendition, facts->type, facts->pages);
    return type_fits && thumbnail->width <= rendition->width &&
           thumbnail->height <= rendition->height;
}

/*
 * True if the thumbnail is where the order wants it, and within the payload that came with the
 * answer.
 */
static bool fits_place(const WireOrder *wire, const WireResult *result, size_t i)
{
    const WirePlace *place = &result->places[i];
    int64_t size = result->thumbnails[i].size;

    switch (place->kind) {
    case PLACE_FILE:
        return wire->own_files;
    case PLACE_ANSWER:
        return !wire->own_files && place->offset + size <= (int64_t)result->payload_len;
    case PLACE_MEMORY:
        return !wire->own_files && result->filled_memory;
    }
    return false;
}

bool answer_is_sound(const ThumbnailOrder *order, const WireResult *result)
{
    const WireOrder *wire = &order->wire;
    int64_t left = wire->max_output_size;

    if (wire->own_files && result->filled_memory)
        return false;
    if (*result->needs && !can_move_on(order, result))
        return false;
    if (result->error != ERROR_NONE)
        return result->n_thumbnails == 0 && !result->unchanged;
    if (result->unchanged)
        return is_unchanged(wire, result);
    if (result->n_thumbnails != wire->n_renditions || !is_picture(order, &result->facts))
        return false;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const ThumbnailFacts *thumbnail = &result->thumbnails[i];
        if (!fits_rendition(&wire->renditions[i], &result->facts, thumbnail) ||
            !fits_place(wire, result, i) || thumbnail->size > left)
            return false;
        left -= thumbnail->size;
    }
    return true;
}

bool answer_is_suspect(const WireResult *result, bool named_as_image)
{
    switch (result->error) {
    case ERROR_NONE:
        return result->facts.damaged;
    case ERROR_NOT_AN_IMAGE:
        return named_as_image;
    case ERROR_UNSUPPORTED_TYPE:
        return false;
    default:
        return true;
    }
}
