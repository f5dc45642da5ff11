/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/picture.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

Picture *picture_new(int width, int height, int bands, GError **error)
{
    /* Uses malloc: the file decides the size, and g_malloc would end the process. */
    uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)bands);
    if (pixels == NULL) {
        g_set_error(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                    "not enough memory for a picture of %d x %d pixels", width, height);
        return NULL;
    }
    Picture *picture = g_new0(Picture, 1);
    picture->width = width;
    picture->height = height;
    picture->bands = bands;
    picture->pixels = pixels;
    return picture;
}

void picture_free(Picture *picture)
{
    if (picture == NULL)
        return;
    picture_free(picture->chroma[0]);
    picture_free(picture->chroma[1]);
    free(picture->pixels);
    g_free(picture);
}

size_t picture_stride(const Picture *picture)
{
    return (size_t)picture->width * (size_t)picture->bands;
}

/* libjpeg uses the same grey. */
#define MISSING 128

void picture_clear_rows(Picture *picture, int first)
{
    size_t stride = picture_stride(picture);
    size_t start = (size_t)first * stride, end = (size_t)picture->height * stride;
    memset(picture->pixels + start, MISSING, end - start);
    for (size_t i = start + 3; picture->bands == 4 && i < end; i += 4)
        picture->pixels[i] = 0;
}

static const uint8_t *pixel_at(const Picture *picture, int x, int y)
{
    return picture->pixels + (size_t)y * picture_stride(picture) +
           (size_t)x * (size_t)picture->bands;
}

/*
 * How the pixels of an upright picture lie in the stored one: the source of (0, 0), and the steps
 * there for one step to the right and one step down.
 */
typedef struct {
    /* The source of (0, 0) is in the last column, the last row. */
    int from_right, from_bottom;
    int right_x, right_y, down_x, down_y;
} Turn;

static const Turn turns[9] = {
    [1] = {0, 0, 1, 0, 0, 1},   [2] = {1, 0, -1, 0, 0, 1}, [3] = {1, 1, -1, 0, 0, -1},
    [4] = {0, 1, 1, 0, 0, -1},  [5] = {0, 0, 0, 1, 1, 0},  [6] = {0, 1, 0, -1, 1, 0},
    [7] = {1, 1, 0, -1, -1, 0}, [8] = {1, 0, 0, 1, -1, 0},
};

static const Turn *turn_of(int orientation)
{
    return &turns[orientation >= 1 && orientation <= 8 ? orientation : 1];
}

void picture_mirrors(int orientation, bool *ret_across, bool *ret_down)
{
    *ret_across = turn_of(orientation)->from_right;
    *ret_down = turn_of(orientation)->from_bottom;
}

Picture *picture_orient(const Picture *picture, int orientation, GError **error)
{
    const Turn *turn = turn_of(orientation);
    bool swapped = turn->right_x == 0;
    int bands = picture->bands;
    Picture *upright = picture_new(swapped ? picture->height : picture->width,
                                   swapped ? picture->width : picture->height, bands, error);
    if (upright == NULL)
        return NULL;

    ptrdiff_t stride = (ptrdiff_t)picture_stride(picture);
    ptrdiff_t right = turn->right_x * bands + turn->right_y * stride;
    ptrdiff_t down = turn->down_x * bands + turn->down_y * stride;
    const uint8_t *row = pixel_at(picture, turn->from_right ? picture->width - 1 : 0,
                                  turn->from_bottom ? picture->height - 1 : 0);
    uint8_t *to = upright->pixels;
    for (int y = 0; y < upright->height; y++) {
        for (int x = 0; x < upright->width; x++) {
            memcpy(to, row + y * down + x * right, (size_t)bands);
            to += bands;
        }
    }
    return upright;
}

Picture *picture_crop(const Picture *picture, int left, int top, int width, int height,
                      GError **error)
{
    Picture *part = picture_new(width, height, picture->bands, error);
    if (part == NULL)
        return NULL;
    size_t stride = picture_stride(part);
    for (int y = 0; y < height; y++)
        memcpy(part->pixels + (size_t)y * stride, pixel_at(picture, left, top + y), stride);
    return part;
}

/* Computes the mean of a box of pixels with alpha: colours count in proportion to their alpha. */
static void average(const Picture *picture, int x0, int y0, int x1, int y1, uint8_t *to)
{
    uint64_t sums[3] = {0}, weight = 0, n = (uint64_t)(x1 - x0) * (uint64_t)(y1 - y0);
    for (int y = y0; y < y1; y++) {
        const uint8_t *from = pixel_at(picture, x0, y);
        for (int x = x0; x < x1; x++, from += 4) {
            for (int i = 0; i < 3; i++)
                sums[i] += (uint64_t)from[i] * from[3];
            weight += from[3];
        }
    }
    for (int i = 0; i < 3; i++)
        to[i] = weight > 0 ? (uint8_t)((sums[i] + weight / 2) / weight) : 0;
    to[3] = (uint8_t)((weight + n / 2) / n);
}

/*
 * Returns where the boxes begin and the last one ends, if `to` pixels are made of `from`. Divides
 * only once per box.
 */
