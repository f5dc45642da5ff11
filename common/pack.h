/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian packing into and out of a byte buffer of known size, for frames and records.
 *
 * Neither end ever touches a byte outside its buffer: a Packer that is full, or an Unpacker that
 * has run out, sets `failed`, stays that way, and reads zero. So a codec is written straight down
 * and checked once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *data;
    size_t len, max;
    bool failed;
} Packer;

typedef struct {
    const uint8_t *data;
    size_t len, at;
    bool failed;
} Unpacker;

void pack_bytes(Packer *packer, const void *bytes, size_t n);
void pack_u8(Packer *packer, uint8_t value);
void pack_u16(Packer *packer, uint16_t value);
void pack_u32(Packer *packer, uint32_t value);
void pack_u64(Packer *packer, uint64_t value);

/* Two's complement, as pack_u64. */
void pack_i64(Packer *packer, int64_t value);

/* 7 bits a byte, the lowest first (LEB128): a byte for what is below 128, ten at the most. */
#define PACK_VARINT_MAX 10
void pack_varint(Packer *packer, uint64_t value);

/* Length (u16) and bytes, without the NUL; longer texts fail. */
void pack_text(Packer *packer, const char *text);

/* Borrowed bytes of the buffer, or NULL when it has run out. */
const void *unpack_bytes(Unpacker *unpacker, size_t n);
uint8_t unpack_u8(Unpacker *unpacker);
uint16_t unpack_u16(Unpacker *unpacker);
uint32_t unpack_u32(Unpacker *unpacker);
uint64_t unpack_u64(Unpacker *unpacker);
int64_t unpack_i64(Unpacker *unpacker);
uint64_t unpack_varint(Unpacker *unpacker);

/* As unpack_u8 and unpack_u32, but fails for a value outside min..max and then gives `min`. */
int unpack_int(Unpacker *unpacker, int min, int max);
bool unpack_bool(Unpacker *unpacker);

/* Undoes pack_text into `text` of `size` bytes, NUL-terminated; fails if it does not fit or holds a
 * NUL. */
void unpack_text(Unpacker *unpacker, char *text, size_t size);
