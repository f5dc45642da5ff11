/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/yuv.h"

#include <glib.h>
#include <math.h>

/* Bits of the fractions of factors. Sums of 12-bit samples and 16-bit results fit 32 bits. */
#define SHIFT 12

/* The weights of red and blue in luma. Source: ITU-T H.273, table 4. */
static const struct {
    int matrix;
    double red, blue;
} weights[] = {{MATRIX_BT709, 0.2126, 0.0722},
               {MATRIX_UNKNOWN, 0.299, 0.114},
               {4, 0.30, 0.11},
               {5, 0.299, 0.114},
               {MATRIX_BT601, 0.299, 0.114},
               {7, 0.212, 0.087},
               {MATRIX_BT2020, 0.2627, 0.0593}};

/* Of matrices that follow from the primaries (12). */
static const struct {
    int primaries, matrix;
} derived[] = {{1, MATRIX_BT709}, {5, MATRIX_BT601}, {6, MATRIX_BT601}, {7, 7}, {9, MATRIX_BT2020}};
#define MATRIX_DERIVED 12

/* Finds red, green and blue as sums of luma and differences of -0.5 to 0.5. */
static bool find_matrix(const CodedColors *colors, double ret_matrix[3][3])
{
    static const double identity[3][3] = {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}};
    static const double ycgco[3][3] = {{1, -1, 1}, {1, 1, 0}, {1, -1, -1}};
    int matrix = colors->matrix;
    for (size_t i = 0; matrix == MATRIX_DERIVED && i < G_N_ELEMENTS(derived); i++) {
        if (derived[i].primaries == colors->primaries)
            matrix = derived[i].matrix;
    }
    const double(*known)[3] = matrix == MATRIX_IDENTITY ? identity
                              : matrix == MATRIX_YCGCO  ? ycgco
                                                        : NULL;
    for (int i = 0; known != NULL && i < 9; i++)
        ret_matrix[i / 3][i % 3] = known[i / 3][i % 3];
    for (size_t i = 0; known == NULL && i < G_N_ELEMENTS(weights); i++) {
        if (weights[i].matrix != matrix)
            continue;
        double red = weights[i].red, blue = weights[i].blue, green = 1 - red - blue;
        const double found[3][3] = {
            {1, 0, 2 - 2 * red},
            {1, -(2 - 2 * blue) * blue / green, -(2 - 2 * red) * red / green},
            {1, 2 - 2 * blue, 0}};
        for (int at = 0; at < 9; at++)
            ret_matrix[at / 3][at % 3] = found[at / 3][at % 3];
        return true;
    }
    return known != NULL;
}

bool yuv_is_known(const CodedColors *colors)
{
    double matrix[3][3];
    return find_matrix(colors, matrix);
}

bool yuv_start(const CodedColors *colors, int bits, bool is_deep, Yuv *ret_yuv)
{
    double matrix[3][3];
    if (!find_matrix(colors, matrix))
        return false;
    double unit = 1 << (bits - 8), most = (1 << bits) - 1, out = is_deep ? 65535 : 255;
    bool is_rgb = colors->matrix == MATRIX_IDENTITY;
    double black = colors->is_full ? 0 : 16 * unit, span = colors->is_full ? most : 219 * unit;
    double middle = is_rgb ? black : 128 * unit;
    double color_span = is_rgb || colors->is_full ? span : 224 * unit;
    *ret_yuv = (Yuv){.max = (int32_t)out, .alpha = (int32_t)lround(out / most * (1 << SHIFT))};
    for (int i = 0; i < 3; i++) {
        /* Half a unit, so that the shift rounds. */
        double bias = 0.5;
        for (int j = 0; j < 3; j++) {
            double factor = matrix[i][j] * out / (j == 0 ? span : color_span);
            ret_yuv->factors[i][j] = (int32_t)lround(factor * (1 << SHIFT));
            bias -= factor * (j == 0 ? black : middle);
        }
        ret_yuv->bias[i] = (int32_t)lround(bias * (1 << SHIFT));
    }
    return true;
}

static inline int32_t sum_of(const Yuv *yuv, int i, int32_t y, int32_t blue, int32_t red)
{
    const int32_t *factors = yuv->factors[i];
    int32_t sum = factors[0] * y + factors[1] * blue + factors[2] * red + yuv->bias[i];
    return CLAMP(sum >> SHIFT, 0, yuv->max);
}

static inline int32_t alpha_of(const Yuv *yuv, int32_t value)
{
    return MIN((value * yuv->alpha + (1 << (SHIFT - 1))) >> SHIFT, yuv->max);
}

static void convert_deep(const Yuv *yuv, const uint16_t *const planes[4], size_t n, uint16_t *to)
{
    const uint16_t *y = planes[0], *blue = planes[1], *red = planes[2], *alpha = planes[3];
    for (size_t i = 0; i < n; i++) {
        for (int band = 0; band < 3; band++)
            *to++ = (uint16_t)sum_of(yuv, band, y[i], blue[i], red[i]);
        if (alpha != NULL)
            *to++ = (uint16_t)alpha_of(yuv, alpha[i]);
    }
}

static void convert_bytes(const Yuv *yuv, const uint16_t *const planes[4], size_t n, uint8_t *to)
{
    const uint16_t *y = planes[0], *blue = planes[1], *red = planes[2], *alpha = planes[3];
    for (size_t i = 0; i < n; i++) {
        for (int band = 0; band < 3; band++)
            *to++ = (uint8_t)sum_of(yuv, band, y[i], blue[i], red[i]);
        if (alpha != NULL)
            *to++ = (uint8_t)alpha_of(yuv, alpha[i]);
    }
}

void yuv_convert(const Yuv *yuv, const uint16_t *const planes[4], size_t n, bool is_deep, void *to)
{
    if (is_deep)
        convert_deep(yuv, planes, n, to);
    else
        convert_bytes(yuv, planes, n, to);
}

void yuv_widen(const uint16_t *from, size_t n, uint16_t *to)
{
    for (size_t i = 0; i < n; i++) {
        unsigned here = from[i], before = from[i > 0 ? i - 1 : 0];
        unsigned after = from[i + 1 < n ? i + 1 : n - 1];
        to[2 * i] = (uint16_t)((3 * here + before + 2) / 4);
        to[2 * i + 1] = (uint16_t)((3 * here + after + 2) / 4);
    }
}