static int *box_starts(int from, int to)
{
    int *starts = g_try_new(int, (gsize)to + 1);
    for (int i = 0; starts != NULL && i <= to; i++)
        starts[i] = (int)((int64_t)i * from / to);
    return starts;
}

static void shrink_alpha(const Picture *picture, const int *xs, const int *ys, Picture *small)
{
    uint8_t *to = small->pixels;
    for (int y = 0; y < small->height; y++) {
        for (int x = 0; x < small->width; x++, to += 4)
            average(picture, xs[x], ys[y], xs[x + 1], ys[y + 1], to);
    }
}

/* Computes the means of boxes that are `rows` high, whose columns were added up already. */
static void average_columns(const uint32_t *columns, const int *xs, int rows, Picture *small,
                            uint8_t *to)
{
    int bands = small->bands;
    for (int x = 0; x < small->width; x++, to += bands) {
        double n = (double)rows * (xs[x + 1] - xs[x]);
        for (int band = 0; band < bands; band++) {
            uint64_t sum = 0;
            for (int at = xs[x]; at < xs[x + 1]; at++)
                sum += columns[at * bands + band];
            to[band] = (uint8_t)((double)sum / n + 0.5);
        }
    }
}

/* Shrinks a picture without alpha, row by row. */
static void shrink_plain(const Picture *picture, const int *xs, const int *ys, uint32_t *columns,
                         Picture *small)
{
    size_t stride = picture_stride(picture);
    for (int y = 0; y < small->height; y++) {
        memset(columns, 0, stride * sizeof *columns);
        for (int from = ys[y]; from < ys[y + 1]; from++) {
            const uint8_t *row = pixel_at(picture, 0, from);
            for (size_t at = 0; at < stride; at++)
                columns[at] += row[at];
        }
        average_columns(columns, xs, ys[y + 1] - ys[y], small,
                        small->pixels + (size_t)y * picture_stride(small));
    }
}

Picture *picture_shrink(const Picture *picture, int width, int height, GError **error)
{
    width = MIN(width, picture->width);
    height = MIN(height, picture->height);
    g_autoptr(Picture) small = picture_new(width, height, picture->bands, error);
    if (small == NULL)
        return NULL;
    g_autofree int *xs = box_starts(picture->width, width);
    g_autofree int *ys = box_starts(picture->height, height);
    g_autofree uint32_t *columns = g_try_new(uint32_t, picture_stride(picture));
    if (xs == NULL || ys == NULL || columns == NULL) {
        g_set_error_literal(error, THUMBQ_ERROR, ERROR_OUT_OF_MEMORY,
                            "not enough memory to shrink the picture");
        return NULL;
    }
    if (picture->bands == 4)
        shrink_alpha(picture, xs, ys, small);
    else
        shrink_plain(picture, xs, ys, columns, small);
    return g_steal_pointer(&small);
}

bool picture_is_transparent(const Picture *picture)
{
    if (picture->bands != 4)
        return false;
    size_t n = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n; i++) {
        if (picture->pixels[4 * i + 3] != 255)
            return true;
    }
    return false;
}

Picture *picture_flatten(const Picture *picture, uint32_t background, GError **error)
{
    Picture *flat = picture_new(picture->width, picture->height, 3, error);
    if (flat == NULL)
        return NULL;
    const unsigned under[3] = {background >> 16 & 255, background >> 8 & 255, background & 255};
    const uint8_t *from = picture->pixels;
    uint8_t *to = flat->pixels;
    size_t n = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n; i++, from += 4, to += 3) {
        for (int band = 0; band < 3; band++)
            to[band] =
                (uint8_t)((from[band] * from[3] + under[band] * (255U - from[3]) + 127) / 255);
    }
    return flat;
}

bool picture_is_grey(const Picture *picture)
{
    const uint8_t *at = picture->pixels;
    size_t n = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n; i++, at += picture->bands) {
        if (at[0] != at[1] || at[1] != at[2])
            return false;
    }
    return true;
}

typedef struct {
    uint64_t weight, sums[3];
} ColorBox;

#define BOXES_PER_BAND 16

bool picture_dominant_color(const Picture *picture, uint32_t *ret_color)
{
    const size_t n_boxes = BOXES_PER_BAND * BOXES_PER_BAND * BOXES_PER_BAND;
    g_autofree ColorBox *boxes = g_new0(ColorBox, n_boxes);
    const ColorBox *fullest = &boxes[0];
    const uint8_t *at = picture->pixels;
    size_t n = (size_t)picture->width * (size_t)picture->height;
    for (size_t i = 0; i < n; i++, at += picture->bands) {
        ColorBox *box = &boxes[(size_t)(at[0] >> 4) << 8 | (size_t)(at[1] >> 4) << 4 | at[2] >> 4];
        unsigned weight = picture->bands == 4 ? at[3] : 255;
        box->weight += weight;
        for (int band = 0; band < 3; band++)
            box->sums[band] += (uint64_t)at[band] * weight;
        if (box->weight > fullest->weight)
            fullest = box;
    }
    if (fullest->weight == 0)
        return false;
    uint32_t color = 0;
    for (int band = 0; band < 3; band++)
        color =
            color << 8 | (uint32_t)((fullest->sums[band] + fullest->weight / 2) / fullest->weight);
    *ret_color = color;
    return true;
}
