#include "job.h"

#include "decode.h"
#include "encode.h"
#include "fault.h"
#include "render.h"
#include "sniff.h"
#include "source.h"
#include "thumbhash.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool write_bytes(int fd, GBytes *bytes, GError **error)
{
    size_t left;
    const uint8_t *at = g_bytes_get_data(bytes, &left);
    while (left > 0) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set_errno(error, errno, "cannot write", "thumbnail");
            return false;
        }
        at += n;
        left -= (size_t)n;
    }
    return true;
}

/* Encodes one rendition's picture and writes it. */
static bool save(const WireJob *job, const Rendition *rendition, Picture *picture, int fd,
                 const ImageFacts *facts, ThumbnailFacts *ret_thumbnail, GError **error)
{
    ImageType type = rendition_output_type(rendition, facts->type, facts->alpha);
    g_autoptr(Picture) flat = NULL;
    if (type == IMAGE_JPEG && picture->bands == 4) {
        flat = picture_flatten(picture, rendition->background, error);
        if (flat == NULL)
            return false;
        picture = flat;
    }
    g_autoptr(GBytes) bytes = encode_picture(picture, type, rendition->quality, error);
    if (bytes == NULL)
        return false;
    int64_t size = (int64_t)g_bytes_get_size(bytes);
    if (size > job->max_output_size) {
        g_set_error(error, THUMBQ_ERROR, ERROR_OUTPUT_TOO_LARGE,
                    "'%s' has %" G_GINT64_FORMAT " bytes, the limit is %" G_GINT64_FORMAT,
                    rendition->name, (gint64)size, (gint64)job->max_output_size);
        return false;
    }
    if (!write_bytes(fd, bytes, error))
        return false;
    *ret_thumbnail = (ThumbnailFacts){
        .type = type, .width = picture->width, .height = picture->height, .size = size};
    return true;
}

/* What stands in for the picture until it is loaded: thumbhash and dominant colour. */
static bool add_placeholder(const Render *render, ImageFacts *facts, GError **error)
{
    const Rendition square = {
        .width = THUMBHASH_SIDE_MAX, .height = THUMBHASH_SIDE_MAX, .fit = FIT_INSIDE};
    Geometry geometry = geometry_for(&square, facts->width, facts->height);
    const Picture *frame = render_best_frame(render, geometry.width, geometry.height);
    g_autoptr(Picture) small = picture_shrink(frame, geometry.width, geometry.height, error);
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

static bool make_renditions(const WireJob *job, const int *fds, Decoder *decoder,
                            WireResult *result, GError **error)
{
    ImageFacts *facts = &result->facts;
    g_auto(Render) render;
    render_plan(&render, job->renditions, job->n_renditions, facts->width, facts->height);
    Picture *base =
        decoder_read(decoder, render.base_width, render.base_height, &facts->damaged, error);
    if (base != NULL)
        base = drop_opaque_alpha(base, error);
    if (base == NULL)
        return false;
    render_set_base(&render, base);

    size_t order[RENDITIONS_MAX];
    render_order(&render, order);
    for (size_t at = 0; at < job->n_renditions; at++) {
        size_t i = order[at];
        const Rendition *rendition = &job->renditions[i];
        g_autoptr(Picture) picture = render_make(&render, rendition, i, error);
        if (picture == NULL ||
            !save(job, rendition, picture, fds[1 + i], facts, &result->thumbnails[i], error))
            return false;
    }
    if (!add_placeholder(&render, facts, error))
        return false;
    result->n_thumbnails = job->n_renditions;
    return true;
}

static bool run(const WireJob *job, const int *fds, WireResult *result, GError **error)
{
    g_auto(Source) source = {0};
    if (!source_open(fds[0], job->max_file_size, &source, error))
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
           make_renditions(job, fds, &decoder, result, error);
}

/* A result may only hold what can be said of an object; all else is our own failure to handle it.
 */
static ErrorCode object_error(ErrorCode code)
{
    return code < ERROR_USAGE ? code : ERROR_HANDLER_CRASHED;
}

void job_run(const WireJob *job, const int *fds, WireResult *ret_result)
{
    g_autoptr(GError) error = NULL;
    *ret_result = (WireResult){.serial = job->serial};
    if (!run(job, fds, ret_result, &error)) {
        ret_result->error = object_error(error_code(error));
        ret_result->n_thumbnails = 0;
        fault_clean_text(error->message, ret_result->message, sizeof ret_result->message);
    }
    vips_error_clear();
}
