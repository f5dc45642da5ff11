/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <string.h>

static bool has_etag(const uint64_t etag[static 2])
{
    return etag[0] != 0 || etag[1] != 0;
}

static bool is_unchanged(const WireJob *job, const WireResult *result)
{
    return result->n_thumbnails == 0 && has_etag(job->known_etag) &&
           memcmp(job->known_etag, result->facts.etag, sizeof job->known_etag) == 0;
}

/* What a picture has of which thumbnails could be made. */
static bool is_picture(const ImageFacts *facts)
{
    return facts->type != IMAGE_NONE && facts->type != IMAGE_OTHER && facts->width >= 1 &&
           facts->height >= 1 && facts->pages >= 1;
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

/* Where the job wanted it, and within what came with the answer. */
static bool fits_place(const WireJob *job, const WireResult *result, size_t i)
{
    const WirePlace *place = &result->places[i];
    int64_t size = result->thumbnails[i].size;

    switch (place->kind) {
    case PLACE_FILE:
        return job->own_files;
    case PLACE_ANSWER:
        return !job->own_files && place->offset + size <= (int64_t)result->payload_len;
    case PLACE_MEMORY:
        return !job->own_files && result->took_memory;
    }
    return false;
}

bool answer_is_sound(const WireJob *job, const WireResult *result)
{
    int64_t left = job->max_output_size;

    if (job->own_files && result->took_memory)
        return false;
    if (result->error != ERROR_NONE)
        return result->n_thumbnails == 0 && !result->unchanged;
    if (result->unchanged)
        return is_unchanged(job, result);
    if (result->n_thumbnails != job->n_renditions || !is_picture(&result->facts))
        return false;
    for (size_t i = 0; i < result->n_thumbnails; i++) {
        const ThumbnailFacts *thumbnail = &result->thumbnails[i];
        if (!fits_rendition(&job->renditions[i], &result->facts, thumbnail) ||
            !fits_place(job, result, i) || thumbnail->size > left)
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
