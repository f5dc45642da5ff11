/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg/huffman.h"

#include <string.h>

/* Makes the tables that find the symbol of a code. Returns false if the code is invalid. */
static bool make_finder(HuffmanFinder *finder, const HuffmanCode *code)
{
    int32_t next = 0;
    int at = 0;
    memset(finder->fast, 0, sizeof finder->fast);
    for (int len = 1; len <= HUFFMAN_CODE_MAX; len++) {
        finder->offset[len] = at - next;
        for (int i = 0; i < code->counts[len]; i++, next++, at++) {
            if (at == 256 || next >= 1 << len)
                return false;
            finder->symbols[at] = code->symbols[at];
            if (len > HUFFMAN_FIND_BITS)
                continue;
            int free_bits = HUFFMAN_FIND_BITS - len;
            for (int j = 0; j < 1 << free_bits; j++)
                finder->fast[(next << free_bits) + j] = (uint16_t)(len << 8 | code->symbols[at]);
        }
        finder->limit[len] = next << (HUFFMAN_CODE_MAX - len);
        next <<= 1;
    }
    finder->limit[HUFFMAN_CODE_MAX + 1] = INT32_MAX;
    finder->n = at;
    return true;
}

/* Returns the symbol at the top of 16 bits; -1 if there is no such code. */
static int find(const HuffmanFinder *finder, unsigned bits, int *ret_len)
{
    unsigned fast = finder->fast[bits >> (HUFFMAN_CODE_MAX - HUFFMAN_FIND_BITS)];
    if (fast != 0) {
        *ret_len = (int)(fast >> 8);
        return (int)(fast & 0xff);
    }
    int len = HUFFMAN_FIND_BITS + 1;
    while ((int32_t)bits >= finder->limit[len])
        len++;
    if (len > HUFFMAN_CODE_MAX)
        return -1;
    int at = (int)(bits >> (HUFFMAN_CODE_MAX - len)) + finder->offset[len];
    if (at < 0 || at >= finder->n)
        return -1;
    *ret_len = len;
    return finder->symbols[at];
}

/* Returns the value of `size` bits behind a symbol. */
static int extend(unsigned bits, int size)
{
    return size > 0 && bits < 1u << (size - 1) ? (int)bits - (1 << size) + 1 : (int)bits;
}

/* Returns the value of the `size` bits that follow the first `len` ones of a window. */
static int value_at(uint64_t window, int len, int size)
{
    return size == 0 ? 0 : extend((unsigned)(window << len >> (64 - size)), size);
}

HuffmanSymbol huffman_ac(const HuffmanFinder *finder, uint64_t window)
{
    HuffmanSymbol found = {.advance = HUFFMAN_NONE};
    int len = 0;
    int symbol = find(finder, (unsigned)(window >> (64 - HUFFMAN_CODE_MAX)), &len);
    int run = symbol >> 4, size = symbol & 0xf;
    if (symbol < 0 || size > HUFFMAN_AC_MAX)
        return found;
    if (size > 0)
        found.advance = run + 1;
    else if (run == 0)
        found.advance = HUFFMAN_END;
    else if (run == 15)
        found.advance = 16;
    found.length = len + size;
    found.value = value_at(window, len, size);
    return found;
}

int huffman_dc(const HuffmanFinder *finder, uint64_t window, int *ret_value)
{
    int len = 0;
    int size = find(finder, (unsigned)(window >> (64 - HUFFMAN_CODE_MAX)), &len);
    if (size < 0)
        return 0;
    *ret_value = value_at(window, len, size);
    return len + size;
}

bool huffman_make_dc(HuffmanDc *table, const HuffmanCode *code)
{
    if (!make_finder(&table->finder, code))
        return false;
    for (int i = 0; i < table->finder.n; i++)
        if (table->finder.symbols[i] > HUFFMAN_DC_MAX)
            return false;
    for (uint64_t i = 0; i < 1 << HUFFMAN_DC_BITS; i++) {
        int value = 0;
        int len = huffman_dc(&table->finder, i << (64 - HUFFMAN_DC_BITS), &value);
        bool is_held = len > 0 && len <= HUFFMAN_DC_BITS;
        table->fast[i] = is_held ? (uint32_t)len | (uint32_t)(uint16_t)value << 16 : 0;
    }
    return true;
}

