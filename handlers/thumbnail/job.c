/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include "decode.h"
#include "encode.h"
#include "fault.h"
#include "frame.h"
#include "planes.h"
#include "render.h"
#include "save.h"
#include "sniff.h"
#include "source.h"
#include "thumbhash.h"

#include <string.h>

/* What stands in for the picture until it is loaded: thumbhash and dominant colour. */
static bool add_placeholder(const Render *render, GBytes *icc, ImageFacts *facts, GError **error)
{
    const Rendition square = {
        .width = THUMBHASH_SIDE_MAX, .height = THUMBHASH_SIDE_MAX, .fit = FIT_INSIDE};
    Geometry geometry = geometry_for(&square, facts->width, facts->height);
    const Picture *frame = render_best_frame(render, geometry.width, geometry.height);
    g_autoptr(Picture) small =
        planes_are(frame) ? planes_shrink_to_rgb(frame, geometry.width, geometry.height, error)
                          : picture_shrink(frame, geometry.width, geometry.height, error);
    if (small != NULL && icc != NULL) {
        Picture *converted = frame_to_srgb(small, icc, error);
        picture_free(small);
        small = converted;
    }
    if (small == NULL)
        return false;
    facts->has_color = picture_dominant_color(small, &facts->color);

    uint8_t rgba[4 * THUMBHASH_SIDE_MAX * THUMBHASH_SIDE_MAX];
    size_t n = (size_t)small->width * (size_t)small->height;
    const uint8_t *from = small->pixels;
    for (size_t i = 0; i < n; i++, from += small->bands) {
        memcpy(rgba + 4 * i, from, 3);
        rgba[4 * i + 3] = small->bands == 4 ? from[3] : 255;
    }
    facts->thumbhash_len =
        (uint8_t)thumbhash_encode(rgba, small->width, small->height, facts->thumbhash);
    return true;
}

/* An alpha that hides nothing only costs: dropped. */
static Picture *drop_opaque_alpha(Picture *picture, GError **error)
{
    if (picture->bands != 4 || picture_is_transparent(picture))
        return picture;
    Picture *opaque = picture_flatten(picture, 0, error);
    picture_free(picture);
    return opaque;
}

/* The bytes of rendition `i`. Owner: the caller. */
static GBytes *make_thumbnail(const WireJob *job, const Decoder *decoder, Render *render, size_t i,
                              WireResult *result, GError **error)
{
    const Rendition *rendition = &job->renditions[i];
    ImageFacts *facts = &result->facts;
    ThumbnailFacts *thumbnail = &result->thumbnails[i];
    GBytes *bytes = NULL;
    if (!facts->damaged && rendition_keeps_animation(rendition, facts->type, facts->pages)) {
        g_autoptr(GError) reason = NULL;
        if (save_animation(rendition, decoder, &render->geometries[i], facts->pages, &bytes,
                           thumbnail, &reason))
            return bytes;
        if (!g_error_matches(reason, THUMBQ_ERROR, ERROR_DAMAGED)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return NULL;
        }
        facts->damaged = true; /* the first frame has to do */
    }
    const Picture *picture = render_make(render, rendition, i, error);
    if (picture != NULL)
        (void)save_still(rendition, picture, &decoder->metadata, facts, &bytes, thumbnail, error);
    return bytes;
}

static unsigned kept_by_any(const WireJob *job)
{
    unsigned keep = KEEP_NONE;
    for (size_t i = 0; i < job->n_renditions; i++)
        keep |= job->renditions[i].keep;
    return keep;
}

static bool all_take_planes(const WireJob *job, Render *render, const ImageFacts *facts)
{
    for (size_t i = 0; i < job->n_renditions; i++) {
        const Rendition *rendition = &job->renditions[i];
        ImageType type = rendition_output_type(rendition, facts->type, facts->alpha);
        if (!encode_takes_planes(type, rendition->quality) ||
            !render_takes_planes(render, rendition, i))
            return false;
        render->narrow[i] = encode_takes_narrow(type);
    }
    return true;
}

static bool make_renditions(const WireJob *job, Delivery *delivery, Decoder *decoder,
                            WireResult *result, GError **error)
{
    ImageFacts *facts = &result->facts;
    g_auto(Render) render;
    render_plan(&render, job->renditions, job->n_renditions, facts->width, facts->height);
    size_t order[RENDITIONS_MAX];
    render_order(&render, order);
    decoder_keep(decoder, kept_by_any(job));
    if (all_take_planes(job, &render, facts))
        decoder_take_planes(decoder, job->n_renditions > 0 && render.narrow[order[0]]);
    Picture *base =
        decoder_read(decoder, render.base_width, render.base_height, &facts->damaged, error);
    if (base != NULL)
        base = drop_opaque_alpha(base, error);
    if (base == NULL)
        return false;
    render_set_base(&render, base);
    for (size_t at = 0; at < job->n_renditions; at++) {
        size_t i = order[at];
        g_autoptr(GBytes) bytes = make_thumbnail(job, decoder, &render, i, result, error);
        if (bytes == NULL ||
            !delivery_put(delivery, i, job->renditions[i].name, bytes, &result->places[i], error))
            return false;
    }
    if (!add_placeholder(&render, decoder->metadata.icc, facts, error))
        return false;
    result->n_thumbnails = job->n_renditions;
    return true;
}

static bool run(const WireJob *job, int source_fd, Delivery *delivery, WireResult *result,
                GError **error)
{
    g_auto(Source) source = {0};
    if (!source_open(source_fd, job->max_file_size, &source, error))
        return false;
    ImageFacts *facts = &result->facts;
    memcpy(facts->etag, source.etag, sizeof facts->etag);
    if ((job->known_etag[0] != 0 || job->known_etag[1] != 0) &&
        memcmp(job->known_etag, source.etag, sizeof source.etag) == 0) {
        result->unchanged = true;
        return true;
    }
    const DecodeLimits limits = {.max_pixels = job->max_pixels, .max_pages = job->max_pages};
    g_auto(Decoder) decoder = {0};
    return decoder_open(&decoder, &source, sniff_type(source.data, source.size), &limits, facts,
                        error) &&
           (job->n_renditions == 0 || /* what the header says was all that was asked for */
            make_renditions(job, delivery, &decoder, result, error));
}

/* A result may only hold what can be said of an object; all else is our own failure to handle it.
 */
static ErrorCode object_error(ErrorCode code)
{
    if (code == ERROR_SHORTAGE) /* its own limit is what it knows of */
        return ERROR_OUT_OF_MEMORY;
    return code < ERROR_HANDLER_UNAVAILABLE ? code : ERROR_HANDLER_CRASHED;
}

void job_run(const WireJob *job, int source_fd, Delivery *delivery, WireResult *ret_result)
{
    g_autoptr(GError) error = NULL;
    *ret_result = (WireResult){.serial = job->serial, .memory_fd = -1};
    if (!run(job, source_fd, delivery, ret_result, &error)) {
        ret_result->error = object_error(error_code(error));
        ret_result->n_thumbnails = 0;
        fault_clean_text(error->message, ret_result->message, sizeof ret_result->message);
    }
    delivery_end(delivery, ret_result);
    vips_error_clear();
}
