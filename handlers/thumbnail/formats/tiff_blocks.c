/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/tiff_blocks.h"

#include "base/error.h"

/* Source: TIFF 6.0, sections 8 and 15. */
#define TAG_IMAGE_WIDTH       256
#define TAG_IMAGE_LENGTH      257
#define TAG_SAMPLES_PER_PIXEL 277
#define TAG_ROWS_PER_STRIP    278
#define TAG_PLANAR            284
#define TAG_TILE_WIDTH        322
#define TAG_TILE_LENGTH       323

#define PLANAR_SEPARATE 2

/* The layout of a picture; 0: the file does not state it. */
typedef struct {
    uint64_t width, height, samples, rows, planar, tile_width, tile_height;
} Layout;

static void raise_to(uint64_t *value, uint64_t other)
{
    *value = MAX(*value, other);
}

static void lower_to(uint64_t *value, uint64_t other)
{
    if (other != 0 && (*value == 0 || other < *value))
        *value = other;
}

/*
 * Sets the member of the layout that the entry stands for. Of several entries of one tag, the most
 * expensive one counts.
 */
static void read_entry(uint64_t tag, uint64_t value, Layout *layout)
{
    switch (tag) {
    case TAG_IMAGE_WIDTH:
        raise_to(&layout->width, value);
        break;
    case TAG_IMAGE_LENGTH:
        raise_to(&layout->height, value);
        break;
    case TAG_SAMPLES_PER_PIXEL:
        raise_to(&layout->samples, value);
        break;
    case TAG_PLANAR:
        raise_to(&layout->planar, value);
        break;
    case TAG_ROWS_PER_STRIP:
        lower_to(&layout->rows, value);
        break;
    case TAG_TILE_WIDTH:
        lower_to(&layout->tile_width, value);
        break;
    case TAG_TILE_LENGTH:
        lower_to(&layout->tile_height, value);
        break;
    default:
        break;
    }
}

/* Reads the layout of the picture. False if there is no directory. */
static bool read_layout(const Tiff *tiff, uint64_t at, Layout *layout)
{
    TiffDirectory directory;
    if (!tiff_directory(tiff, at, &directory))
        return false;
    for (uint64_t i = 0; i < directory.n; i++) {
        const TiffEntry entry = tiff_entry(tiff, &directory, i);
        read_entry(entry.tag, tiff_value(tiff, &entry, 0), layout);
    }
    return true;
}

/*
 * Returns the number of parts, at most 2^20, so that a product of three such numbers does not
 * overflow.
 */
static uint64_t parts(uint64_t whole, uint64_t part)
{
    return MIN(whole / part + (whole % part != 0), 1 << 20);
}

static bool check_strips(const Layout *layout, GError **error)
{
    /* One strip. */
    if (layout->rows == 0)
        return true;
    uint64_t planes = layout->planar == PLANAR_SEPARATE ? MIN(layout->samples, 65535) : 1;
    uint64_t strips = parts(layout->height, layout->rows) * MAX(planes, 1);
    if (strips <= TIFF_STRIPS_MAX)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                "%" G_GUINT64_FORMAT " strips, the limit is %d", strips, TIFF_STRIPS_MAX);
    return false;
}

static bool check_tiles(const Layout *layout, GError **error)
{
    uint64_t across = parts(layout->width, layout->tile_width);
    uint64_t tiles = across * parts(layout->height, layout->tile_height);
    if (tiles > TIFF_TILES_MAX)
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "%" G_GUINT64_FORMAT " tiles, the limit is %d", tiles, TIFF_TILES_MAX);
    else if (tiles * across > TIFF_TILE_STEPS_MAX)
        g_set_error(error, THUMBQ_ERROR, ERROR_TOO_MANY_PIXELS,
                    "%" G_GUINT64_FORMAT " tiles with %" G_GUINT64_FORMAT
                    " in a row, the limit of their product is %d",
                    tiles, across, TIFF_TILE_STEPS_MAX);
    else
        return true;
    return false;
}

bool tiff_blocks_check(const Tiff *tiff, uint64_t at, GError **error)
{
    Layout layout = {0};
    if (!read_layout(tiff, at, &layout))
        return true;
    /* A picture in tiles may state the rows of a strip, but has no strips. */
    return layout.tile_width != 0 && layout.tile_height != 0 ? check_tiles(&layout, error)
                                                             : check_strips(&layout, error);
}
