/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/coded_av1.h"

#include "formats/coded_bits.h"

#include <glib.h>

/* Source: AV1 bitstream specification, 5.3 to 5.9. */
#define OBU_SEQUENCE     1
#define OBU_FRAME_HEADER 3
#define OBU_TILES        4
#define OBU_FRAME        6
#define TIMING_BITS      (32 + 32)
#define LEVEL_WITH_TIER  7
#define EACH_FRAME_SAYS  2
#define FRAME_KEY        0
#define FRAME_INTRA_ONLY 2
#define FRAME_SWITCH     3
#define REFERENCES       8
/* Of the coding. */
#define PROFILE_HIGH         1
#define PROFILE_PROFESSIONAL 2

#define SIDE_MAX (INT64_C(1) << 20)

static Coded header_of(const CodedBits *bits, uint64_t width, uint64_t height)
{
    if (bits->is_past || width == 0 || height == 0)
        return (Coded){.kind = CODED_UNCLEAR};
    return (Coded){.kind = CODED_HEADER,
                   .pixels = (int64_t)(MIN(width, SIDE_MAX) * MIN(height, SIDE_MAX))};
}

/* Skips the list of operating points, whose lengths differ. */
static void skip_operating_points(CodedBits *bits, bool has_model, int delay_bits)
{
    bool has_delay = bits_read(bits, 1);
    int n = (int)bits_read(bits, 5) + 1;
    for (int i = 0; i < n; i++) {
        bits_skip(bits, 12);
        if (bits_read(bits, 5) > LEVEL_WITH_TIER)
            bits_skip(bits, 1);
        if (has_model && bits_read(bits, 1))
            bits_skip(bits, 2 * delay_bits + 1);
        if (has_delay && bits_read(bits, 1))
            bits_skip(bits, 4);
    }
}

/* Reads timing_info(), decoder_model_info() and the operating points. */
static void read_timing(CodedBits *bits, Av1Sequence *sequence)
{
    int delay_bits = 0;
    if (bits_read(bits, 1)) {
        bits_skip(bits, TIMING_BITS);
        bool is_regular = bits_read(bits, 1);
        if (is_regular)
            (void)bits_read_golomb(bits);
        sequence->has_model = bits_read(bits, 1);
        if (sequence->has_model) {
            delay_bits = (int)bits_read(bits, 5) + 1;
            bits_skip(bits, 32 + 5);
            int time_bits = (int)bits_read(bits, 5) + 1;
            sequence->time_bits = is_regular ? 0 : time_bits;
        }
    }
    skip_operating_points(bits, sequence->has_model, delay_bits);
}

/* Returns 0, 1, or EACH_FRAME_SAYS. */
static int read_choice(CodedBits *bits)
{
    return bits_read(bits, 1) ? EACH_FRAME_SAYS : (int)bits_read(bits, 1);
}

/* Reads the fields between the size and the colours. */
static void read_tools(CodedBits *bits, Av1Sequence *sequence)
{
    if (!sequence->is_reduced && bits_read(bits, 1)) {
        int delta_bits = (int)bits_read(bits, 4) + 2;
        sequence->id_bits = delta_bits + (int)bits_read(bits, 3) + 1;
    }
    /* Large superblocks, filtered edges. */
    bits_skip(bits, 3);
    sequence->screen_tools = sequence->whole_motion = EACH_FRAME_SAYS;
    if (sequence->is_reduced)
        return;
    /* Kinds of prediction. */
    bits_skip(bits, 4);
    bool has_order = bits_read(bits, 1);
    if (has_order)
        bits_skip(bits, 2);
    sequence->screen_tools = read_choice(bits);
    if (sequence->screen_tools > 0)
        sequence->whole_motion = read_choice(bits);
    if (has_order)
        sequence->order_bits = (int)bits_read(bits, 3) + 1;
}

/* Reads color_config() as far as the range. */
static void read_colors(CodedBits *bits, uint32_t profile, CodedColors *ret_colors)
{
    CodedColors colors = {.primaries = 2, .transfer = 2, .matrix = 2};
    /* More than 8 bits; then, more than 10. */
    if (bits_read(bits, 1) && profile == PROFILE_PROFESSIONAL)
        bits_skip(bits, 1);
    if (profile != PROFILE_HIGH)
        bits_skip(bits, 1);
    if (bits_read(bits, 1)) {
        colors.primaries = (int)bits_read(bits, 8);
        colors.transfer = (int)bits_read(bits, 8);
        colors.matrix = (int)bits_read(bits, 8);
    }
    bool is_srgb = colors.primaries == 1 && colors.transfer == 13 && colors.matrix == 0;
    colors.is_full = is_srgb || bits_read(bits, 1);
    *ret_colors = colors;
}

/*
 * Reads the sequence header: the size of the picture, its colours, and what is needed to read
 * frames.
 */
