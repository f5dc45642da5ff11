#include "planes.h"

#include "resize.h"

#include <math.h>
#include <string.h>

/* No colour. */
#define NEUTRAL 128

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

/* Sets the planes made of those of `from`, if all could be made; takes what there is of them. */
static Picture *join(const Picture *from, Picture *luma, Picture *blue, Picture *red)
{
    if (luma != NULL)
        planes_set_chroma(luma, blue, red);
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

Picture *planes_resize(const Picture *picture, int width, int height, GError **error)
{
    Picture *made[3] = {resize_picture(picture, width, height, RESIZE_PLAIN, error)};
    int chroma_width = planes_chroma_size(width), chroma_height = planes_chroma_size(height);
    /* As many samples for one as in the luma: of odd sides the last one lies partly beyond. */
    const ResizeExtent extent = {(double)picture->width / width * chroma_width,
                                 (double)picture->height / height * chroma_height};
    for (int i = 0; i < 2 && made[i] != NULL && picture->chroma[i] != NULL; i++)
        made[i + 1] = resize_extent(picture->chroma[i], extent, chroma_width, chroma_height,
                                    RESIZE_PLAIN, error);
    return join(picture, made[0], made[1], made[2]);
}

static uint8_t to_byte(double value)
{
    return (uint8_t)lrint(CLAMP(value, 0, 255));
}

/* The planes may be of any sizes. Without colours, it is grey. */
static void convert(const Picture *luma, const Picture *blue, const Picture *red, Picture *to)
{
    uint8_t *at = to->pixels;
    for (int y = 0; y < to->height; y++) {
        for (int x = 0; x < to->width; x++, at += 3) {
            double light = luma->pixels[(size_t)y * picture_stride(luma) + (size_t)x];
            double cb = 0, cr = 0;
            if (blue != NULL) {
                size_t from = (size_t)(y * blue->height / to->height) * picture_stride(blue) +
                              (size_t)(x * blue->width / to->width);
                cb = blue->pixels[from] - NEUTRAL;
                cr = red->pixels[from] - NEUTRAL;
            }
            at[0] = to_byte(light + 1.402 * cr);
            at[1] = to_byte(light - 0.344136 * cb - 0.714136 * cr);
            at[2] = to_byte(light + 1.772 * cb);
        }
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
        convert(luma, blue, red, rgb);
    return rgb;
}
