/* SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <turbojpeg.h>

struct Floor {
    const void *data;
    size_t size;
    tjhandle reader, writer;
    int denominator;
    /* Size of the decoded picture. */
    int width, height;
    int thumbnail_width, thumbnail_height;
    uint8_t *pixels, *thumbnail;
    unsigned char *jpeg;
    unsigned long jpeg_size;
    int quality;
};

static bool read_header(Floor *floor, const void *data, size_t size, int *ret_width,
                        int *ret_height)
{
    int subsampling, space;
    return tjDecompressHeader3(floor->reader, data, size, ret_width, ret_height, &subsampling,
                               &space) == 0;
}

/* True for the 1.9 times as many pixels that the handler wants for its filter. */
static bool is_enough(int decoded, int wanted)
{
    return (int64_t)decoded * 10 >= (int64_t)wanted * 19;
}

/* Chooses the smallest scale that leaves enough for the thumbnail, as the handler does. */
static void choose_scale(Floor *floor, int width, int height)
{
    for (floor->denominator = 8; floor->denominator >= 1; floor->denominator /= 2) {
        const tjscalingfactor factor = {1, floor->denominator};
        floor->width = TJSCALED(width, factor);
        floor->height = TJSCALED(height, factor);
        if (floor->denominator == 1 || (is_enough(floor->width, floor->thumbnail_width) &&
                                        is_enough(floor->height, floor->thumbnail_height)))
            return;
    }
}

Floor *floor_new(const void *data, size_t size, const void *thumbnail, size_t thumbnail_size,
                 int quality)
{
    g_autoptr(Floor) floor = g_new0(Floor, 1);
    int width, height;

    *floor = (Floor){.data = data, .size = size, .quality = quality};
    floor->reader = tjInitDecompress();
    floor->writer = tjInitCompress();
    if (!read_header(floor, thumbnail, thumbnail_size, &floor->thumbnail_width,
                     &floor->thumbnail_height) ||
        !read_header(floor, data, size, &width, &height))
        return NULL;
    choose_scale(floor, width, height);
    floor->pixels = g_malloc((gsize)floor->width * (gsize)floor->height * 3);
    floor->thumbnail = g_malloc((gsize)floor->thumbnail_width * (gsize)floor->thumbnail_height * 3);
    if (tjDecompress2(floor->reader, thumbnail, thumbnail_size, floor->thumbnail,
                      floor->thumbnail_width, 0, floor->thumbnail_height, TJPF_RGB, 0) != 0)
        return NULL;
    return g_steal_pointer(&floor);
}

bool floor_run(Floor *floor)
{
    return tjDecompress2(floor->reader, floor->data, floor->size, floor->pixels, floor->width, 0,
                         floor->height, TJPF_RGB, 0) == 0 &&
           tjCompress2(floor->writer, floor->thumbnail, floor->thumbnail_width, 0,
                       floor->thumbnail_height, TJPF_RGB, &floor->jpeg, &floor->jpeg_size,
                       TJSAMP_420, floor->quality, 0) == 0;
}

int floor_denominator(const Floor *floor)
{
    return floor->denominator;
}

void floor_free(Floor *floor)
{
    if (!floor)
        return;
    g_clear_pointer(&floor->reader, tjDestroy);
    g_clear_pointer(&floor->writer, tjDestroy);
    g_clear_pointer(&floor->jpeg, tjFree);
    g_free(floor->pixels);
    g_free(floor->thumbnail);
    g_free(floor);
}
