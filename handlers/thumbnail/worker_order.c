/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_order.h"

#include "formats/decode.h"
#include "formats/encode.h"
#include "formats/frame.h"
#include "formats/save.h"
#include "formats/sniff.h"
#include "handlers/programs.h"
#include "pixels/planes.h"
#include "pixels/render.h"
#include "pixels/thumbhash.h"
#include "sandbox/shortage.h"
#include "sandbox/worker_fault.h"
#include "source.h"

#include <string.h>

/*
 * Makes the placeholder that is shown until the picture is loaded: thumbhash and dominant colour.
 */
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

/* Drops alpha without effect, which only costs time. Takes `picture`. */
static Picture *drop_opaque_alpha(Picture *picture, GError **error)
{
    if (picture->bands != 4 || picture_is_transparent(picture))
        return picture;
    Picture *opaque = picture_flatten(picture, 0, error);
    picture_free(picture);
    return opaque;
}

/* Returns the bytes of rendition `i`. Owner: the caller. */
static GBytes *make_thumbnail(const WireOrder *order, const Decoder *decoder, Render *render,
                              size_t i, WireResult *result, GError **error)
{
    const Rendition *rendition = &order->renditions[i];
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
        /* The first frame is used instead. */
        facts->damaged = true;
    }
    const Picture *picture = render_make(render, rendition, i, error);
    if (picture != NULL)
        (void)save_still(rendition, picture, &decoder->metadata, facts, &bytes, thumbnail, error);
    return bytes;
}

static unsigned kept_by_any(const WireOrder *order)
{
    unsigned keep = KEEP_NONE;
    for (size_t i = 0; i < order->n_renditions; i++)
        keep |= order->renditions[i].keep;
    return keep;
}

static bool all_accept_planes(const WireOrder *order, Render *render, const ImageFacts *facts)
{
    for (size_t i = 0; i < order->n_renditions; i++) {
        const Rendition *rendition = &order->renditions[i];
        ImageType type = rendition_output_type(rendition, facts->type, facts->alpha);
        if (!encode_accepts_planes(type, rendition->quality) ||
            !render_accepts_planes(render, rendition, i))
            return false;
        render->narrow[i] = encode_accepts_narrow(type);
    }
    return true;
}

/* Decodes the picture once, and makes and delivers all thumbnails of the order from it. */
static bool make_renditions(const WireOrder *order, OutputDelivery *delivery, Decoder *decoder,
                            WireResult *result, GError **error)
{
    ImageFacts *facts = &result->facts;
    g_auto(Render) render;
    render_plan(&render, order->renditions, order->n_renditions, facts->width, facts->height);
    size_t sequence[RENDITIONS_MAX];
    render_order(&render, sequence);
    decoder_select_metadata(decoder, kept_by_any(order));
    if (all_accept_planes(order, &render, facts))
        decoder_allow_planes(decoder, order->n_renditions > 0 && render.narrow[sequence[0]]);
    Picture *base =
        decoder_read(decoder, render.base_width, render.base_height, &facts->damaged, error);
    if (base != NULL)
        base = drop_opaque_alpha(base, error);
    if (base == NULL)
        return false;
    render_set_base(&render, base);
    for (size_t at = 0; at < order->n_renditions; at++) {
        size_t i = sequence[at];
        g_autoptr(GBytes) bytes = make_thumbnail(order, decoder, &render, i, result, error);
        if (bytes == NULL ||
            !delivery_put(delivery, i, order->renditions[i].name, bytes, &result->places[i], error))
            return false;
    }
    if (!add_placeholder(&render, decoder->metadata.icc, facts, error))
        return false;
    result->n_thumbnails = order->n_renditions;
    return true;
}

/* True if another handler program reads files of this type: sets the answer that names it. */
static bool is_for_another(const FileFormat *format, WireResult *result, GError **error)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);
    size_t program = format != NULL ? program_of_type(format->type) : PROGRAM_FIRST;
    if (program == PROGRAM_FIRST)
        return false;
    result->facts.type = format->type;
    result->facts.orientation = 1;
    g_strlcpy(result->needs, rows[program].name, sizeof result->needs);
    g_set_error(error, THUMBQ_ERROR, ERROR_UNSUPPORTED_TYPE,
                "the handler program '%s' reads files of this type", rows[program].executable);
    return true;
}

/*
 * Opens the picture, reads its facts and makes its renditions, unless it is unchanged or for
 * another program.
 */
static bool run(const WireOrder *order, int source_fd, OutputDelivery *delivery, WireResult *result,
                GError **error)
{
    g_auto(Source) source = {0};
    if (!source_open(source_fd, order->max_file_size, &source, error))
        return false;
    ImageFacts *facts = &result->facts;
    memcpy(facts->etag, source.etag, sizeof facts->etag);
    if ((order->known_etag[0] != 0 || order->known_etag[1] != 0) &&
        memcmp(order->known_etag, source.etag, sizeof source.etag) == 0) {
        result->unchanged = true;
        return true;
    }
    const FileFormat *format = sniff(source.data, source.size);
    if (is_for_another(format, result, error))
        return false;
    const DecodeLimits limits = {.max_pixels = order->max_pixels, .max_pages = order->max_pages};
    g_auto(Decoder) decoder = {0};
    /* Without renditions, the order asks only for the facts in the header. */
    return decoder_open(&decoder, &source, format, &limits, facts, error) &&
           (order->n_renditions == 0 || make_renditions(order, delivery, &decoder, result, error));
}

/*
 * Returns an error that a result may have: one about an object. Every other error means that the
 * handler failed.
 */
static ErrorCode object_error(ErrorCode code)
{
    /* A worker knows only its own limit of memory. */
    if (code == ERROR_SHORTAGE)
        return ERROR_OUT_OF_MEMORY;
    return code < ERROR_HANDLER_UNAVAILABLE ? code : ERROR_HANDLER_CRASHED;
}

void worker_order_run(const WireOrder *order, int source_fd, OutputDelivery *delivery,
                      WireResult *ret_result)
{
    g_autoptr(GError) error = NULL;
    *ret_result = (WireResult){.serial = order->serial, .memory_fd = -1};
    shortage_begin(SHORTAGE_REQUEST_MAX);
    if (!run(order, source_fd, delivery, ret_result, &error)) {
        ret_result->error = object_error(error_code(error));
        ret_result->n_thumbnails = 0;
        fault_clean_text(error->message, ret_result->message, sizeof ret_result->message);
    }
    delivery_end(delivery, ret_result);
    vips_error_clear();
}
