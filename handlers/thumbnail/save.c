#include "save.h"

#include "animate.h"
#include "encode.h"
#include "frame.h"

#include <errno.h>
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

/* Writes one thumbnail, which may not be too large. */
static bool write_thumbnail(const WireJob *job, const Rendition *rendition, GBytes *bytes, int fd,
                            GError **error)
{
    int64_t size = (int64_t)g_bytes_get_size(bytes);
    if (size > job->max_output_size) {
        g_set_error(error, THUMBQ_ERROR, ERROR_OUTPUT_TOO_LARGE,
                    "'%s' has %" G_GINT64_FORMAT " bytes, the limit is %" G_GINT64_FORMAT,
                    rendition->name, (gint64)size, (gint64)job->max_output_size);
        return false;
    }
    return write_bytes(fd, bytes, error);
}

bool save_still(const WireJob *job, const Rendition *rendition, const Picture *picture,
                const Metadata *metadata, const ImageFacts *facts, int fd,
                ThumbnailFacts *ret_thumbnail, GError **error)
{
    ImageType type = rendition_output_type(rendition, facts->type, facts->alpha);
    g_autoptr(Picture) converted = NULL, flat = NULL;
    if (metadata->icc != NULL && !(rendition->keep & KEEP_ICC && metadata_fits(type))) {
        picture = converted = frame_to_srgb(picture, metadata->icc, error);
        if (picture == NULL)
            return false;
    }
    if (type == IMAGE_JPEG && picture->bands == 4) {
        picture = flat = picture_flatten(picture, rendition->background, error);
        if (picture == NULL)
            return false;
    }
    g_autoptr(GBytes) plain = encode_picture(picture, type, rendition->quality, error);
    if (plain == NULL)
        return false;
    g_autoptr(GBytes) bytes = metadata_embed(plain, type, metadata, rendition->keep);
    if (!write_thumbnail(job, rendition, bytes, fd, error))
        return false;
    *ret_thumbnail = (ThumbnailFacts){.type = type,
                                      .width = picture->width,
                                      .height = picture->height,
                                      .size = (int64_t)g_bytes_get_size(bytes)};
    return true;
}

bool save_animation(const WireJob *job, const Rendition *rendition, const Decoder *decoder,
                    const Geometry *geometry, int n_frames, int fd, ThumbnailFacts *ret_thumbnail,
                    GError **error)
{
    g_autoptr(GBytes) plain = animate(decoder, rendition, geometry, n_frames, error);
    if (plain == NULL)
        return false;
    g_autoptr(GBytes) bytes = metadata_embed(plain, IMAGE_WEBP, &decoder->metadata,
                                             rendition->keep & ~(unsigned)KEEP_ICC);
    if (!write_thumbnail(job, rendition, bytes, fd, error))
        return false;
    *ret_thumbnail = (ThumbnailFacts){.type = IMAGE_WEBP,
                                      .width = geometry->width,
                                      .height = geometry->height,
                                      .size = (int64_t)g_bytes_get_size(bytes)};
    return true;
}
