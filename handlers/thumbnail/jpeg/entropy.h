/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes the entropy coded data of a baseline JPEG scan, an MCU at a time, to the coefficients
 * that libjpeg-turbo decodes. 64 bits of the data are kept at hand, and a look-up decodes several
 * symbols.
 *
 * Never guesses: it refuses data for which libjpeg would warn, guess or fail, and the caller has
 * libjpeg decode the file then. Reads no byte outside the data and writes none outside the blocks,
 * whatever the data are. Starts no thread, and allocates nothing.
 */
#pragma once

#include "jpeg/huffman.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits of an MCU (T.81, B.2.3). */
#define ENTROPY_BLOCKS_MAX     10
#define ENTROPY_COMPONENTS_MAX 4

typedef struct {
    const HuffmanDc *dc;
    const HuffmanAc *ac;
    /* Only the DC is decoded: `ac` has a look-up to skip, otherwise one of pairs. No `ac`, and no
     * `dc` for refinements, is needed for scans of DC. */
    bool skips_ac;
} EntropyComponent;

/* The kinds of scans that are decoded. */
typedef enum {
    ENTROPY_BASELINE,
    /* Of a progressive file: the upper bits of DC; one more bit of DC. */
    ENTROPY_DC_FIRST,
    ENTROPY_DC_REFINED
} EntropyKind;

typedef struct {
    EntropyKind kind;
    /* For DC: the bits that the scan leaves out. */
    int low;
    /* From the first byte of the scan to the end of the file. */
    const uint8_t *data;
    size_t size;
    EntropyComponent components[ENTROPY_COMPONENTS_MAX];
    /* The component of each block of an MCU. */
    int n_blocks;
    uint8_t block_components[ENTROPY_BLOCKS_MAX];
    int64_t n_mcus;
    /* In MCUs; 0: no restarts. */
    int restart_interval;
} EntropyScan;

/* Data are read in pieces. An MCU takes at most ENTROPY_MCU_MAX bytes. */
#define ENTROPY_PIECE   (16 << 10)
#define ENTROPY_MCU_MAX 4096

typedef struct {
    /* The next bits of the data at the top, and how many of them are valid. */
    uint64_t window;
    int n;
    /* The next byte for the window. */
    const uint8_t *at;
} EntropyBits;

/* The state of a scan. Its members are private. */
typedef struct {
    EntropyScan scan;
    EntropyBits bits;
    int32_t dc[ENTROPY_COMPONENTS_MAX];
    int64_t mcus_left;
    int restart_left, restart_number;
    /* The next byte of the file. */
    const uint8_t *next;
    /* A marker, or the end of the file, follows the piece. `marker` is 0 at the end. */
    bool is_last;
    uint8_t marker;
    /* The end of the piece, and where the next piece must have been read. */
    const uint8_t *end, *limit;
    /* Room for the rest of the piece before, the piece, and zeros. */
    uint8_t piece[ENTROPY_MCU_MAX + ENTROPY_PIECE + ENTROPY_MCU_MAX];
} Entropy;

/* Begins a scan. What it points to must outlive its use. */
void entropy_start(Entropy *entropy, const EntropyScan *scan);

/*
 * Decodes the next MCU into blocks of zeros, in natural order. False if the data are refused; then
 * the blocks hold anything, and the scan cannot go on.
 */
bool entropy_read(Entropy *entropy, int16_t (*const *blocks)[64]);

/*
 * Decodes the next MCU of a scan of DC into a value for each block, as entropy_read. A refinement
 * adds its bit to the values of the scans before.
 */
bool entropy_read_dc(Entropy *entropy, int16_t *values);

/* Names the instructions that this processor uses, for messages. */
const char *entropy_variant(void);
