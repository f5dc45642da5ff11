/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/heif_image.h"

#include "formats/heif_frame.h"
#include "formats/hevc_config.h"
#include "formats/yuv.h"

#include <malloc.h>
#include <string.h>

/* The rows of tiles that are held: filters read some rows of the one above again. */
#define HELD_ROWS 2

/* The place of the colours' format in `hvcC`. Source: ISO/IEC 14496-15, 8.3.3.1. */
#define HEVC_AT_CHROMA 16

/* Bytes that libde265 keeps about blocks, for each pixel; most are the motion of blocks of 4 x 4.
 */
#define BLOCK_BYTES 1

/* A row of decoded tiles. */
typedef struct {
    /* Owned; NULL: nothing is held. */
    HeifFrame *frames;
    int row;
} TileRow;

typedef struct {
    const HeifLayer *layer;
    TileRow held[HELD_ROWS];
} LayerReader;

typedef struct {
    const HeifPicture *picture;
    LayerReader color, alpha;
    bool is_deep;
    size_t pixel_bytes;
    /* Samples of a row of a tile: luma, two differences, alpha; and of colours before widening. */
    uint16_t *lines[4], *narrow;
    /* One row of the picture. */
    uint8_t *row;
} HeifReader;

static void clear_row(const HeifLayer *layer, TileRow *row)
{
    for (int i = 0; row->frames != NULL && i < layer->columns; i++)
        heif_frame_clear(&row->frames[i]);
    g_clear_pointer(&row->frames, g_free);
}

/* Decodes all tiles of row `n`. */
static bool decode_row(const HeifLayer *layer, int n, TileRow *row)
{
    row->frames = g_try_new0(HeifFrame, (gsize)layer->columns);
    row->row = n;
    if (row->frames == NULL) {
        vips_error("heif", "out of memory for tiles");
        return false;
    }
    int64_t pixels = (int64_t)layer->tile_width * layer->tile_height;
    for (int i = 0; i < layer->columns; i++) {
        HeifFrame *frame = &row->frames[i];
        if (!heif_frame_decode(layer->coding, &layer->tiles[n * layer->columns + i], pixels, frame))
            return false;
        if (frame->width < layer->tile_width || frame->height < layer->tile_height) {
            vips_error("heif", "a coded picture is smaller than the file says");
            return false;
        }
    }
    return true;
}

/* Returns the tiles of row `n` of tiles. NULL: libvips has an error. */
static const HeifFrame *hold_row(LayerReader *reader, int n)
{
    TileRow *row = &reader->held[n % HELD_ROWS];
    if (row->frames != NULL && row->row == n)
        return row->frames;
    clear_row(reader->layer, row);
    if (decode_row(reader->layer, n, row))
        return row->frames;
    clear_row(reader->layer, row);
    return NULL;
}

static const void *samples_at(const HeifFrame *frame, int plane, int y)
{
    return frame->planes[plane] + frame->strides[plane] * y;
}

/* Copies `n` samples of row `y` of a plane. */
static void copy_line(const HeifFrame *frame, int plane, int y, size_t n, uint16_t *to)
{
    const void *from = samples_at(frame, plane, y);
    if (frame->bits > 8) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    const uint8_t *bytes = from;
    for (size_t i = 0; i < n; i++)
        to[i] = bytes[i];
}

/* Copies a row of colour samples, for row `y` of the luma: from the two rows that lie next. */
static void copy_colors(const HeifFrame *frame, int plane, int y, size_t n, uint16_t *to,
                        uint16_t *other)
{
    int rows = (frame->height + frame->shift_y) >> frame->shift_y;
    int near = y >> frame->shift_y;
    int far = CLAMP(near + (y & 1 ? 1 : -1), 0, rows - 1);
    copy_line(frame, plane, near, n, to);
    if (frame->shift_y == 0)
        return;
    copy_line(frame, plane, far, n, other);
    for (size_t i = 0; i < n; i++)
        to[i] = (uint16_t)((3 * to[i] + other[i] + 2) / 4);
}

