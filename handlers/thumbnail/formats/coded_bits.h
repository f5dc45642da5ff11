/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the bits of coded video, from the highest of each byte. Takes any bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A reader of bits. Behind the end it reads zeros, and sets `is_past`. */
typedef struct {
    const uint8_t *at, *end;
    /* HEVC puts a 3 behind two zeros, so that no start code arises. */
    bool skips_threes;
    bool is_past;
    /* Zero bytes before `at`. */
    int zeros;
    uint8_t byte;
    /* Unread bits of `byte`. */
    int left;
} CodedBits;

/* Reads a number of `n` bits, at most 32. */
uint32_t bits_read(CodedBits *bits, int n);

/* Skips `n` bits. */
void bits_skip(CodedBits *bits, int n);

/*
 * Reads a number that has as many bits behind its first one as there are zeros before it: ue(v) of
 * HEVC, uvlc of AV1. A number of more than 32 bits is 0, and sets `is_past`.
 */
uint64_t bits_read_golomb(CodedBits *bits);
