/* SPDX-License-Identifier: Apache-2.0 */
#include "views/placeholder.h"

#include "views/terminal.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Cosine terms of a channel in each direction. */
#define TERMS_MAX 7

/* A channel: its average and the amplitudes of its low-frequency cosine terms. */
typedef struct {
    int nx, ny;
    double average;
    /* Indexed as [y][x]. */
    double terms[TERMS_MAX][TERMS_MAX];
} Channel;

typedef struct {
    const uint8_t *bytes;
    size_t len;
    /* In half bytes. */
    size_t at;
} HashNibbles;

static unsigned byte_at(const HashNibbles *hash, size_t i)
{
    return i < hash->len ? hash->bytes[i] : 0;
}

static unsigned next_nibble(HashNibbles *hash)
{
    unsigned byte = byte_at(hash, hash->at / 2);
    return (hash->at++ % 2 ? byte >> 4 : byte) & 15;
}

static void read_channel(HashNibbles *hash, Channel *channel, int nx, int ny, double average,
                         double scale)
{
    memset(channel, 0, sizeof *channel);
    channel->nx = nx;
    channel->ny = ny;
    channel->average = average;
    for (int y = 0; y < ny; y++) {
        for (int x = y ? 0 : 1; x * ny < nx * (ny - y); x++)
            channel->terms[y][x] = (next_nibble(hash) / 7.5 - 1) * scale;
    }
}

/* Returns the value of the channel at a position. Units: both coordinates are from 0 to 1. */
static double value_at(const Channel *channel, double place_x, double place_y)
{
    double value = channel->average;
    for (int y = 0; y < channel->ny; y++) {
        double row = 0;
        for (int x = 0; x < channel->nx; x++)
            row += channel->terms[y][x] * cos(G_PI * place_x * x);
        value += row * cos(G_PI * place_y * y) * 2;
    }
    return value;
}

/* Lightness, yellow-blue, red-green and opacity. */
typedef struct {
    Channel l, p, q, a;
} Channels;

/* Unpacks the brightness, colour and alpha of a ThumbHash. */
static void read_channels(const uint8_t *bytes, size_t len, Channels *channels)
{
    HashNibbles hash = {.bytes = bytes, .len = len};
    unsigned first = byte_at(&hash, 0) | byte_at(&hash, 1) << 8 | byte_at(&hash, 2) << 16;
    unsigned second = byte_at(&hash, 3) | byte_at(&hash, 4) << 8;
    unsigned opacity = byte_at(&hash, 5);
    bool has_alpha = first >> 23;
    bool is_landscape = second >> 15;
    int longer = has_alpha ? 5 : 7;
    int shorter = MAX(3, (int)(second & 7));

    hash.at = has_alpha ? 12 : 10;
    read_channel(&hash, &channels->l, is_landscape ? longer : shorter,
                 is_landscape ? shorter : longer, (first & 63) / 63.0, (first >> 18 & 31) / 31.0);
    read_channel(&hash, &channels->p, 3, 3, (first >> 6 & 63) / 31.5 - 1,
                 (second >> 3 & 63) / 63.0 * 1.25);
    read_channel(&hash, &channels->q, 3, 3, (first >> 12 & 63) / 31.5 - 1,
                 (second >> 9 & 63) / 63.0 * 1.25);
    memset(&channels->a, 0, sizeof channels->a);
    channels->a.average = 1;
    if (has_alpha)
        read_channel(&hash, &channels->a, 5, 5, (opacity & 15) / 15.0, (opacity >> 4) / 15.0);
}

static uint8_t to_byte(double share)
{
    return (uint8_t)(CLAMP(share, 0, 1) * 255);
}

void placeholder_decode(const uint8_t *hash, size_t len, int width, int height, uint8_t *ret_rgb)
{
    Channels channels;
    read_channels(hash, len, &channels);
    for (int i = 0; i < width * height; i++) {
        int column = i % width, row = i / width;
        double x = (column + 0.5) / width;
        double y = (row + 0.5) / height;
        double l = value_at(&channels.l, x, y);
        double q = value_at(&channels.q, x, y);
        double opacity = CLAMP(value_at(&channels.a, x, y), 0, 1);
        double blue = l - 2.0 / 3 * value_at(&channels.p, x, y);
        double red = (3 * l - blue + q) / 2;
        uint8_t *pixel = ret_rgb + (size_t)i * 3;
        pixel[0] = to_byte(red * opacity);
        pixel[1] = to_byte((red - q) * opacity);
        pixel[2] = to_byte(blue * opacity);
    }
}

/* Units: pixels. A terminal cell shows two pixels, one above the other. */
#define PRINT_HEIGHT    12
#define PRINT_WIDTH_MIN 4
#define PRINT_WIDTH_MAX 36

/* Prints two pixels in one cell: the half block has the upper one, the background the lower one. */
static void print_cell(const uint8_t *upper, const uint8_t *lower)
{
    printf("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm▀", upper[0], upper[1], upper[2], lower[0],
           lower[1], lower[2]);
}

void placeholder_print(const ImageFacts *facts)
{
    uint8_t rgb[PRINT_WIDTH_MAX * PRINT_HEIGHT * 3] = {0};
    if (facts->thumbhash_len == 0 || facts->width <= 0 || facts->height <= 0 ||
        !terminal_has_truecolor() || !terminal_is_unicode())
        return;
    double wide = (double)facts->width / facts->height * PRINT_HEIGHT;
    int width = (int)CLAMP(wide, PRINT_WIDTH_MIN, PRINT_WIDTH_MAX);
    placeholder_decode(facts->thumbhash, facts->thumbhash_len, width, PRINT_HEIGHT, rgb);
    for (int y = 0; y < PRINT_HEIGHT; y += 2) {
        for (int x = 0; x < width; x++) {
            const uint8_t *upper = rgb + (size_t)(y * width + x) * 3;
            print_cell(upper, upper + (size_t)width * 3);
        }
        printf("%s\n", terminal_reset());
    }
    putchar('\n');
}
