/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/coded_hevc.h"

#include "formats/coded_bits.h"

#include <glib.h>
#include <string.h>

/* Source: ITU-T H.265, 6.5.1, 7.3.1, 7.3.2.2, 7.3.2.3, 7.3.6.1 and E.2.1. */
#define NAL_IRAP_MIN   16
#define NAL_IRAP_MAX   23
#define NAL_VCL_MAX    31
#define NAL_SPS        33
#define NAL_PPS        34
#define NAL_HEAD_BYTES 2
#define PROFILE_BITS   88
#define LEVEL_BITS     8
#define SUB_LAYERS_MAX 7
#define CHROMA_444     3
#define CTB_BITS_MIN   3
#define CTB_BITS_MAX   6
/* Sets of reference pictures, and pictures in one. */
#define SHORT_TERM_MAX 64
#define REFERENCES_MAX 32
/* Of pixels: their width and height follow. */
#define SHAPE_OF_ITS_OWN 255

#define SIDE_MAX (INT64_C(1) << 20)

static const Coded unclear = {.kind = CODED_UNCLEAR};

static int64_t read_at_most(CodedBits *bits, int64_t most)
{
    int64_t value = (int64_t)bits_read_golomb(bits);
    return MIN(value, most);
}

/* Skips profile_tier_level(). */
static void skip_profile(CodedBits *bits, int sub_layers)
{
    bool has_profile[SUB_LAYERS_MAX] = {0}, has_level[SUB_LAYERS_MAX] = {0};
    bits_skip(bits, PROFILE_BITS + LEVEL_BITS);
    for (int i = 0; i < sub_layers; i++) {
        has_profile[i] = bits_read(bits, 1);
        has_level[i] = bits_read(bits, 1);
    }
    if (sub_layers > 0)
        bits_skip(bits, 2 * (8 - sub_layers));
    for (int i = 0; i < sub_layers; i++)
        bits_skip(bits, (has_profile[i] ? PROFILE_BITS : 0) + (has_level[i] ? LEVEL_BITS : 0));
}

/* The beginning of a sequence parameter set. */
typedef struct {
    uint64_t number, ctb_bits;
    int64_t width, height;
    /* Bits of the place of a picture in the order. */
    int order_bits;
} SpsHead;

/* Reads the fields between the size of a picture and that of its blocks. */
static void read_depths(CodedBits *bits, int sub_layers, SpsHead *head)
{
    /* The conformance window. */
    if (bits_read(bits, 1)) {
        for (int i = 0; i < 4; i++)
            (void)bits_read_golomb(bits);
    }
    (void)bits_read_golomb(bits);
    (void)bits_read_golomb(bits);
    head->order_bits = (int)read_at_most(bits, 12) + 4;
    int first = bits_read(bits, 1) ? 0 : sub_layers;
    for (int i = first; i <= sub_layers; i++) {
        for (int n = 0; n < 3; n++)
            (void)bits_read_golomb(bits);
    }
}

/* Reads a set as far as the size of its blocks. False: it cannot be read. */
static bool read_sps_head(CodedBits *bits, SpsHead *ret_head)
{
    /* The number of the video parameter set. */
    bits_skip(bits, 4);
    int sub_layers = (int)bits_read(bits, 3);
    bits_skip(bits, 1);
    if (sub_layers >= SUB_LAYERS_MAX)
        return false;
    skip_profile(bits, sub_layers);
    SpsHead head = {.number = bits_read_golomb(bits)};
    if (bits_read_golomb(bits) == CHROMA_444)
        bits_skip(bits, 1);
    head.width = read_at_most(bits, SIDE_MAX);
    head.height = read_at_most(bits, SIDE_MAX);
    read_depths(bits, sub_layers, &head);
    head.ctb_bits = 3 + bits_read_golomb(bits);
    head.ctb_bits += bits_read_golomb(bits);
    *ret_head = head;
    return !bits->is_past;
}

static uint32_t blocks_in(int64_t side, uint64_t bits)
{
    return (uint32_t)((side + (INT64_C(1) << bits) - 1) >> bits);
}

