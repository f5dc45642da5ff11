/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of the store's tables: bytes that memcmp sorts in the order of their values, and that are
 * never longer than LMDB allows. Integers are big-endian; signed ones have their sign bit flipped.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes, the limit of LMDB. */
#define KEY_MAX 511

/*
 * A name longer than `max` is cut to this many bytes; a NUL, which no name contains, and its
 * SHA-256 follow. Uploaders choose the names, so the hash must be one for which they cannot find
 * collisions: otherwise one upload could replace another.
 */
#define KEY_HASH_LEN          32
#define KEY_PREFIX_LEN(max)   ((max)-1 - KEY_HASH_LEN)
#define KEY_OBJECT_PREFIX_LEN KEY_PREFIX_LEN(KEY_MAX)

/* An integer index: at most a tag, a value and an id. */
#define KEY_INDEX_MAX 24

/* Writes the key of `name`, at most `max` (64..KEY_MAX) bytes, and returns its length. */
size_t key_from_name(const char *name, size_t max, uint8_t *ret_key);

/* Writes the key of an object's record and returns its length. */
size_t key_from_object(const char *key, uint8_t ret_key[static KEY_MAX]);

/* Write 4 or 8 bytes, most significant first, and return the position behind them. */
uint8_t *key_put_u32(uint8_t *at, uint32_t value);
uint8_t *key_put_u64(uint8_t *at, uint64_t value);
uint8_t *key_put_i64(uint8_t *at, int64_t value);

uint32_t key_get_u32(const uint8_t *at);
uint64_t key_get_u64(const uint8_t *at);
int64_t key_get_i64(const uint8_t *at);
