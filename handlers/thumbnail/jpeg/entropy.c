/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg/entropy.h"

#include <glib.h>
#include <string.h>

#define MARKER_RST0 0xd0

/*
 * A difference of DC changes a sum by less than 2^11, and a piece has less than 2^18 blocks, as a
 * block takes a bit or more: a sum that is checked for each piece does not overflow.
 */
#define DC_SUM_MAX (1 << 29)

/* The bits that a refill guarantees. */
#define REFILL_BITS 56

static const uint8_t natural_order[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

/*
 * Reads data without the zeros that follow a byte of 0xff, up to `room` bytes or to a marker.
 * Returns the number of bytes.
 */
static size_t read_piece(Entropy *entropy, uint8_t *to, size_t room)
{
    const uint8_t *end = entropy->scan.data + entropy->scan.size;
    size_t n = 0;
    while (n < room) {
        size_t left = MIN((size_t)(end - entropy->next), room - n);
        const uint8_t *mark = left > 0 ? memchr(entropy->next, 0xff, left) : NULL;
        size_t run = mark != NULL ? (size_t)(mark - entropy->next) : left;
        memcpy(to + n, entropy->next, run);
        n += run;
        entropy->next += run;
        if (mark == NULL && entropy->next < end)
            break;
        if (end - entropy->next < 2 || entropy->next[1] != 0) {
            bool has_marker = end - entropy->next >= 2 && entropy->next[1] != 0xff;
            entropy->is_last = true;
            /* More of 0xff may precede a marker, or the end: that is left to libjpeg. */
            entropy->marker = has_marker ? entropy->next[1] : 0;
            break;
        }
        to[n++] = 0xff;
        entropy->next += 2;
    }
    return n;
}

/*
 * Moves the rest of a piece to the front, and reads the next piece behind it. The rest has at most
 * ENTROPY_MCU_MAX bytes. False if the data end without a marker: libjpeg warns of that, depending
 * on how far it reads ahead.
 */
static bool next_piece(Entropy *entropy)
{
    uint8_t *piece = entropy->piece + ENTROPY_MCU_MAX;
    size_t left = (size_t)(entropy->end - entropy->bits.at);
    memmove(piece - left, entropy->bits.at, left);
    entropy->bits.at = piece - left;
    size_t n = read_piece(entropy, piece, ENTROPY_PIECE);
    entropy->end = piece + n;
    memset(piece + n, 0, ENTROPY_MCU_MAX);
    /*
     * The window holds up to seven bytes ahead of the decoded ones. So beyond the limit of a last
     * piece, more was decoded than there is.
     */
    entropy->limit = entropy->is_last ? entropy->end + 8 : entropy->end - ENTROPY_MCU_MAX;
    for (int i = 0; i < ENTROPY_COMPONENTS_MAX; i++)
        if (entropy->dc[i] > DC_SUM_MAX || entropy->dc[i] < -DC_SUM_MAX)
            return false;
    return !entropy->is_last || entropy->marker != 0;
}

/* Begins the data after the header or after a restart marker. */
static void start_segment(Entropy *entropy)
{
    entropy->is_last = false;
    entropy->marker = 0;
    entropy->bits = (EntropyBits){.at = entropy->piece + ENTROPY_MCU_MAX};
    entropy->end = entropy->limit = entropy->bits.at;
    memset(entropy->dc, 0, sizeof entropy->dc);
    entropy->restart_left = entropy->scan.restart_interval;
}

void entropy_start(Entropy *entropy, const EntropyScan *scan)
{
    entropy->scan = *scan;
    entropy->next = scan->data;
    entropy->mcus_left = scan->n_mcus;
    entropy->restart_number = 0;
    start_segment(entropy);
}

/* Returns the first byte of which no bit was decoded. */
static const uint8_t *first_unused(const Entropy *entropy)
{
    return entropy->bits.at - (entropy->bits.n >> 3);
}

/* Goes on behind a restart marker, which must follow the last byte that was used. */
static bool restart(Entropy *entropy)
{
    if (!entropy->is_last && (entropy->bits.at < entropy->limit || !next_piece(entropy)))
        return false;
    if (!entropy->is_last || first_unused(entropy) != entropy->end ||
        entropy->marker != MARKER_RST0 + entropy->restart_number)
        return false;
    entropy->restart_number = (entropy->restart_number + 1) % 8;
    entropy->next += 2;
    start_segment(entropy);
    return true;
}

/* Fills the window to at least REFILL_BITS valid bits. */
static inline void refill(EntropyBits *bits)
{
    uint64_t next;
    memcpy(&next, bits->at, sizeof next);
    bits->window |= GUINT64_FROM_BE(next) >> bits->n;
    bits->at += (63 - bits->n) >> 3;
    bits->n |= REFILL_BITS;
}

/* Takes bits off the window. They must be valid. */
static inline void skip_bits(EntropyBits *bits, uint64_t n)
{
    bits->window <<= n & 63;
    bits->n -= (int)n;
}

/* Functions of the loops: each variant for a processor has a copy of them. */
#define INLINE static inline __attribute__((always_inline))

/* Decodes a DC coefficient. The window is full before it, and has 46 bits after it. */
INLINE bool read_dc(EntropyBits *bits, const HuffmanDc *table, int32_t *dc)
{
    uint32_t entry = table->fast[bits->window >> (64 - HUFFMAN_DC_BITS)];
    if (G_LIKELY(entry != 0)) {
        skip_bits(bits, entry & 0xff);
        *dc += (int32_t)entry >> 16;
        return true;
    }
    int value = 0;
    int len = huffman_dc(&table->finder, bits->window, &value);
    skip_bits(bits, (uint64_t)len);
    *dc += value;
    refill(bits);
    return len > 0;
}

/* True if a block ends at `next`, a position plus an advance: by its last coefficient or by a code.
 */
INLINE bool is_end(int next)
{
    return (unsigned)(next - HUFFMAN_END) < 64 || next == 64;
}

/*
 * Decodes a single symbol, for which the look-up has no entry or one that reaches into the next
 * block. Returns the next position; 64: the block has ended; 0: refused. The window is full after
 * it.
 */
INLINE int read_single(EntropyBits *bits, const HuffmanFinder *finder, int k, int16_t *block)
{
    refill(bits);
    HuffmanSymbol symbol = huffman_ac(finder, bits->window);
    if (symbol.advance == HUFFMAN_NONE ||
        (symbol.advance != HUFFMAN_END && k + symbol.advance > 64))
        return 0;
    skip_bits(bits, (uint64_t)symbol.length);
    refill(bits);
    if (symbol.advance == HUFFMAN_END)
        return 64;
    if (block != NULL && symbol.value != 0)
        block[natural_order[k + symbol.advance - 1]] = (int16_t)symbol.value;
    return k + symbol.advance;
}

/* Look-ups after a refill, and after a DC value. */
#define SKIPS_A_REFILL (REFILL_BITS / HUFFMAN_SKIP_BITS)
#define PAIRS_A_REFILL (REFILL_BITS / HUFFMAN_PAIR_BITS)
#define SKIPS_FIRST    ((REFILL_BITS - HUFFMAN_DC_BITS) / HUFFMAN_SKIP_BITS)
#define PAIRS_FIRST    ((REFILL_BITS - HUFFMAN_DC_BITS) / HUFFMAN_PAIR_BITS)

/*
 * Skips the AC coefficients of a block. Each look-up takes at most HUFFMAN_SKIP_BITS, so that
 * those between two refills find valid bits.
 */
INLINE bool skip_block(EntropyBits *bits, const HuffmanAc *table)
{
    int k = 1;
    for (int times = SKIPS_FIRST;; times = SKIPS_A_REFILL) {
#pragma GCC unroll 4
        for (int i = 0; i < times; i++) {
            unsigned entry = table->skip[bits->window >> (64 - HUFFMAN_SKIP_BITS)];
            int next = k + (int)(entry >> 8);
            if (next < 64) {
                skip_bits(bits, entry & 0xff);
                k = next;
                continue;
            }
            if (G_LIKELY(is_end(next))) {
                skip_bits(bits, entry & 0xff);
                return true;
            }
            k = read_single(bits, &table->finder, k, NULL);
            if (k == 0)
                return false;
            if (k == 64)
                return true;
            break;
        }
        refill(bits);
    }
}

INLINE void store_pair(int16_t *block, int k, uint64_t entry)
{
    block[natural_order[k + (int)(entry >> 40 & 0xff)]] = (int16_t)((int64_t)entry >> 56);
    block[natural_order[k + (int)(entry >> 32 & 0xff)]] = (int16_t)((int64_t)(entry << 8) >> 56);
}

/* Decodes the AC coefficients of a block. As skip_block. */
INLINE bool read_block(EntropyBits *bits, const HuffmanAc *table, int16_t *block)
{
    int k = 1;
    for (int times = PAIRS_FIRST;; times = PAIRS_A_REFILL) {
#pragma GCC unroll 5
        for (int i = 0; i < times; i++) {
            uint64_t entry = table->pair[bits->window >> (64 - HUFFMAN_PAIR_BITS)];
            int next = k + (int)(entry >> 8 & 0xff);
            if (next < 64) {
                skip_bits(bits, entry & 0xff);
                store_pair(block, k, entry);
                k = next;
                continue;
            }
            if (G_LIKELY(is_end(next))) {
                skip_bits(bits, entry & 0xff);
                store_pair(block, k, entry);
                return true;
            }
            k = read_single(bits, &table->finder, k, block);
            if (k == 0)
                return false;
            if (k == 64)
                return true;
            break;
        }
        refill(bits);
    }
}

INLINE bool read_mcu(Entropy *entropy, int16_t (*const *blocks)[64])
{
    const EntropyScan *scan = &entropy->scan;
    EntropyBits bits = entropy->bits;
    for (int i = 0; i < scan->n_blocks; i++) {
        int c = scan->block_components[i];
        const EntropyComponent *component = &scan->components[c];
        int16_t *block = *blocks[i];
        refill(&bits);
        if (!read_dc(&bits, component->dc, &entropy->dc[c]))
            return false;
        block[0] = (int16_t)entropy->dc[c];
        if (component->skips_ac ? !skip_block(&bits, component->ac)
                                : !read_block(&bits, component->ac, block))
            return false;
    }
    entropy->bits = bits;
    return true;
}

#if defined(__x86_64__)
/* Shifts by a variable take one step instead of three. */
__attribute__((target("bmi,bmi2"))) static bool read_mcu_bmi2(Entropy *entropy,
                                                              int16_t (*const *blocks)[64])
{
    return read_mcu(entropy, blocks);
}

static bool has_bmi2(void)
{
    return __builtin_cpu_supports("bmi2");
}
#endif

static bool read_mcu_plain(Entropy *entropy, int16_t (*const *blocks)[64])
{
    return read_mcu(entropy, blocks);
}

static bool read_mcu_best(Entropy *entropy, int16_t (*const *blocks)[64])
{
#if defined(__x86_64__)
    if (has_bmi2())
        return read_mcu_bmi2(entropy, blocks);
#endif
    return read_mcu_plain(entropy, blocks);
}

/* Goes to the next segment or piece if the next MCU is there. False if the data are refused. */
static bool begin_mcu(Entropy *entropy)
{
    if (entropy->scan.restart_interval > 0 && entropy->restart_left-- == 0) {
        if (!restart(entropy))
            return false;
        entropy->restart_left--;
    }
    return G_LIKELY(entropy->bits.at < entropy->limit) ||
           (!entropy->is_last && next_piece(entropy));
}

/* False if the MCU is the last one of a segment, and more was decoded than the segment has. */
static bool end_mcu(Entropy *entropy)
{
    entropy->mcus_left--;
    bool is_complete = entropy->mcus_left == 0 ||
                       (entropy->scan.restart_interval > 0 && entropy->restart_left == 0);
    return !is_complete || first_unused(entropy) <= entropy->end;
}

bool entropy_read(Entropy *entropy, int16_t (*const *blocks)[64])
{
    return begin_mcu(entropy) && read_mcu_best(entropy, blocks) && end_mcu(entropy);
}

/* Reads the DC values of one unit (MCU), or one more bit of each. False for invalid data. */
static bool read_dc_mcu(Entropy *entropy, int16_t *values)
{
    const EntropyScan *scan = &entropy->scan;
    EntropyBits bits = entropy->bits;
    for (int i = 0; i < scan->n_blocks; i++) {
        int c = scan->block_components[i];
        refill(&bits);
        if (scan->kind == ENTROPY_DC_REFINED) {
            values[i] = (int16_t)(values[i] | (int)(bits.window >> 63) << scan->low);
            skip_bits(&bits, 1);
            continue;
        }
        if (!read_dc(&bits, scan->components[c].dc, &entropy->dc[c]))
            return false;
        values[i] = (int16_t)((uint32_t)entropy->dc[c] << scan->low);
    }
    entropy->bits = bits;
    return true;
}

bool entropy_read_dc(Entropy *entropy, int16_t *values)
{
    return begin_mcu(entropy) && read_dc_mcu(entropy, values) && end_mcu(entropy);
}

const char *entropy_variant(void)
{
#if defined(__x86_64__)
    if (has_bmi2())
        return "BMI2";
#endif
    return "plain C";
}