/* Reads a sequence parameter set. A second one of the same number has to be equal. */
static Coded read_sps(CodedBits *bits, HevcStream *stream)
{
    SpsHead head;
    if (!read_sps_head(bits, &head) || head.width == 0 || head.height == 0 ||
        head.number >= HEVC_SPS_MAX || head.ctb_bits < CTB_BITS_MIN || head.ctb_bits > CTB_BITS_MAX)
        return unclear;
    const HevcSps sps = {true, blocks_in(head.width, head.ctb_bits),
                         blocks_in(head.height, head.ctb_bits)};
    if ((int64_t)sps.columns * sps.rows > INT32_MAX)
        return unclear;
    HevcSps *known = &stream->sps[head.number];
    if (known->is_known && memcmp(known, &sps, sizeof sps) != 0)
        return unclear;
    *known = sps;
    return (Coded){.kind = CODED_HEADER, .pixels = head.width * head.height};
}

/* Reads the sizes of all tiles of a row or column but the last. */
static void read_tile_sizes(CodedBits *bits, uint16_t n, uint16_t *ret_sizes)
{
    for (uint16_t i = 0; i + 1 < n; i++)
        ret_sizes[i] = (uint16_t)(read_at_most(bits, UINT16_MAX - 1) + 1);
}

/* Reads the tiles. False if there are more than the standard allows. */
static bool read_tiles(CodedBits *bits, HevcPps *pps)
{
    uint64_t columns = bits_read_golomb(bits) + 1, rows = bits_read_golomb(bits) + 1;
    if (columns > HEVC_COLUMNS_MAX || rows > HEVC_ROWS_MAX)
        return false;
    pps->columns = (uint16_t)columns;
    pps->rows = (uint16_t)rows;
    pps->is_uniform = (uint16_t)bits_read(bits, 1);
    if (!pps->is_uniform) {
        read_tile_sizes(bits, pps->columns, pps->widths);
        read_tile_sizes(bits, pps->rows, pps->heights);
    }
    return true;
}

/* Skips the fields between dependent slices and tiles. */
static void skip_tools(CodedBits *bits)
{
    bits_skip(bits, 1 + 3 + 1 + 1);
    /* Reference pictures. */
    (void)bits_read_golomb(bits);
    (void)bits_read_golomb(bits);
    /* The quantizer, a signed number, which is coded with the same number of bits. */
    (void)bits_read_golomb(bits);
    bits_skip(bits, 1 + 1);
    if (bits_read(bits, 1))
        (void)bits_read_golomb(bits);
    (void)bits_read_golomb(bits);
    (void)bits_read_golomb(bits);
    bits_skip(bits, 1 + 1 + 1 + 1);
}

/* Reads a picture parameter set. A second one of the same number has to be equal. */
static Coded read_pps(CodedBits *bits, HevcStream *stream)
{
    uint64_t number = bits_read_golomb(bits), sps = bits_read_golomb(bits);
    if (number >= HEVC_PPS_MAX || sps >= HEVC_SPS_MAX)
        return unclear;
    HevcPps pps = {.is_known = true, .sps = (uint16_t)sps, .columns = 1, .rows = 1};
    pps.is_uniform = true;
    pps.has_dependent = (uint16_t)bits_read(bits, 1);
    skip_tools(bits);
    bool has_tiles = bits_read(bits, 1);
    /* Whether rows are decoded in step with each other. */
    bits_skip(bits, 1);
    if (has_tiles && !read_tiles(bits, &pps))
        return unclear;
    HevcPps *known = &stream->pps[number];
    if (bits->is_past || (known->is_known && memcmp(known, &pps, sizeof pps) != 0))
        return unclear;
    *known = pps;
    return (Coded){.kind = CODED_OTHER};
}

/*
 * Finds the first block of the tile that has block `at`, and the first one behind it, in one
 * direction. The picture has `whole` blocks and `n` tiles in this direction.
 */