static Coded read_sequence(const uint8_t *body, size_t size, Av1Sequence *ret_sequence,
                           CodedColors *ret_colors)
{
    CodedBits bits = {.at = body, .end = body + size};
    Av1Sequence sequence = {.is_known = true};
    uint32_t profile = bits_read(&bits, 3);
    /* Whether it is a still. */
    bits_skip(&bits, 1);
    sequence.is_reduced = bits_read(&bits, 1);
    /* Only the level. */
    if (sequence.is_reduced)
        bits_skip(&bits, 5);
    else
        read_timing(&bits, &sequence);
    sequence.width_bits = (int)bits_read(&bits, 4) + 1;
    sequence.height_bits = (int)bits_read(&bits, 4) + 1;
    uint64_t width = (uint64_t)bits_read(&bits, sequence.width_bits) + 1;
    uint64_t height = (uint64_t)bits_read(&bits, sequence.height_bits) + 1;
    read_tools(&bits, &sequence);
    *ret_sequence = sequence;
    Coded header = header_of(&bits, width, height);
    /* Super-resolution, and two filters. */
    bits_skip(&bits, 3);
    read_colors(&bits, profile, ret_colors);
    return header;
}

/*
 * Reads the size of a key frame, or of an intra frame, from the place after its place in the order.
 */
static int64_t read_own_size(CodedBits *bits, const Av1Sequence *sequence, bool has_all,
                             bool is_resilient)
{
    bool refreshes_all = has_all || bits_read(bits, 8) == 0xff;
    if (!refreshes_all && is_resilient && sequence->order_bits > 0)
        bits_skip(bits, REFERENCES * sequence->order_bits);
    int64_t width = (int64_t)bits_read(bits, sequence->width_bits) + 1;
    int64_t height = (int64_t)bits_read(bits, sequence->height_bits) + 1;
    return width * height;
}

/*
 * Reads uncompressed_header() as far as the frame's size. 0: the size of the sequence. If it cannot
 * be read that far, the largest size.
 */
static int64_t read_frame(const uint8_t *body, size_t size, const Av1Sequence *sequence)
{
    CodedBits bits = {.at = body, .end = body + size};
    /* The frame exists already and is shown again. */
    if (!sequence->is_known || sequence->is_reduced || bits_read(&bits, 1))
        return 0;
    int64_t most_pixels = INT64_C(1) << (sequence->width_bits + sequence->height_bits);
    uint32_t type = bits_read(&bits, 2);
    bool is_shown = bits_read(&bits, 1);
    if (is_shown)
        bits_skip(&bits, sequence->time_bits);
    else
        bits_skip(&bits, 1);
    bool has_all = type == FRAME_KEY && is_shown;
    bool is_resilient = type == FRAME_SWITCH || has_all || bits_read(&bits, 1);
    bits_skip(&bits, 1);
    bool has_tools = sequence->screen_tools == EACH_FRAME_SAYS ? bits_read(&bits, 1)
                                                               : sequence->screen_tools > 0;
    if (has_tools && sequence->whole_motion == EACH_FRAME_SAYS)
        bits_skip(&bits, 1);
    bits_skip(&bits, sequence->id_bits);
    bool has_own_size = type == FRAME_SWITCH || bits_read(&bits, 1);
    bits_skip(&bits, sequence->order_bits);
    if (bits.is_past)
        return most_pixels;
    if (!has_own_size)
        return 0;
    if ((type != FRAME_KEY && type != FRAME_INTRA_ONLY) || sequence->has_model)
        return most_pixels;
    int64_t pixels = read_own_size(&bits, sequence, has_all, is_resilient);
    return bits.is_past ? most_pixels : pixels;
}

/* Reads leb128(): seven bits a byte, the lowest first. */
static uint64_t read_leb128(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (int i = 0; i < 8 && *at < end; i++) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* Finds the body of the first OBU of `size` bytes, at least one. Returns its type. */
static int open_obu(const uint8_t *obus, size_t size, const uint8_t **ret_body, size_t *ret_len)
{
    const uint8_t *at = obus, *end = obus + size;
    uint8_t head = *at++;
    /* The layer of the OBU. */
    if (head & 4 && at < end)
        at++;
    uint64_t len = (uint64_t)(end - at);
    if (head & 2) {
        uint64_t said = read_leb128(&at, end);
        len = MIN(said, (uint64_t)(end - at));
    }
    *ret_body = at;
    *ret_len = (size_t)len;
    return head >> 3 & 15;
}

Coded coded_av1(const uint8_t *obus, size_t size, Av1Sequence *sequence, size_t *ret_size)
{
    const uint8_t *body;
    size_t len;
    CodedColors colors;
    int type = open_obu(obus, size, &body, &len);
    *ret_size = (size_t)(body - obus) + len;
    switch (type) {
    case OBU_SEQUENCE:
        return read_sequence(body, len, sequence, &colors);
    case OBU_FRAME_HEADER:
    case OBU_FRAME:
        return (Coded){.kind = CODED_PICTURE, .pixels = read_frame(body, len, sequence)};
    case OBU_TILES:
        return (Coded){.kind = CODED_SLICE, .part = CODED_WHOLE};
    default:
        return (Coded){.kind = CODED_OTHER};
    }
}

bool coded_av1_colors(const uint8_t *obus, size_t size, CodedColors *ret_colors)
{
    while (size > 0) {
        const uint8_t *body;
        size_t len;
        Av1Sequence sequence;
        int type = open_obu(obus, size, &body, &len);
        if (type == OBU_SEQUENCE)
            return read_sequence(body, len, &sequence, ret_colors).kind == CODED_HEADER;
        size -= (size_t)(body - obus) + len;
        obus = body + len;
    }
    return false;
}
