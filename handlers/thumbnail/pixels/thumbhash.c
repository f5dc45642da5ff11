/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels/thumbhash.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>

/* Per axis. */
#define TERMS_MAX 7
/* The triangle below the diagonal. */
#define AC_MAX (TERMS_MAX * (TERMS_MAX + 1) / 2)

/* A channel with a smaller scale is flat: its terms are rounding noise. */
#define FLAT 1e-9

/* The cosine terms of one channel: the mean, and the rest scaled to 0..1 around 0.5. */
typedef struct {
    double dc, scale;
    double ac[AC_MAX];
    int n_ac;
} Terms;

typedef struct {
    /* Luminance, yellow-blue, red-green, alpha. */
    double l, p, q, a;
} Lpqa;

typedef struct {
    int width, height;
    /* Mean of the opaque colours, as l = red, p = green, q = blue; a = sum of alpha. */
    Lpqa mean;
    double pixels[4][THUMBHASH_SIDE_MAX * THUMBHASH_SIDE_MAX];
} Planes;

/* A writer of the hash, whose fields are packed four bits at a time. */
typedef struct {
    uint8_t *bytes;
    size_t nibbles;
} Nibbles;

static unsigned rounded(double value)
{
    return (unsigned)floor(value + 0.5);
}

static void push_nibble(Nibbles *out, unsigned value)
{
    uint8_t *byte = &out->bytes[out->nibbles / 2];
    *byte = out->nibbles % 2 == 0 ? (uint8_t)value : (uint8_t)(*byte | value << 4);
    out->nibbles++;
}

/* Splits the picture into planes, laid over its own mean colour where it is transparent. */
static void split(const uint8_t *rgba, int width, int height, Planes *planes)
{
    size_t n = (size_t)width * (size_t)height;
    double red = 0, green = 0, blue = 0, opacity = 0;
    for (size_t i = 0; i < n; i++) {
        double alpha = rgba[4 * i + 3] / 255.0;
        red += alpha / 255.0 * rgba[4 * i];
        green += alpha / 255.0 * rgba[4 * i + 1];
        blue += alpha / 255.0 * rgba[4 * i + 2];
        opacity += alpha;
    }
    if (opacity > 0) {
        red /= opacity;
        green /= opacity;
        blue /= opacity;
    }
    for (size_t i = 0; i < n; i++) {
        double alpha = rgba[4 * i + 3] / 255.0;
        double r = red * (1 - alpha) + alpha / 255.0 * rgba[4 * i];
        double g = green * (1 - alpha) + alpha / 255.0 * rgba[4 * i + 1];
        double b = blue * (1 - alpha) + alpha / 255.0 * rgba[4 * i + 2];
        planes->pixels[0][i] = (r + g + b) / 3;
        planes->pixels[1][i] = (r + g) / 2 - b;
        planes->pixels[2][i] = r - g;
        planes->pixels[3][i] = alpha;
    }
    planes->width = width;
    planes->height = height;
    planes->mean.a = opacity;
}

/* Computes the cosine terms of one plane, those with cx / nx + cy / ny < 1. */
static void transform(const Planes *planes, int plane, int nx, int ny, Terms *ret_terms)
{
    int width = planes->width, height = planes->height;
    const double *pixels = planes->pixels[plane];
    double wave[TERMS_MAX][THUMBHASH_SIDE_MAX];
    for (int cx = 0; cx < nx; cx++) {
        for (int x = 0; x < width; x++)
            wave[cx][x] = cos(G_PI / width * cx * (x + 0.5));
    }

    /* Rows first, for all cx; each cy then needs only one sum down the columns. */
    double rows[TERMS_MAX][THUMBHASH_SIDE_MAX];
    for (int cx = 0; cx < nx; cx++) {
        for (int y = 0; y < height; y++) {
            double sum = 0;
            for (int x = 0; x < width; x++)
                sum += pixels[x + y * width] * wave[cx][x];
            rows[cx][y] = sum;
        }
    }

    *ret_terms = (Terms){0};
    for (int cy = 0; cy < ny; cy++) {
        for (int cx = 0; cx * ny < nx * (ny - cy); cx++) {
            double sum = 0;
            for (int y = 0; y < height; y++)
                sum += rows[cx][y] * cos(G_PI / height * cy * (y + 0.5));
            sum /= width * height;
            if (cx == 0 && cy == 0) {
                ret_terms->dc = sum;
                continue;
            }
            ret_terms->ac[ret_terms->n_ac++] = sum;
            ret_terms->scale = MAX(ret_terms->scale, fabs(sum));
        }
    }
    bool flat = ret_terms->scale < FLAT;
    for (int i = 0; i < ret_terms->n_ac; i++)
        ret_terms->ac[i] = flat ? 0 : 0.5 + 0.5 / ret_terms->scale * ret_terms->ac[i];
    if (flat)
        ret_terms->scale = 0;
}

static void push_ac(Nibbles *out, const Terms *terms)
{
    for (int i = 0; i < terms->n_ac; i++)
        push_nibble(out, rounded(15 * terms->ac[i]));
}

size_t thumbhash_encode(const uint8_t *rgba, int width, int height,
                        uint8_t ret_hash[static THUMBHASH_MAX])
{
    g_autofree Planes *planes = g_new(Planes, 1);
    split(rgba, width, height, planes);

    bool has_alpha = planes->mean.a < width * height;
    int longest = MAX(width, height);
    int limit = has_alpha ? 5 : 7;
    int lx = MAX(1, (int)rounded((double)limit * width / longest));
    int ly = MAX(1, (int)rounded((double)limit * height / longest));
    Terms l, p, q, a = {0};
    transform(planes, 0, MAX(3, lx), MAX(3, ly), &l);
    transform(planes, 1, 3, 3, &p);
    transform(planes, 2, 3, 3, &q);

    bool landscape = width > height;
    uint32_t head = rounded(63 * l.dc) | rounded(31.5 + 31.5 * p.dc) << 6 |
                    rounded(31.5 + 31.5 * q.dc) << 12 | rounded(31 * l.scale) << 18 |
                    (uint32_t)has_alpha << 23;
    uint32_t tail = (uint32_t)(landscape ? ly : lx) | rounded(63 * p.scale) << 3 |
                    rounded(63 * q.scale) << 9 | (uint32_t)landscape << 15;
    Nibbles out = {.bytes = ret_hash};
    for (int shift = 0; shift < 24; shift += 4)
        push_nibble(&out, head >> shift & 15);
    for (int shift = 0; shift < 16; shift += 4)
        push_nibble(&out, tail >> shift & 15);
    if (has_alpha) {
        transform(planes, 3, 5, 5, &a);
        push_nibble(&out, rounded(15 * a.dc));
        push_nibble(&out, rounded(15 * a.scale));
    }
    push_ac(&out, &l);
    push_ac(&out, &p);
    push_ac(&out, &q);
    push_ac(&out, &a);
    return (out.nibbles + 1) / 2;
}
