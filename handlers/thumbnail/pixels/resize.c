/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/resize.h"

#include "pixels/scale.h"

/* Scales all bands in the same way. */
static Picture *scale(const Picture *from, ResizeExtent extent, int width, int height,
                      GError **error)
{
    const ScaleAxis across = {from->width, width, extent.width / width, 0, extent.softness};
    const ScaleAxis down = {from->height, height, extent.height / height, 0, extent.softness};
    g_autoptr(Scaler) scaler =
        scaler_new(&across, &down, SCALE_LEVELS_SAME, from->bands, picture_stride(from), error);
    if (scaler == NULL)
        return NULL;
    scaler_add_all(scaler, from->pixels);
    return scaler_steal(scaler);
}

static Picture *premultiply(const Picture *from, GError **error)
{
    Picture *to = picture_new(from->width, from->height, 4, error);
    size_t n = picture_stride(from) * (size_t)from->height;
    for (size_t i = 0; to != NULL && i < n; i += 4) {
        unsigned alpha = from->pixels[i + 3];
        for (size_t band = 0; band < 3; band++)
            to->pixels[i + band] = (uint8_t)((from->pixels[i + band] * alpha + 127) / 255);
        to->pixels[i + 3] = (uint8_t)alpha;
    }
    return to;
}

static void unpremultiply(Picture *picture)
{
    size_t n = picture_stride(picture) * (size_t)picture->height;
    for (size_t i = 0; i < n; i += 4) {
        unsigned alpha = picture->pixels[i + 3];
        for (size_t band = 0; band < 3; band++) {
            unsigned value = alpha > 0 ? (picture->pixels[i + band] * 255U + alpha / 2) / alpha : 0;
            picture->pixels[i + band] = (uint8_t)MIN(value, 255);
        }
    }
}

Picture *resize_extent(const Picture *picture, ResizeExtent extent, int width, int height,
                       ResizeBands bands, GError **error)
{
    if (bands != RESIZE_ALPHA)
        return scale(picture, extent, width, height, error);
    g_autoptr(Picture) premultiplied = premultiply(picture, error);
    if (premultiplied == NULL)
        return NULL;
    Picture *small = scale(premultiplied, extent, width, height, error);
    if (small != NULL)
        unpremultiply(small);
    return small;
}

Picture *resize_picture(const Picture *picture, int width, int height, ResizeBands bands,
                        GError **error)
{
    const ResizeExtent whole = {picture->width, picture->height, 0};
    return resize_extent(picture, whole, width, height, bands, error);
}
