/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian packing into and out of a byte buffer of known size, for frames and records.
 *
 * Neither side ever touches a byte outside its buffer. A Packer that is full, or an Unpacker that
 * has run out of bytes, sets `failed`, stays failed, and reads zeros. So a codec packs or unpacks
 * all of its fields and checks `failed` once at the end.
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

/* Packs a signed number in two's complement, as pack_u64. */
void pack_i64(Packer *packer, int64_t value);

/*
 * Packs 7 bits per byte, the lowest bits first (LEB128): one byte for values below 128, ten bytes
 * at most.
 */
#define PACK_VARINT_MAX 10
void pack_varint(Packer *packer, uint64_t value);

/* Packs the length (u16) and the bytes, without the NUL. A longer text fails. */
void pack_text(Packer *packer, const char *text);

/* Returns `n` bytes, borrowed from the buffer; NULL if fewer are left. */
const void *unpack_bytes(Unpacker *unpacker, size_t n);
uint8_t unpack_u8(Unpacker *unpacker);
uint16_t unpack_u16(Unpacker *unpacker);
uint32_t unpack_u32(Unpacker *unpacker);
uint64_t unpack_u64(Unpacker *unpacker);
int64_t unpack_i64(Unpacker *unpacker);
uint64_t unpack_varint(Unpacker *unpacker);

/* As unpack_u8 and unpack_u32, but a value outside min..max fails and returns `min`. */
int unpack_int(Unpacker *unpacker, int min, int max);
bool unpack_bool(Unpacker *unpacker);

/*
 * Unpacks a text of pack_text into `text` of `size` bytes, NUL-terminated. A text that does not fit
 * or contains a NUL fails.
 */
void unpack_text(Unpacker *unpacker, char *text, size_t size);