/* Fills the lines with the colours of `n` pixels of row `y` of a tile. */
static void fill_colors(HeifReader *reader, const HeifFrame *frame, int y, size_t n)
{
    copy_line(frame, 0, y, n, reader->lines[0]);
    for (int plane = 1; plane < 3; plane++) {
        uint16_t *to = reader->lines[plane];
        size_t samples = (n + (size_t)frame->shift_x) >> frame->shift_x;
        if (frame->planes[plane] == NULL) {
            for (size_t i = 0; i < n; i++)
                to[i] = (uint16_t)(1 << (frame->bits - 1));
        } else if (frame->shift_x == 0) {
            copy_colors(frame, plane, y, n, to, reader->narrow);
        } else {
            copy_colors(frame, plane, y, samples, reader->narrow, to);
            yuv_widen(reader->narrow, samples, to);
        }
    }
}

/*
 * Converts a line of alpha, which uses the whole range of its own depth, to the depth of the
 * colours.
 */
static void fill_alpha(HeifReader *reader, const HeifFrame *frame, int bits, int y, size_t n)
{
    uint16_t *to = reader->lines[3];
    unsigned most = (1U << bits) - 1, own = (1U << frame->bits) - 1;
    copy_line(frame, 0, y, n, to);
    for (size_t i = 0; bits != frame->bits && i < n; i++)
        to[i] = (uint16_t)((to[i] * most + own / 2) / own);
}

/* Fills `reader->row` with row `y` of the layers, whose tiles have the same size. */
static bool fill_row(HeifReader *reader, int y)
{
    const HeifLayer *layer = reader->color.layer;
    const HeifFrame *frames = hold_row(&reader->color, y / layer->tile_height);
    const HeifLayer *other = reader->alpha.layer;
    const HeifFrame *alphas =
        other->tiles == NULL ? NULL : hold_row(&reader->alpha, y / other->tile_height);
    if (frames == NULL || (other->tiles != NULL && alphas == NULL))
        return false;
    const uint16_t *lines[4] = {reader->lines[0], reader->lines[1], reader->lines[2],
                                alphas != NULL ? reader->lines[3] : NULL};
    for (int i = 0; i < layer->columns; i++) {
        int left = i * layer->tile_width;
        size_t n = (size_t)MIN(layer->tile_width, layer->width - left);
        Yuv yuv;
        CodedColors colors = reader->picture->colors;
        /* A grey picture has no colours to convert; its range counts. */
        if (frames[i].planes[1] == NULL && colors.matrix == MATRIX_IDENTITY)
            colors.matrix = MATRIX_UNKNOWN;
        if (!yuv_start(&colors, frames[i].bits, reader->is_deep, &yuv))
            return false;
        fill_colors(reader, &frames[i], y % layer->tile_height, n);
        if (alphas != NULL)
            fill_alpha(reader, &alphas[i], frames[i].bits, y % layer->tile_height, n);
        yuv_convert(&yuv, lines, n, reader->is_deep,
                    reader->row + (size_t)left * reader->pixel_bytes);
    }
    return true;
}

/* Fills a region of the image; libvips calls it on the thread that pulls. */
static int generate(VipsRegion *region, void *sequence, void *a, void *b, gboolean *stop)
{
    HeifReader *reader = a;
    const VipsRect *valid = &region->valid;
    const HeifPicture *picture = reader->picture;
    (void)sequence;
    (void)b;
    (void)stop;
    for (int y = valid->top; y < valid->top + valid->height; y++) {
        if (!fill_row(reader, picture->top + y))
            return -1;
        memcpy(VIPS_REGION_ADDR(region, valid->left, y),
               reader->row + (size_t)(picture->left + valid->left) * reader->pixel_bytes,
               (size_t)valid->width * reader->pixel_bytes);
    }
    return 0;
}

