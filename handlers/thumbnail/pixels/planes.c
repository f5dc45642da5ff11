/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/planes.h"

#include <string.h>

/* The value of a colour plane without colour. */
#define NEUTRAL 128

static uint8_t to_byte(double value)
{
    return (uint8_t)(CLAMP(value, 0, 255) + 0.5);
}

bool planes_are(const Picture *picture)
{
    return picture->bands == 1;
}

int planes_chroma_size(int size)
{
    return (size + 1) / 2;
}

void planes_set_chroma(Picture *luma, Picture *blue, Picture *red)
{
    luma->chroma[0] = blue;
    luma->chroma[1] = red;
}

static bool is_neutral(const Picture *plane)
{
    size_t n = picture_stride(plane) * (size_t)plane->height;
    return plane->pixels[0] == NEUTRAL && memcmp(plane->pixels, plane->pixels + 1, n - 1) == 0;
}

bool planes_are_grey(const Picture *picture)
{
    return picture->chroma[0] == NULL ||
           (is_neutral(picture->chroma[0]) && is_neutral(picture->chroma[1]));
}

/* Joins planes that were made from those of `from`. Takes them. NULL if one could not be made. */
static Picture *join(const Picture *from, Picture *luma, Picture *blue, Picture *red)
{
    if (luma != NULL) {
        planes_set_chroma(luma, blue, red);
        luma->narrow = from->narrow;
    }
    if (luma != NULL && (from->chroma[0] == NULL || (blue != NULL && red != NULL)))
        return luma;
    picture_free(luma);
    return NULL;
}

Picture *planes_crop(const Picture *picture, int left, int top, int width, int height,
                     GError **error)
{
    Picture *made[3] = {picture_crop(picture, left, top, width, height, error)};
    for (int i = 0; i < 2 && made[i] != NULL && picture->chroma[i] != NULL; i++)
        made[i + 1] = picture_crop(picture->chroma[i], left / 2, top / 2, planes_chroma_size(width),
                                   planes_chroma_size(height), error);
    return join(picture, made[0], made[1], made[2]);
}

Picture *planes_orient(const Picture *picture, int orientation, GError **error)
{
    Picture *made[3] = {picture_orient(picture, orientation, error)};
    for (int i = 0; i < 2 && made[i] != NULL && picture->chroma[i] != NULL; i++)
        made[i + 1] = picture_orient(picture->chroma[i], orientation, error);
    return join(picture, made[0], made[1], made[2]);
}

/*
 * Scales one plane. The last colour sample of an odd side lies partly beyond it: colours are scaled
 * by the ratio of the luma.
 */
static Picture *resize_plane(const Picture *picture, int plane, int width, int height, bool narrow,
                             GError **error)
{
    const Picture *from = plane == 0 ? picture : picture->chroma[plane - 1];
    int to_width = plane == 0 ? width : planes_chroma_size(width);
    int to_height = plane == 0 ? height : planes_chroma_size(height);
    const ScaleAxis across = {from->width, to_width, (double)picture->width / width, 0, 0};
    const ScaleAxis down = {from->height, to_height, (double)picture->height / height, 0, 0};
    g_autoptr(Scaler) scaler =
        scaler_new(&across, &down, planes_levels(picture->narrow, narrow, plane), 1,
                   picture_stride(from), error);
    if (scaler == NULL)
        return NULL;
    scaler_add_all(scaler, from->pixels);
    return scaler_steal(scaler);
}

Picture *planes_resize(const Picture *picture, int width, int height, bool narrow, GError **error)
{
    Picture *made[3] = {NULL};
    int n = picture->chroma[0] != NULL ? 3 : 1;
    for (int i = 0; i < n && (i == 0 || made[i - 1] != NULL); i++)
        made[i] = resize_plane(picture, i, width, height, narrow, error);
    Picture *resized = join(picture, made[0], made[1], made[2]);
    if (resized != NULL)
        resized->narrow = narrow;
    return resized;
}

