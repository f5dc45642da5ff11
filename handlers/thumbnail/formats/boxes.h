/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the boxes of ISO base media files, of which HEIC and AVIF are a kind. Takes any bytes, and
 * never reads outside of them. Source: ISO/IEC 14496-12.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOX_NAME(a, b, c, d)                                                                       \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Unread bytes. */
typedef struct {
    const uint8_t *at, *end;
} Bytes;

typedef struct {
    uint32_t name;
    Bytes body;
} Box;

/* Returns the number of unread bytes. */
size_t bytes_left(const Bytes *bytes);

/* Reads a number of `n` bytes, at most 8. If fewer are left, returns 0 and moves to the end. */
uint64_t bytes_read(Bytes *bytes, size_t n);

/* Reads the next box, and moves behind it. A box that ends outside of `bytes` is cut there. */
bool box_next(Bytes *bytes, Box *ret_box);

/* Finds the first box of a name among `boxes`. */
bool box_find(Bytes boxes, uint32_t name, Bytes *ret_body);