static void find_tile(const HevcPps *pps, const uint16_t *sizes, uint32_t n, uint32_t whole,
                      uint32_t at, uint32_t *ret_begin, uint32_t *ret_end)
{
    uint32_t begin = 0, end = 0;
    for (uint32_t i = 0; i < n; i++) {
        begin = end;
        if (i + 1 == n)
            end = whole;
        else
            end = pps->is_uniform ? (i + 1) * whole / n : MIN(end + sizes[i], whole);
        if (at < end)
            break;
    }
    *ret_begin = begin;
    *ret_end = end;
}

/*
 * Returns the place of a block in the order of coding: tile after tile, and row after row within a
 * tile.
 */
static int64_t coding_order(const HevcPps *pps, const HevcSps *sps, uint32_t address)
{
    uint32_t x = address % sps->columns, y = address / sps->columns;
    uint32_t left, right, top, bottom;
    find_tile(pps, pps->widths, pps->columns, sps->columns, x, &left, &right);
    find_tile(pps, pps->heights, pps->rows, sps->rows, y, &top, &bottom);
    int64_t tiles_above = (int64_t)top * sps->columns;
    int64_t tiles_beside = (int64_t)(bottom - top) * left;
    return tiles_above + tiles_beside + (int64_t)(y - top) * (right - left) + (x - left);
}

static int bits_for(int64_t n)
{
    int bits = 0;
    while (INT64_C(1) << bits < n)
        bits++;
    return bits;
}

/* Reads where a slice that is not the first of its picture begins. */
static Coded read_later_slice(CodedBits *bits, uint64_t number, HevcStream *stream)
{
    /* All slices of a picture name one parameter set. */
    if (!stream->has_picture || number != stream->picture_pps || number >= HEVC_PPS_MAX)
        return unclear;
    const HevcPps *pps = &stream->pps[number];
    const HevcSps *sps = &stream->sps[pps->sps];
    if (!pps->is_known || !sps->is_known)
        return unclear;
    if (pps->has_dependent)
        bits_skip(bits, 1);
    int64_t n = (int64_t)sps->columns * sps->rows;
    int64_t address = bits_read(bits, bits_for(n));
    if (bits->is_past || address >= n)
        return unclear;
    int64_t begin = coding_order(pps, sps, (uint32_t)address);
    if (begin <= stream->last_slice)
        return (Coded){.kind = CODED_AGAIN};
    stream->last_slice = begin;
    return (Coded){.kind = CODED_SLICE, .part = (int32_t)(((n - begin) * CODED_WHOLE + n - 1) / n)};
}

/* Reads the beginning of a slice: whether it begins a picture, and otherwise where in it. */
static Coded read_slice(CodedBits *bits, uint32_t type, HevcStream *stream)
{
    bool is_first = bits_read(bits, 1);
    /* Whether earlier pictures are shown. */
    if (type >= NAL_IRAP_MIN && type <= NAL_IRAP_MAX)
        bits_skip(bits, 1);
    uint64_t number = bits_read_golomb(bits);
    if (!is_first)
        return read_later_slice(bits, number, stream);
    stream->has_picture = number < HEVC_PPS_MAX && !bits->is_past;
    stream->picture_pps = (uint32_t)number;
    stream->last_slice = 0;
    return (Coded){.kind = CODED_PICTURE};
}

Coded coded_hevc(const uint8_t *nal, size_t size, HevcStream *stream)
{
    if (size <= NAL_HEAD_BYTES)
        return (Coded){.kind = CODED_OTHER};
    CodedBits bits = {.at = nal, .end = nal + size, .skips_threes = true};
    bits_skip(&bits, 1);
    uint32_t type = bits_read(&bits, 6);
    uint32_t layer = bits_read(&bits, 6);
    /* The temporal layer of the unit. */
    bits_skip(&bits, 3);
    /* A second view, or more detail: libde265 decodes neither. */
    if (layer > 0)
        return (Coded){.kind = CODED_OTHER};
    if (type == NAL_SPS)
        return read_sps(&bits, stream);
    if (type == NAL_PPS)
        return read_pps(&bits, stream);
    if (type <= NAL_VCL_MAX)
        return read_slice(&bits, type, stream);
    return (Coded){.kind = CODED_OTHER};
}

