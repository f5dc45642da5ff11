/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/save.h"

#include "formats/animate.h"
#include "formats/encode.h"
#include "formats/frame.h"

bool save_still(const Rendition *rendition, const Picture *picture, const Metadata *metadata,
                const ImageFacts *facts, GBytes **ret_bytes, ThumbnailFacts *ret_thumbnail,
                GError **error)
{
    ImageType type = rendition_output_type(rendition, facts->type, facts->alpha);
    g_autoptr(Picture) converted = NULL, flat = NULL;
    if (metadata->icc != NULL && !(rendition->keep & KEEP_ICC && encode_accepts_metadata(type))) {
        picture = converted = frame_to_srgb(picture, metadata->icc, error);
        if (picture == NULL)
            return false;
    }
    if (picture->bands == 4 && !encode_accepts_alpha(type)) {
        picture = flat = picture_flatten(picture, rendition->background, error);
        if (picture == NULL)
            return false;
    }
    g_autoptr(GBytes) plain = encode_picture(picture, type, rendition->quality, error);
    if (plain == NULL)
        return false;
    GBytes *bytes = *ret_bytes = encode_embed(plain, type, metadata, rendition->keep);
    *ret_thumbnail = (ThumbnailFacts){.type = type,
                                      .width = picture->width,
                                      .height = picture->height,
                                      .size = (int64_t)g_bytes_get_size(bytes)};
    return true;
}

bool save_animation(const Rendition *rendition, const Decoder *decoder, const Geometry *geometry,
                    int n_frames, GBytes **ret_bytes, ThumbnailFacts *ret_thumbnail, GError **error)
{
    g_autoptr(GBytes) plain = animate(decoder, rendition, geometry, n_frames, error);
    if (plain == NULL)
        return false;
    GBytes *bytes = *ret_bytes =
        encode_embed(plain, IMAGE_WEBP, &decoder->metadata, rendition->keep & ~(unsigned)KEEP_ICC);
    *ret_thumbnail = (ThumbnailFacts){.type = IMAGE_WEBP,
                                      .width = geometry->width,
                                      .height = geometry->height,
                                      .size = (int64_t)g_bytes_get_size(bytes)};
    return true;
}