ScaleLevels planes_levels(bool from_narrow, bool to_narrow, int plane)
{
    double least = plane == 0 ? 16 : 128, zero = plane == 0 ? 0 : NEUTRAL;
    double share = (plane == 0 ? 219 : 224) / 255.0;
    if (from_narrow == to_narrow)
        return SCALE_LEVELS_SAME;
    return to_narrow ? (ScaleLevels){share, least - zero * share}
                     : (ScaleLevels){1 / share, zero - least / share};
}

static Picture *convert_plane(const Picture *from, ScaleLevels levels, GError **error)
{
    Picture *to = picture_new(from->width, from->height, 1, error);
    size_t n = picture_stride(from) * (size_t)from->height;
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = to_byte(i * levels.gain + levels.bias);
    for (size_t i = 0; to != NULL && i < n; i++)
        to->pixels[i] = table[from->pixels[i]];
    return to;
}

Picture *planes_convert(const Picture *picture, bool narrow, GError **error)
{
    Picture *made[3] = {convert_plane(picture, planes_levels(picture->narrow, narrow, 0), error)};
    for (int i = 0; i < 2 && made[i] != NULL && picture->chroma[i] != NULL; i++)
        made[i + 1] =
            convert_plane(picture->chroma[i], planes_levels(picture->narrow, narrow, i + 1), error);
    Picture *converted = join(picture, made[0], made[1], made[2]);
    if (converted != NULL)
        converted->narrow = narrow;
    return converted;
}

/*
 * Computes one value for each pixel of a row of `to`, from a plane that is no larger, in the wide
 * range.
 */
static void spread_row(const Picture *plane, int y, const Picture *to, ScaleLevels levels,
                       double *values)
{
    const uint8_t *row =
        plane->pixels + (size_t)(y * plane->height / to->height) * picture_stride(plane);
    for (int x = 0; x < to->width; x++) {
        int from = plane->width == to->width ? x : x * plane->width / to->width;
        values[x] = row[from] * levels.gain + levels.bias;
    }
}

static void color_row(const double *light, const double *blue, const double *red, int width,
                      uint8_t *to)
{
    for (int x = 0; x < width; x++, to += 3) {
        double cb = blue[x] - NEUTRAL, cr = red[x] - NEUTRAL;
        to[0] = to_byte(light[x] + 1.402 * cr);
        to[1] = to_byte(light[x] - 0.344136 * cb - 0.714136 * cr);
        to[2] = to_byte(light[x] + 1.772 * cb);
    }
}

/* Converts to RGB. Colour planes may be smaller than the luma; without them the picture is grey. */
static void to_rgb(const Picture *planes[3], bool narrow, Picture *to)
{
    gsize n = (gsize)to->width;
    g_autofree double *values = g_new(double, 3 * n);
    for (gsize i = 0; i < 3 * n; i++)
        values[i] = NEUTRAL;
    for (int y = 0; y < to->height; y++) {
        for (int i = 0; i < 3 && planes[i] != NULL; i++)
            spread_row(planes[i], y, to, planes_levels(narrow, false, i), values + (gsize)i * n);
        color_row(values, values + n, values + 2 * n, to->width,
                  to->pixels + (size_t)y * picture_stride(to));
    }
}

Picture *planes_shrink_to_rgb(const Picture *picture, int width, int height, GError **error)
{
    g_autoptr(Picture) luma = picture_shrink(picture, width, height, error);
    g_autoptr(Picture) blue = NULL, red = NULL;
    if (luma != NULL && picture->chroma[0] != NULL) {
        blue = picture_shrink(picture->chroma[0], width, height, error);
        red = blue != NULL ? picture_shrink(picture->chroma[1], width, height, error) : NULL;
        if (red == NULL)
            return NULL;
    }
    Picture *rgb = luma != NULL ? picture_new(luma->width, luma->height, 3, error) : NULL;
    if (rgb != NULL)
        to_rgb((const Picture *[3]){luma, blue, red}, picture->narrow, rgb);
    return rgb;
}