/* Skips scaling_list_data(). */
static void skip_scaling(CodedBits *bits)
{
    for (int size = 0; size < 4; size++) {
        for (int matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1) {
            int n = bits_read(bits, 1) ? MIN(64, 16 << 2 * size) + (size > 1) : 1;
            for (int i = 0; i < n; i++)
                (void)bits_read_golomb(bits);
        }
    }
}

/*
 * Skips st_ref_pic_set() number `index`. `n_pictures` has the number of pictures of each earlier
 * set. False: there are too many.
 */
static bool skip_short_term(CodedBits *bits, uint64_t index, uint64_t *n_pictures)
{
    uint64_t n = 0;
    if (index > 0 && bits_read(bits, 1)) {
        bits_skip(bits, 1);
        (void)bits_read_golomb(bits);
        for (uint64_t i = 0; i <= n_pictures[index - 1]; i++)
            n += bits_read(bits, 1) || bits_read(bits, 1);
    } else {
        n = bits_read_golomb(bits) + bits_read_golomb(bits);
        for (uint64_t i = 0; i < n && n <= REFERENCES_MAX; i++) {
            (void)bits_read_golomb(bits);
            bits_skip(bits, 1);
        }
    }
    n_pictures[index] = n;
    return n <= REFERENCES_MAX;
}

/* Skips the fields between the size of blocks and the colours. False: they cannot be read. */
static bool skip_to_vui(CodedBits *bits, const SpsHead *head)
{
    for (int i = 0; i < 4; i++)
        (void)bits_read_golomb(bits);
    if (bits_read(bits, 1) && bits_read(bits, 1))
        skip_scaling(bits);
    bits_skip(bits, 2);
    if (bits_read(bits, 1)) {
        bits_skip(bits, 8);
        (void)bits_read_golomb(bits);
        (void)bits_read_golomb(bits);
        bits_skip(bits, 1);
    }
    uint64_t n_pictures[SHORT_TERM_MAX], n = bits_read_golomb(bits);
    for (uint64_t i = 0; i < n; i++) {
        if (n > SHORT_TERM_MAX || !skip_short_term(bits, i, n_pictures))
            return false;
    }
    if (bits_read(bits, 1)) {
        n = bits_read_golomb(bits);
        for (uint64_t i = 0; i < n && !bits->is_past; i++)
            bits_skip(bits, head->order_bits + 1);
    }
    bits_skip(bits, 2);
    return !bits->is_past;
}

bool coded_hevc_colors(const uint8_t *nal, size_t size, CodedColors *ret_colors)
{
    SpsHead head;
    if (size <= NAL_HEAD_BYTES)
        return false;
    CodedBits bits = {.at = nal, .end = nal + size, .skips_threes = true};
    bits_skip(&bits, 1);
    uint32_t type = bits_read(&bits, 6);
    bits_skip(&bits, 6 + 3);
    if (type != NAL_SPS || !read_sps_head(&bits, &head) || !skip_to_vui(&bits, &head) ||
        !bits_read(&bits, 1))
        return false;
    /* The shape of pixels, which may be two numbers of 16 bits; overscan. */
    if (bits_read(&bits, 1) && bits_read(&bits, 8) == SHAPE_OF_ITS_OWN)
        bits_skip(&bits, 32);
    if (bits_read(&bits, 1))
        bits_skip(&bits, 1);
    if (!bits_read(&bits, 1))
        return false;
    bits_skip(&bits, 3);
    CodedColors colors = {.primaries = 2, .transfer = 2, .matrix = 2};
    colors.is_full = bits_read(&bits, 1);
    if (bits_read(&bits, 1)) {
        colors.primaries = (int)bits_read(&bits, 8);
        colors.transfer = (int)bits_read(&bits, 8);
        colors.matrix = (int)bits_read(&bits, 8);
    }
    if (bits.is_past)
        return false;
    *ret_colors = colors;
    return true;
}