bool huffman_make_ac(HuffmanAc *table, const HuffmanCode *code)
{
    table->has_pair = table->has_skip = false;
    return make_finder(&table->finder, code);
}

/* True if the first `valid` bits of a window hold all of a symbol. */
static bool is_within(const HuffmanSymbol *symbol, int valid)
{
    return symbol->advance != HUFFMAN_NONE && symbol->length <= valid;
}

static bool fits_byte(int value)
{
    return value >= INT8_MIN && value <= INT8_MAX;
}

/*
 * Returns the entry of the table of pairs: the one or two AC coefficients with which `window`
 * begins.
 */
static uint64_t pair_entry(const HuffmanFinder *finder, uint64_t window)
{
    HuffmanSymbol first = huffman_ac(finder, window);
    if (!is_within(&first, HUFFMAN_PAIR_BITS) || !fits_byte(first.value))
        return (uint64_t)HUFFMAN_NONE << 8;
    int len = first.length, advance = first.advance;
    int at = advance == HUFFMAN_END ? 0 : advance - 1, value = first.value;
    int second_at = at, second_value = value;
    if (advance != HUFFMAN_END) {
        HuffmanSymbol second = huffman_ac(finder, window << len);
        if (is_within(&second, HUFFMAN_PAIR_BITS - len) && fits_byte(second.value)) {
            len += second.length;
            advance += second.advance;
            if (second.advance != HUFFMAN_END) {
                second_at = advance - 1;
                second_value = second.value;
            }
        }
    }
    return (uint64_t)len | (uint64_t)advance << 8 | (uint64_t)at << 32 | (uint64_t)second_at << 40 |
           (uint64_t)(uint8_t)value << 48 | (uint64_t)(uint8_t)second_value << 56;
}

void huffman_add_pair(HuffmanAc *table)
{
    for (uint64_t i = 0; !table->has_pair && i < 1 << HUFFMAN_PAIR_BITS; i++)
        table->pair[i] = pair_entry(&table->finder, i << (64 - HUFFMAN_PAIR_BITS));
    table->has_pair = true;
}

/*
 * The sum of advances that an entry can have before a last symbol, of at most 16, is added: an
 * advance and HUFFMAN_END must stay below HUFFMAN_NONE, and below 64 without it.
 */
#define SKIP_ADVANCE_MAX 46

/*
 * Fills the table that gives length and advance of one symbol, for coefficients that are skipped.
 */
static void add_singles(const HuffmanFinder *finder, uint16_t *singles)
{
    for (uint64_t i = 0; i < 1 << HUFFMAN_SKIP_BITS;) {
        HuffmanSymbol symbol = huffman_ac(finder, i << (64 - HUFFMAN_SKIP_BITS));
        bool is_held = is_within(&symbol, HUFFMAN_SKIP_BITS);
        /* All entries that begin with the symbol are the same: its value does not count. */
        uint64_t same = is_held ? UINT64_C(1) << (HUFFMAN_SKIP_BITS - symbol.length) : 1;
        uint16_t entry = (uint16_t)(is_held ? symbol.length | symbol.advance << 8 : 0);
        for (uint64_t j = 0; j < same; j++)
            singles[i + j] = entry;
        i += same;
    }
}

void huffman_add_skip(HuffmanAc *table)
{
    const unsigned mask = (1u << HUFFMAN_SKIP_BITS) - 1;
    uint16_t singles[1 << HUFFMAN_SKIP_BITS];
    if (table->has_skip)
        return;
    add_singles(&table->finder, singles);
    for (unsigned i = 0; i <= mask; i++) {
        unsigned len = 0, advance = 0, single = singles[i];
        while (single != 0 && len + (single & 0xff) <= HUFFMAN_SKIP_BITS) {
            len += single & 0xff;
            advance += single >> 8;
            if (advance > SKIP_ADVANCE_MAX)
                break;
            single = singles[i << len & mask];
        }
        table->skip[i] = (uint16_t)(len > 0 ? len | advance << 8 : HUFFMAN_NONE << 8);
    }
    table->has_skip = true;
}
