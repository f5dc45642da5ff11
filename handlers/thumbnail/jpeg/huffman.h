/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that decode the Huffman codes of baseline JPEG. A look-up takes the next bits of the data,
 * and returns the symbols that they hold with the bits behind these: up to two coefficients, or,
 * where coefficients are skipped, as many as fit.
 *
 * Takes any code that a file can define. What a table does not hold (long codes, large values,
 * symbols that a baseline file must not have) is decoded by huffman_find, or refused.
 * Source: ITU-T T.81, annexes C and F.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The bits that index each table. */
#define HUFFMAN_FIND_BITS 9
#define HUFFMAN_DC_BITS   10
#define HUFFMAN_PAIR_BITS 11
#define HUFFMAN_SKIP_BITS 13

/* The longest code, and the most bits behind one: of differences of DC, and of AC. */
#define HUFFMAN_CODE_MAX 16
#define HUFFMAN_DC_MAX   11
#define HUFFMAN_AC_MAX   10

/* In place of an advance: the block ends; the table does not hold the symbol. */
#define HUFFMAN_END  128
#define HUFFMAN_NONE 255

/* A code as a file defines it: the number of codes of each length from 1 on, and their symbols. */
typedef struct {
    uint8_t counts[HUFFMAN_CODE_MAX + 1];
    uint8_t symbols[256];
} HuffmanCode;

/* Finds the symbol of any code. */
typedef struct {
    /* The first code beyond those of a length, in the upper of 16 bits. */
    int32_t limit[HUFFMAN_CODE_MAX + 2];
    /* From a code of a length to the index of its symbol. */
    int32_t offset[HUFFMAN_CODE_MAX + 1];
    int n;
    uint8_t symbols[256];
    /* By the next bits: length << 8 | symbol; 0 for longer codes. */
    uint16_t fast[1 << HUFFMAN_FIND_BITS];
} HuffmanFinder;

typedef struct {
    HuffmanFinder finder;
    /* Bits taken, and the difference in the upper half; 0: not held. */
    uint32_t fast[1 << HUFFMAN_DC_BITS];
} HuffmanDc;

/*
 * An entry of `pair` has bytes, from the lowest on: bits taken; advance; 2 free; the positions of
 * two coefficients, counted from the next one; their values, signed. With one coefficient, both are
 * the same; with none, both are a zero at a position that has one anyway. An entry of `skip` has
 * the first two bytes. An advance is the number of coefficients, zeros included, plus HUFFMAN_END
 * if the block ends then.
 */
typedef struct {
    HuffmanFinder finder;
    bool has_pair, has_skip;
    uint64_t pair[1 << HUFFMAN_PAIR_BITS];
    uint16_t skip[1 << HUFFMAN_SKIP_BITS];
} HuffmanAc;

/* A symbol of AC, with the bits behind it. */
typedef struct {
    /* Bits taken; at most HUFFMAN_CODE_MAX + HUFFMAN_AC_MAX. */
    int length;
    /* As in the tables; HUFFMAN_NONE for a value that a baseline file must not have. */
    int advance;
    int value;
} HuffmanSymbol;

/* Makes a table. False if the code has more codes than fit, or symbols that baseline has not. */
bool huffman_make_dc(HuffmanDc *table, const HuffmanCode *code);
/* Makes the finder only. */
bool huffman_make_ac(HuffmanAc *table, const HuffmanCode *code);
/* Adds a look-up to a made table, unless it is there. */
void huffman_add_pair(HuffmanAc *table);
void huffman_add_skip(HuffmanAc *table);

/*
 * Decodes one symbol of AC. `window` has the next bits at its top, at least 26 of them.
 */
HuffmanSymbol huffman_ac(const HuffmanFinder *finder, uint64_t window);

/*
 * Decodes a difference of DC; at least 27 bits of `window` are valid. Returns the bits taken; 0 if
 * there is no such code.
 */
int huffman_dc(const HuffmanFinder *finder, uint64_t window, int *ret_value);