static void reader_free(HeifReader *reader)
{
    for (int i = 0; i < HELD_ROWS; i++) {
        clear_row(reader->color.layer, &reader->color.held[i]);
        clear_row(reader->alpha.layer, &reader->alpha.held[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(reader->lines); i++)
        g_free(reader->lines[i]);
    g_free(reader->narrow);
    g_free(reader->row);
    g_free(reader);
    /* Decoders leave holes between what others still hold: the next invocation has less memory by
     * them. */
    malloc_trim(0);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HeifReader, reader_free)

static void on_close(VipsImage *image, HeifReader *reader)
{
    (void)image;
    reader_free(reader);
}

/* Returns the bits of samples by the header beside the coded picture; 0: unknown. */
static int bits_of(const HeifLayer *layer)
{
    Bytes body = layer->tiles[0].config;
    HevcConfig config;
    if (layer->coding == HEIF_HEVC)
        return hevc_config_open(body, &config) ? config.bits : 0;
    if (bytes_left(&body) < 3)
        return 0;
    unsigned flags = body.at[2];
    return flags & 0x40 ? flags & 0x20 ? 12 : 10 : 8;
}

static bool has_same_tiles(const HeifLayer *a, const HeifLayer *b)
{
    return a->tile_width == b->tile_width && a->tile_height == b->tile_height;
}

bool heif_image_can_read(const HeifPicture *picture)
{
    if (!picture->is_plain || !yuv_is_known(&picture->colors) || bits_of(&picture->color) == 0)
        return false;
    return picture->alpha.tiles == NULL || has_same_tiles(&picture->color, &picture->alpha);
}

/* Returns the samples in both colour planes for 4 of the luma, by the same header; 8: unknown. */
static size_t quarters_of(const HeifLayer *layer)
{
    static const uint8_t quarters[] = {0, 2, 4, 8};
    const uint8_t *at = layer->tiles[0].config.at;
    size_t n = bytes_left(&layer->tiles[0].config);
    if (layer->coding == HEIF_HEVC)
        return n > HEVC_AT_CHROMA ? quarters[at[HEVC_AT_CHROMA] & 3] : 8;
    return n < 3 ? 8 : at[2] & 0x10 ? 0 : at[2] & 0x08 ? at[2] & 0x04 ? 2 : 4 : 8;
}

uint64_t heif_image_bytes(const HeifPicture *picture)
{
    const HeifLayer *layer = &picture->color;
    uint64_t rows = (uint64_t)MIN(layer->rows, HELD_ROWS), coded = 0;
    uint64_t pixels = (uint64_t)layer->tile_width * (uint64_t)layer->tile_height *
                      (uint64_t)layer->columns * rows;
    for (int i = 0; i < layer->columns * (int)rows; i++)
        coded += bytes_left(&layer->tiles[i].data);
    uint64_t samples = pixels + pixels * quarters_of(layer) / 4;
    int64_t tile_pixels = (int64_t)layer->tile_width * layer->tile_height;
    int bits = bits_of(layer);
    return (samples << (bits > 8)) + pixels * BLOCK_BYTES + coded +
           heif_frame_copy_bytes(layer->coding, tile_pixels, bits);
}

static HeifReader *reader_new(const HeifPicture *picture)
{
    g_autoptr(HeifReader) reader = g_try_new0(HeifReader, 1);
    if (reader == NULL)
        return NULL;
    const HeifLayer *layer = &picture->color;
    reader->picture = picture;
    reader->color.layer = layer;
    reader->alpha.layer = &picture->alpha;
    reader->is_deep = bits_of(layer) > 8;
    reader->pixel_bytes = (picture->alpha.tiles != NULL ? 4U : 3U) << reader->is_deep;
    /* One more, as colours of half the width are doubled. */
    size_t samples = (size_t)layer->tile_width + 1;
    for (size_t i = 0; i < G_N_ELEMENTS(reader->lines); i++) {
        reader->lines[i] = g_try_new(uint16_t, samples);
        if (reader->lines[i] == NULL)
            return NULL;
    }
    reader->narrow = g_try_new(uint16_t, samples);
    reader->row = g_try_malloc((size_t)layer->width * reader->pixel_bytes);
    if (reader->narrow == NULL || reader->row == NULL)
        return NULL;
    return g_steal_pointer(&reader);
}

VipsImage *heif_image_open(const HeifPicture *picture)
{
    HeifReader *reader = reader_new(picture);
    if (reader == NULL) {
        vips_error("heif", "out of memory for rows");
        return NULL;
    }
    VipsImage *image = vips_image_new();
    vips_image_init_fields(
        image, picture->width, picture->height, picture->alpha.tiles != NULL ? 4 : 3,
        reader->is_deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
        reader->is_deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB, 1, 1);
    vips_image_set_int(image, VIPS_META_SEQUENTIAL, 1);
    g_signal_connect(image, "close", G_CALLBACK(on_close), reader);
    if (vips_image_pipelinev(image, VIPS_DEMAND_STYLE_THINSTRIP, NULL) == 0 &&
        vips_image_generate(image, NULL, generate, NULL, reader, NULL) == 0)
        return image;
    g_object_unref(image);
    return NULL;
}
